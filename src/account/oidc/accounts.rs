//! The account of somebody who logs in elsewhere: found, or made, and brought into the groups that the provider names.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::permission::Permissions;
use super::super::rise::{in_turn, must_leave_an_admin};
use super::super::scope::{self, Kind};
use super::super::user::{self, Account};
use super::super::{Caller, activity, group, role};
use super::map::{Target, words};
use super::provider::{Identity, Provider};
use crate::app::App;
use crate::http::Answer;
use crate::moment::now_ms;
use crate::store::{StoreError, Transaction, args};

/// Names that are tried for a new account.
const NAMES: u32 = 50;

/// The account of an identity; `None` where it has none here, or may not log in.
pub(super) async fn of(app: &App, provider: &Provider, identity: &Identity) -> Answer<Option<Account>> {
    let settings = provider.settings();
    let words = words(&identity.claims, &settings.groups_claim);
    let matched = settings.group_map.of(&words);
    // Whoever the institution knows is not therefore one of us.
    if !settings.group_map.is_empty() && matched.is_empty() {
        return Ok(None);
    }
    let caller = Caller { user_name: settings.name.clone(), ..Caller::nobody(None) };
    let user_id = match known(app, identity).await? {
        Some(user_id) => user_id,
        None => make(app, &caller, identity).await?,
    };
    if let Err(problem) = bring(app, &caller, provider, &user_id, &matched).await {
        if problem.code != "last_admin" {
            return Err(problem);
        }
        tracing::warn!(user = user_id, "the provider takes the last admin's rights away; they are kept");
    }
    Ok(user::active(&app.store, &user_id).await?)
}

async fn known(app: &App, identity: &Identity) -> Answer<Option<String>> {
    let sql = "SELECT user_id FROM oidc_identities WHERE issuer = $1 AND subject = $2";
    let found: Option<(String,)> = app.store.optional(sql, args![&identity.issuer, &identity.subject]).await?;
    Ok(found.map(|(user_id,)| user_id))
}

/// Makes an account. One that is there already is never taken over because its name is the same: names are not proof.
async fn make(app: &App, caller: &Caller, identity: &Identity) -> Answer<String> {
    let wanted = name(identity);
    for number in 1..=NAMES {
        let name = if number == 1 { wanted.clone() } else { format!("{wanted}-{number}") };
        let mut tx = app.store.begin().await?;
        let user = match user::create(&mut tx, &name, user::NO_PASSWORD, Permissions::default(), now_ms()).await {
            Err(StoreError::Taken) => continue,
            made => made?,
        };
        tx.run("UPDATE users SET email = $2 WHERE id = $1", args![&user.id, identity.email.clone()]).await?;
        let sql = "INSERT INTO oidc_identities (issuer, subject, user_id) VALUES ($1, $2, $3)";
        match tx.run(sql, args![&identity.issuer, &identity.subject, &user.id]).await {
            // Another login of the same person was quicker.
            Err(StoreError::Taken) => {
                drop(tx);
                return Ok(known(app, identity).await?.unwrap_or_default());
            }
            kept => kept?,
        };
        let detail = json!({"name": user.name, "issuer": identity.issuer});
        activity::record(&mut tx, caller, "user.create", &user.id, detail).await?;
        tx.commit().await?;
        return Ok(user.id);
    }
    Err(crate::http::Problem::conflict("name_taken", "There are too many users of this name."))
}

/// Lets somebody have the groups and roles that the provider's words stand for, and of all that words stand for no others.
async fn bring(app: &App, caller: &Caller, provider: &Provider, user_id: &str, matched: &BTreeSet<&Target>) -> Answer<()> {
    let map = &provider.settings().group_map;
    if map.is_empty() {
        return Ok(());
    }
    let roles_before = role::of_users(&app.store, user_id, user_id).await?.remove(user_id).unwrap_or_default();
    let mut tx = app.store.begin().await?;
    in_turn(&mut tx).await?;
    let groups_before = scope::groups_in(&mut tx, Kind::User, user_id).await?;
    let (mut groups, mut roles) = (groups_before.clone(), roles_before.clone());
    for target in map.all() {
        let (list, id) = match target {
            Target::Group(name) => (&mut groups, Some(group_named(&mut tx, name).await?)),
            Target::Role(name) => (&mut roles, role_named(&mut tx, name).await?),
        };
        let Some(id) = id else {
            tracing::warn!(?target, "BLUECAST_OIDC_GROUP_MAP names a role that is not there");
            continue;
        };
        list.retain(|held| *held != id);
        if matched.contains(target) {
            list.push(id);
        }
    }
    groups.sort();
    roles.sort();
    if groups == groups_before && roles == roles_before {
        tx.commit().await?;
        return Ok(());
    }
    scope::hold(&mut tx, Kind::User, user_id, &groups).await?;
    role::set(&mut tx, user_id, &roles).await?;
    must_leave_an_admin(&mut tx).await?;
    let (before, after) = (json!({"groups": groups_before, "roles": roles_before}), json!({"groups": groups, "roles": roles}));
    activity::record(&mut tx, caller, "user.change", user_id, activity::difference(&caller.user_name, &before, &after, &[])).await?;
    tx.commit().await?;
    app.accounts.tell();
    Ok(())
}

async fn group_named(tx: &mut Transaction, name: &str) -> Result<String, StoreError> {
    let found: Option<(String,)> = tx.optional("SELECT id FROM account_groups WHERE lower(name) = lower($1)", args![name]).await?;
    match found {
        Some((id,)) => Ok(id),
        None => Ok(group::create(tx, name, now_ms()).await?.id),
    }
}

async fn role_named(tx: &mut Transaction, name: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = tx.optional("SELECT id FROM roles WHERE lower(name) = lower($1)", args![name]).await?;
    Ok(found.map(|(id,)| id))
}

/// What somebody is called here, of the letters that names here have.
fn name(identity: &Identity) -> String {
    let local = identity.email.as_deref().and_then(|email| email.split('@').next());
    let wanted = identity.name.as_deref().or(local).unwrap_or("user");
    let plain: String = wanted
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "._-@".contains(letter) { letter } else { '-' })
        .take(56)
        .collect();
    if plain.chars().any(|letter| letter.is_ascii_alphanumeric()) { plain } else { "user".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identity_has_a_name_that_can_be_one_here() {
        let of = |name: Option<&str>, email: Option<&str>| {
            let identity = Identity {
                issuer: String::new(),
                subject: String::new(),
                name: name.map(str::to_owned),
                email: email.map(str::to_owned),
                claims: serde_json::Map::new(),
            };
            self::name(&identity)
        };
        assert_eq!(of(Some("ada.lovelace"), None), "ada.lovelace");
        assert_eq!(of(Some("Ada <b>"), None), "Ada--b-");
        assert_eq!(of(None, Some("ada@example.org")), "ada");
        assert_eq!(of(Some("प्रिया"), None), "user");
        assert_eq!(of(None, None), "user");
        for odd in ["\u{202e}gnp.exe", &"x".repeat(500), "a/b\\c\n"] {
            assert!(user::is_name(&of(Some(odd), None)), "{odd:?}");
        }
    }
}
