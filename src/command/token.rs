//! `bluecast token`.

use anyhow::{Context, bail};
use bluecast::account::{Caller, Permission, Permissions, activity, token, user};
use bluecast::config::Settings;
use bluecast::moment::now_ms;
use bluecast::secret::Secret;
use bluecast::store::{Purpose, Store};
use serde_json::json;

const DAY_MS: i64 = 24 * 3600 * 1000;

#[derive(clap::Subcommand)]
pub(crate) enum Token {
    /// Make an API token and print it, this once.
    Create {
        /// Whose token; it can do nothing that they cannot.
        #[arg(long)]
        user: String,
        /// What it may do, as `broadcast.view`; may be given several times. Everything the user may, where left out.
        #[arg(long = "scope", value_name = "PERMISSION")]
        scopes: Vec<Permission>,
        /// Days until it ends.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=3650))]
        days: Option<i64>,
        /// What it is for.
        #[arg(long, default_value = "command line")]
        name: String,
    },
}

impl Token {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Self::Create { user, scopes, days, name } = self;
        let settings = Settings::from_env()?;
        let scopes: Permissions = scopes.into_iter().collect();
        let text = super::wait_for(create(&settings, &user, scopes, days, &name))?;
        println!("{}", text.reveal());
        Ok(())
    }
}

async fn create(settings: &Settings, user_name: &str, scopes: Permissions, days: Option<i64>, name: &str) -> anyhow::Result<Secret> {
    let store = Store::open(settings, Purpose::Command).await?;
    let (owner, held) = user::by_name(&store, user_name).await?.with_context(|| format!("there is no user {user_name}"))?;
    let scopes = if scopes == Permissions::default() { held } else { scopes };
    if !held.cover(scopes) {
        bail!("{user_name} does not have all of these permissions");
    }
    let now_ms = now_ms();
    let expires_ms = days.map(|days| now_ms + days * DAY_MS);
    let mut tx = store.begin().await?;
    let (made, text) = token::create(&mut tx, token::NewToken { user_id: &owner.id, name, scopes, expires_ms }, now_ms).await?;
    let detail = json!({"name": made.name, "scopes": made.scopes, "user": owner.name});
    activity::record(&mut tx, &Caller::command_line(), "token.create", &made.id, detail).await?;
    tx.commit().await?;
    store.close().await;
    Ok(text)
}
