//! The first admin, made when there is no user.

use serde_json::json;

use super::permission::Permissions;
use super::{Caller, activity, password, user};
use crate::config::Settings;
use crate::secret::Secret;
use crate::store::{Store, StoreError};

/// An admin that was just made.
#[derive(Debug)]
pub struct FirstAdmin {
    /// Name to log in with.
    pub name: String,
    /// The password, where it was generated: to be printed once.
    pub generated_password: Option<Secret>,
}

/// Makes the first admin of the settings where there is no user; of several processes that begin at once, one does.
pub async fn first_admin(store: &Store, settings: &Settings) -> Result<Option<FirstAdmin>, StoreError> {
    let mut tx = store.begin().await?;
    if user::any(&mut tx).await? {
        return Ok(None);
    }
    let generated = settings.admin_password.is_none().then(password::generate);
    let password = generated.clone().or_else(|| settings.admin_password.clone()).unwrap_or_default();
    let hash = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    let Ok(hash) = hash else { return Ok(None) };
    let name = settings.admin_user.clone();
    match user::create(&mut tx, &name, &hash, Permissions::admin(), crate::moment::now_ms()).await {
        Err(StoreError::Taken) => return Ok(None),
        created => {
            let created = created?;
            activity::record(&mut tx, &Caller::command_line(), "user.create", &created.id, json!({"name": name, "first": true})).await?;
        }
    }
    tx.commit().await?;
    Ok(Some(FirstAdmin { name, generated_password: generated }))
}
