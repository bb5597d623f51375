//! `bluecast user`.

use std::io::{IsTerminal, Read};

use anyhow::{Context, bail};
use bluecast::account::{Caller, Permission, Permissions, activity, password, rules, user};
use bluecast::config::Settings;
use bluecast::moment::now_ms;
use bluecast::secret::Secret;
use bluecast::store::{Purpose, Store, StoreError};
use serde_json::json;

/// The most that is read from standard input, in bytes.
const INPUT_MAX: u64 = 4096;

#[derive(clap::Subcommand)]
pub(crate) enum User {
    /// Make a user. The password is read from standard input, or generated and printed once.
    Create {
        /// Name to log in with.
        name: String,
        /// May everything.
        #[arg(long)]
        admin: bool,
        /// May this, as `broadcast.view`; may be given several times.
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<Permission>,
    },
}

impl User {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Self::Create { name, admin, permissions } = self;
        let settings = Settings::from_env()?;
        if !user::is_name(&name) {
            bail!("a user's name has 1 to 64 of the characters A–Z a–z 0–9 . _ - @");
        }
        let given = password_from_input()?;
        let password = given.clone().unwrap_or_else(password::generate);
        if let Some(objection) = rules::objection(&password, &[&name]) {
            bail!(objection);
        }
        let hash = password::hash(&password);
        let permissions: Permissions = permissions.into_iter().chain(admin.then_some(Permission::SystemAdmin)).collect();
        super::wait_for(create(&settings, &name, &hash, permissions))?;
        match given {
            Some(_) => println!("Made the user {name}."),
            None => println!("Made the user {name} with the password {} (shown this once).", password.reveal()),
        }
        Ok(())
    }
}

async fn create(settings: &Settings, name: &str, hash: &str, permissions: Permissions) -> anyhow::Result<()> {
    let store = Store::open(settings, Purpose::Command).await?;
    let mut tx = store.begin().await?;
    let made = match user::create(&mut tx, name, hash, permissions, now_ms()).await {
        Err(StoreError::Taken) => bail!("a user of this name exists already"),
        made => made?,
    };
    let detail = json!({"name": made.name, "permissions": permissions.names()});
    activity::record(&mut tx, &Caller::command_line(), "user.create", &made.id, detail).await?;
    tx.commit().await?;
    store.close().await;
    Ok(())
}

/// The first line of standard input, unless somebody sits at it or it is empty.
fn password_from_input() -> anyhow::Result<Option<Secret>> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    input.take(INPUT_MAX).read_to_string(&mut text).context("the password on standard input cannot be read")?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Some(line).filter(|line| !line.is_empty()).map(Secret::new))
}
