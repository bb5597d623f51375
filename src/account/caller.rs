//! Who makes a request, and whether they may.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::grants::{self, Grants};
use super::permission::perm::Needed;
use super::permission::{Permission, Permissions};
use super::user::{self, Account};
use super::{cookie, credential, cross_site, session, token};
use crate::app::App;
use crate::config::Settings;
use crate::http::address::ClientAddress;
use crate::http::{Answer, Problem};
use crate::store::{Store, StoreError};

/// Somebody with an account who makes a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Id of the user.
    pub user_id: String,
    /// Name of the user.
    pub user_name: String,
    /// What they may do in this request, on what they see.
    pub permissions: Permissions,
    /// What they may do in single rooms besides.
    pub grants: Arc<Grants>,
    /// By what they are known.
    pub credential: Credential,
    /// Where they call from; `None` on the command line.
    pub address: Option<IpAddr>,
}

/// By what a caller is known, as its hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A session's cookie.
    Session(String),
    /// An API token.
    Token(String),
    /// They sit at the machine itself, or are about to log in.
    None,
}

impl Caller {
    pub(super) fn new(account: Account, credential: Credential, address: Option<IpAddr>) -> Self {
        let Account { user, permissions, grants } = account;
        Self { user_id: user.id, user_name: user.name, permissions, grants: Arc::new(grants), credential, address }
    }

    /// Whoever sits at the machine's own command line.
    pub fn command_line() -> Self {
        Self {
            user_id: String::new(),
            user_name: "command line".to_owned(),
            permissions: Permissions::admin(),
            grants: Arc::default(),
            credential: Credential::None,
            address: None,
        }
    }

    /// A user by their id alone, where nobody calls: with all that they may do.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn of_user(store: &Store, id: &str) -> Result<Option<Self>, StoreError> {
        Ok(user::active(store, id).await?.map(|account| Self::new(account, Credential::None, None)))
    }

    /// Somebody of whom only the address is known.
    pub fn nobody(address: Option<IpAddr>) -> Self {
        Self { user_name: "nobody".to_owned(), permissions: Permissions::default(), address, ..Self::command_line() }
    }

    /// What happens by itself: a schedule, a preset, a rule, by its name. May everything: who may what was seen when it was set up.
    pub fn automatic(name: String) -> Self {
        Self { user_name: name, ..Self::command_line() }
    }

    /// Whether they may do something.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.allow(permission)
    }

    /// Whether they see any broadcasts: all of their groups', or those of single rooms.
    pub fn may_see_broadcasts(&self) -> bool {
        self.may(Permission::BroadcastView) || self.grants.allow_somewhere(&[Permission::BroadcastView])
    }

    /// Refuses with 403 where they may not.
    pub fn must(&self, permission: Permission) -> Answer<()> {
        self.must_any(&[permission])
    }

    /// Refuses with 403 where they may do none of these; of an empty list, everybody may.
    pub fn must_any(&self, permissions: &[Permission]) -> Answer<()> {
        let Some(first) = permissions.first() else { return Ok(()) };
        if permissions.iter().any(|permission| self.may(*permission)) { Ok(()) } else { Err(grants::lacks(*first)) }
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
        if !(P::IN_SOME_ROOM && caller.grants.allow_somewhere(P::ANY)) {
            caller.must_any(P::ANY)?;
        }
        Ok(Self { caller, permission: PhantomData })
    }
}

/// Finds out who makes a request. A token that is sent counts alone: a wrong one is not made good by a cookie.
pub async fn authenticate(parts: &mut Parts, app: &App) -> Answer<Option<Caller>> {
    let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, app).await;
    let now_ms = crate::moment::now_ms();
    let found = if parts.headers.contains_key(header::AUTHORIZATION) {
        match bearer(&parts.headers) {
            Some(text) => token::find(&app.store, text, now_ms).await?.map(|(account, hash)| (account, Credential::Token(hash))),
            None => None,
        }
    } else if let Some(value) = cookie::read(&parts.headers, &app.settings) {
        let found = session::find(&app.store, value, now_ms).await?;
        if found.is_some() {
            cross_site::refuse(&parts.method, &parts.headers, app.settings.public_url.as_ref())?;
        }
        found.map(|(account, hash)| (account, Credential::Session(hash)))
    } else {
        None
    };
    Ok(found.map(|(account, credential)| Caller::new(account, credential, Some(address))))
}

/// What a request shows of itself, as a hash: the same for the same session or token. It says nothing of whether that is any good.
pub(crate) fn fingerprint(headers: &HeaderMap, settings: &Settings) -> Option<String> {
    if headers.contains_key(header::AUTHORIZATION) {
        return bearer(headers).map(credential::hash);
    }
    cookie::read(headers, settings).map(credential::hash)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
