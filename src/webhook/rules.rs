//! How a delivery is signed, and when it is tried again. Pure.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// What a webhook can be told of.
pub(super) const EVENTS: [&str; 2] = ["broadcast.phase", "broadcast.target"];
/// What is told when somebody wants to see whether it arrives.
pub(super) const PING: &str = "ping";
/// Waits between tries; after the last one it is given up. Together about a day.
const WAITS_S: [i64; 10] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 36_000];

/// When the next try is due, of a delivery that was tried so often in vain; nothing when it is given up. `chance` in 0..1 keeps those that
/// failed together from coming back together.
pub(super) fn next_try_ms(tries: i64, now_ms: i64, chance: f64) -> Option<i64> {
    let wait_s = *WAITS_S.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most a few hours in ms")]
    let spread_ms = (wait_s as f64 * 200.0 * chance.clamp(0.0, 1.0)) as i64;
    Some(now_ms + wait_s * 1000 + spread_ms)
}

/// The value of `bluecast-signature`: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 of `SECONDS.BODY` under the webhook's secret. Whoever checks
/// it refuses what is older than some minutes, too.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(super) fn signature(secret: &Secret, now_s: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("a key");
    let stamp = mac.chain_update(now_s.to_string()).chain_update(b".").chain_update(body).finalize().into_bytes();
    format!("t={now_s},v1={}", hex::encode(stamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_signature_is_what_others_compute() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac klopfer
        let secret = Secret::new("klopfer");
        assert_eq!(
            signature(&secret, 1_700_000_000, r#"{"a":1}"#),
            "t=1700000000,v1=61305b5645cb29efd1c9c5b32d53e498c56b9f73994ce34cb22930b70486b46b"
        );
        assert_ne!(signature(&secret, 1_700_000_001, r#"{"a":1}"#), signature(&secret, 1_700_000_000, r#"{"a":1}"#));
    }

    proptest! {
        #[test]
        fn waits_grow_and_end(now_ms in 0..1_i64 << 42, chance in 0.0..1.0f64) {
            let due: Vec<i64> = (1..=10).map(|tries| next_try_ms(tries, now_ms, chance).unwrap() - now_ms).collect();
            prop_assert!(due.windows(2).all(|pair| pair[0] < pair[1]) && due[0] >= 5_000);
            prop_assert_eq!(next_try_ms(11, now_ms, chance), None);
            prop_assert_eq!(next_try_ms(0, now_ms, chance), None);
        }
    }
}
