//! Who makes a request, and whether they may.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::permission::perm::Needed;
use super::permission::{Permission, Permissions};
use super::{cookie, cross_site, session, token};
use crate::app::App;
use crate::http::address::ClientAddress;
use crate::http::{Answer, Problem};

/// Somebody with an account who makes a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Id of the user.
    pub user_id: String,
    /// Name of the user.
    pub user_name: String,
    /// What they may do in this request.
    pub permissions: Permissions,
    /// Where they call from; `None` on the command line.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Whoever sits at the machine's own command line.
    pub fn command_line() -> Self {
        Self { user_id: String::new(), user_name: "command line".to_owned(), permissions: Permissions::admin(), address: None }
    }

    /// What happens by itself: a schedule, a preset, a rule, by its name. May everything: who may what was seen when it was set up.
    pub fn automatic(name: String) -> Self {
        Self { user_name: name, ..Self::command_line() }
    }

    /// Whether they may do something.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.allow(permission)
    }

    /// Refuses with 403 where they may not.
    pub fn must(&self, permission: Permission) -> Answer<()> {
        self.must_any(&[permission])
    }

    /// Refuses with 403 where they may do none of these; of an empty list, everybody may.
    pub fn must_any(&self, permissions: &[Permission]) -> Answer<()> {
        let Some(first) = permissions.first() else { return Ok(()) };
        if permissions.iter().any(|permission| self.may(*permission)) {
            return Ok(());
        }
        Err(Problem::forbidden("forbidden", format!("This needs the permission `{first}`, which lets its holder {}.", first.meaning())))
    }
}

/// First argument of every handler: lets through who holds the permission, with 401 or 403 for everybody else.
#[derive(Clone, Debug)]
pub struct Allowed<P> {
    caller: Caller,
    permission: PhantomData<P>,
}

impl<P> Deref for Allowed<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P: Needed> FromRequestParts<App> for Allowed<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = authenticate(parts, app).await?.ok_or_else(Problem::not_authenticated)?;
        caller.must_any(P::ANY)?;
        Ok(Self { caller, permission: PhantomData })
    }
}

/// Finds out who makes a request. A token that is sent counts alone: a wrong one is not made good by a cookie.
pub async fn authenticate(parts: &mut Parts, app: &App) -> Answer<Option<Caller>> {
    let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, app).await;
    let now_ms = crate::moment::now_ms();
    let found = if parts.headers.contains_key(header::AUTHORIZATION) {
        match bearer(&parts.headers) {
            Some(text) => token::find(&app.store, text, now_ms).await?,
            None => None,
        }
    } else if let Some(value) = cookie::read(&parts.headers, &app.settings) {
        let found = session::find(&app.store, value, now_ms).await?;
        if found.is_some() {
            cross_site::refuse(&parts.method, &parts.headers, app.settings.public_url.as_ref())?;
        }
        found
    } else {
        None
    };
    Ok(found.map(|(user, permissions)| Caller { user_id: user.id, user_name: user.name, permissions, address: Some(address) }))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
