//! Who may publish: a target of a broadcast that is on the air, with its token, once.

use uuid::Uuid;

use super::Refusal;
use super::address::Asked;
use crate::app::App;
use crate::moment::now_ms;
use crate::origin::publish_token::{self, PublishToken, PublishTokens, is_current};
use crate::store::{Flag, Store, StoreError, args};

/// How soon the same connection may ask again with the same token. E-RTMP asks twice when it opens, over one connection.
const AGAIN_WITHIN_MS: i64 = 10 * 1000;
/// How long a used token is remembered: longer than any is good.
const REMEMBERED_MS: i64 = 10 * 60 * 1000;

#[derive(Debug, sqlx::FromRow)]
struct Target {
    app: Option<String>,
    stream_name: Option<String>,
    removed_ms: Option<i64>,
    ended_ms: Option<i64>,
    #[sqlx(try_from = "i64")]
    desired: Flag,
    epoch: i64,
}

/// Lets somebody publish, or says why not.
pub(super) async fn decide(app: &App, asked: &Asked, client: &str) -> Result<(), Refusal> {
    let text = asked.token.as_deref().ok_or(Refusal::NoToken)?;
    let token = PublishTokens::new(&app.vault).read(text).ok_or(Refusal::BadToken)?;
    let now_ms = now_ms();
    if !is_current(token.expires_ms, publish_token::LIFE_MS, now_ms) {
        return Err(Refusal::Expired);
    }
    let target_id = token.target_id.to_string();
    let sql = "SELECT targets.app, targets.stream_name, targets.removed_ms, broadcasts.ended_ms, broadcasts.desired, broadcasts.epoch \
               FROM targets JOIN broadcasts ON broadcasts.id = targets.broadcast_id WHERE targets.id = $1";
    let target: Option<Target> = app.store.optional(sql, args![&target_id]).await?;
    check(&token, asked, target.as_ref())?;
    if !claim(&app.store, token.nonce, token.target_id, client, now_ms).await? {
        return Err(Refusal::Used);
    }
    tokio::spawn(forget_old(app.store.clone(), now_ms));
    Ok(())
}

fn check(token: &PublishToken, asked: &Asked, target: Option<&Target>) -> Result<(), Refusal> {
    let target = target.ok_or(Refusal::NotOnAir)?;
    if target.removed_ms.is_some() || target.ended_ms.is_some() || !target.desired.0 {
        Err(Refusal::NotOnAir)
    } else if target.app.as_deref() != Some(&asked.app) || target.stream_name.as_deref() != Some(&asked.stream) {
        Err(Refusal::OtherStream)
    } else if target.epoch != token.epoch {
        Err(Refusal::OldEpoch)
    } else {
        Ok(())
    }
}

/// Uses a token up; true, too, when the same connection did so a moment ago.
async fn claim(store: &Store, nonce: [u8; 16], target_id: Uuid, client: &str, now_ms: i64) -> Result<bool, StoreError> {
    let (nonce, target_id) = (hex::encode(nonce), target_id.to_string());
    let insert = "INSERT INTO publish_uses (nonce, target_id, client, used_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (nonce) DO NOTHING";
    if store.run(insert, args![&nonce, &target_id, client, now_ms]).await? == 1 {
        return Ok(true);
    }
    let sql = "SELECT client, used_ms FROM publish_uses WHERE nonce = $1 AND target_id = $2";
    let used: Option<(String, i64)> = store.optional(sql, args![&nonce, &target_id]).await?;
    Ok(used.is_some_and(|(first, used_ms)| first == client && (now_ms - used_ms).abs() <= AGAIN_WITHIN_MS))
}

async fn forget_old(store: Store, now_ms: i64) {
    if let Err(error) = store.run("DELETE FROM publish_uses WHERE used_ms < $1", args![now_ms - REMEMBERED_MS]).await {
        tracing::warn!(%error, "used publish tokens could not be cleared away");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_target_of_the_token_while_it_is_on_the_air() {
        let token = PublishToken { target_id: Uuid::nil(), epoch: 4, nonce: [0; 16], expires_ms: 0 };
        let asked = |address: &str| Asked::parse(address).unwrap();
        let open = || Target {
            app: Some("app".into()),
            stream_name: Some("hall".into()),
            removed_ms: None,
            ended_ms: None,
            desired: Flag(true),
            epoch: 4,
        };
        let here = asked("rtmp://host/app/hall");
        assert_eq!(check(&token, &here, Some(&open())), Ok(()));
        assert_eq!(check(&token, &here, None), Err(Refusal::NotOnAir));
        for (target, refusal) in [
            (Target { removed_ms: Some(1), ..open() }, Refusal::NotOnAir),
            (Target { ended_ms: Some(1), ..open() }, Refusal::NotOnAir),
            (Target { desired: Flag(false), ..open() }, Refusal::NotOnAir),
            (Target { app: None, ..open() }, Refusal::OtherStream),
            (Target { stream_name: None, ..open() }, Refusal::OtherStream),
            (Target { epoch: 3, ..open() }, Refusal::OldEpoch),
            (Target { epoch: 5, ..open() }, Refusal::OldEpoch),
        ] {
            assert_eq!(check(&token, &here, Some(&target)), Err(refusal), "{target:?}");
        }
        for address in ["rtmp://host/app/Hall", "rtmp://host/App/hall", "rtmp://host/app/hall2", "rtmp://host/hall/app"] {
            assert_eq!(check(&token, &asked(address), Some(&open())), Err(Refusal::OtherStream), "{address}");
        }
    }
}
