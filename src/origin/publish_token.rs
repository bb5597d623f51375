//! Publish tokens: with one, a target is opened once, for a minute, by whoever holds the broadcast now.
//!
//! A token names the target, the epoch under which its broadcast was taken up, when it ends, and itself (a nonce). Any node reads what
//! another wrote. What is current and what is used up is not in it: [the webhook](super::hooks) asks the database.

use uuid::Uuid;

use crate::secret::Secret;
use crate::stamp::Stamp;
use crate::store::vault::{Vault, random};

/// How long a token opens a connection.
pub const LIFE_MS: i64 = 60 * 1000;
/// How far the clocks of two nodes may be apart.
pub(super) const SKEW_MS: i64 = 30 * 1000;

const NONCE_BYTES: usize = 16;
const BYTES: usize = 16 + 8 + NONCE_BYTES + 8;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishToken {
    /// The target that it opens.
    pub target_id: Uuid,
    /// The epoch of the broadcast, as whoever wrote it knew it.
    pub epoch: i64,
    /// No other token has the same.
    pub nonce: [u8; NONCE_BYTES],
    /// When it ends, Unix milliseconds.
    pub expires_ms: i64,
}

/// Writes and reads publish tokens.
#[derive(Clone)]
pub struct PublishTokens(Stamp);

impl PublishTokens {
    /// Those of this installation.
    pub fn new(vault: &Vault) -> Self {
        Self(Stamp::new(vault, "publish token 1"))
    }

    /// A new token for one connection to a target.
    pub fn issue(&self, target_id: Uuid, epoch: i64, now_ms: i64) -> Secret {
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce);
        Secret::new(self.write(&PublishToken { target_id, epoch, nonce, expires_ms: now_ms + LIFE_MS }))
    }

    fn write(&self, token: &PublishToken) -> String {
        let (epoch, expires_ms) = (token.epoch.to_be_bytes(), token.expires_ms.to_be_bytes());
        self.0.write(&[&token.target_id.as_bytes()[..], &epoch, &token.nonce, &expires_ms].concat())
    }

    /// What a text says, if it is a token that was issued here, whatever the time.
    pub fn read(&self, text: &str) -> Option<PublishToken> {
        let bytes: [u8; BYTES] = self.0.read(text)?;
        let (target_id, rest) = bytes.split_first_chunk::<16>()?;
        let (epoch, rest) = rest.split_first_chunk::<8>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (expires_ms, _) = rest.split_first_chunk::<8>()?;
        Some(PublishToken {
            target_id: Uuid::from_bytes(*target_id),
            epoch: i64::from_be_bytes(*epoch),
            nonce: *nonce,
            expires_ms: i64::from_be_bytes(*expires_ms),
        })
    }
}

/// Whether something that ends at `expires_ms` and lives for `life_ms` at most is good now, by clocks that may be [`SKEW_MS`] apart.
pub(super) fn is_current(expires_ms: i64, life_ms: i64, now_ms: i64) -> bool {
    expires_ms.saturating_add(SKEW_MS) >= now_ms && expires_ms <= now_ms.saturating_add(life_ms + SKEW_MS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::SecretKey;

    fn tokens(key: u8) -> PublishTokens {
        PublishTokens::new(&Vault::new(&SecretKey::new([key; 32])))
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(target in any::<u128>(), epoch in any::<i64>(), nonce in any::<[u8; 16]>(), expires_ms in any::<i64>()) {
            let token = PublishToken { target_id: Uuid::from_u128(target), epoch, nonce, expires_ms };
            let text = tokens(1).write(&token);
            prop_assert_eq!(tokens(1).read(&text), Some(token));
            prop_assert_eq!(tokens(2).read(&text), None);
        }

        #[test]
        fn any_other_text_is_no_token(text in "\\PC{0,200}", cut in 0..107usize) {
            prop_assert_eq!(tokens(1).read(&text), None);
            let whole = tokens(1).issue(Uuid::nil(), 1, 0);
            prop_assert_eq!(tokens(1).read(&whole.reveal()[..cut]), None);
        }

        #[test]
        fn time_is_kept_with_the_skew_of_two_clocks(now_ms in 0..1_i64 << 50, late_ms in -200_000..200_000_i64) {
            let good = (-SKEW_MS..=LIFE_MS + SKEW_MS).contains(&late_ms);
            prop_assert_eq!(is_current(now_ms + LIFE_MS, LIFE_MS, now_ms + late_ms), good);
        }
    }

    #[test]
    fn two_tokens_are_never_the_same_and_fit_a_streamid() {
        let (one, two) = (tokens(1).issue(Uuid::nil(), 1, 0), tokens(1).issue(Uuid::nil(), 1, 0));
        assert_ne!(one, two);
        // SRT carries 512 bytes of streamid, with virtual host, application and stream name.
        assert_eq!(one.reveal().len(), 107);
    }

    #[test]
    fn times_at_the_ends_of_numbers_are_not_current() {
        assert!(!is_current(i64::MIN, LIFE_MS, 0));
        assert!(!is_current(i64::MAX, LIFE_MS, 0));
    }
}
