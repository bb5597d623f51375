//! Gives targets at origins what lets them publish there: a token of its own for every connection, and a signature where an origin checks
//! addresses by itself.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::session::TargetPlan;
use crate::media::output::{Signer, TokenSource};
use crate::moment::now_ms;
use crate::origin::publish_token::{LIFE_MS, PublishTokens};
use crate::origin::signed_policy::{self, Policy};
use crate::secret::Secret;
use crate::store::vault::Vault;
use crate::store::{Store, StoreError, args};

#[derive(sqlx::FromRow)]
struct Armed {
    id: String,
    origin_id: String,
    epoch: i64,
    signing_secret_sealed: Option<String>,
}

/// Arms those of the targets that are streams at origins, as long as this epoch of the broadcast lasts: whoever has lost it gets no new token.
pub(super) async fn arm(
    store: &Store,
    vault: &Vault,
    broadcast_id: &str,
    epoch: i64,
    targets: &mut [TargetPlan],
) -> Result<(), StoreError> {
    let sql = "SELECT targets.id, origins.id AS origin_id, broadcasts.epoch, origins.signing_secret_sealed FROM targets \
               JOIN broadcasts ON broadcasts.id = targets.broadcast_id JOIN origins ON origins.id = targets.origin_id \
               WHERE targets.broadcast_id = $1 AND targets.removed_ms IS NULL AND targets.stream_name IS NOT NULL AND broadcasts.epoch = $2";
    let armed: Vec<Armed> = store.all(sql, args![broadcast_id, epoch]).await?;
    let mut armed: HashMap<String, Armed> = armed.into_iter().map(|armed| (armed.id.clone(), armed)).collect();
    for target in targets {
        let Some(armed) = armed.remove(&target.id) else { continue };
        target.token = token(vault, &armed);
        target.sign = signer(vault, &armed);
    }
    Ok(())
}

fn token(vault: &Vault, armed: &Armed) -> Option<TokenSource> {
    let (tokens, target_id, epoch) = (PublishTokens::new(vault), Uuid::parse_str(&armed.id).ok()?, armed.epoch);
    Some(Arc::new(move || tokens.issue(target_id, epoch, now_ms())))
}

fn signer(vault: &Vault, armed: &Armed) -> Option<Signer> {
    let sealed = armed.signing_secret_sealed.as_deref()?;
    let secret = match signed_policy::open(vault, &armed.origin_id, sealed) {
        Ok(secret) => secret,
        Err(error) => {
            tracing::error!(%error, "a target's address cannot be signed");
            return None;
        }
    };
    Some(Arc::new(move |address| {
        let policy = Policy { url_expire_ms: now_ms() + LIFE_MS, stream_expire_ms: None };
        Secret::new(signed_policy::query(address, &secret, policy))
    }))
}
