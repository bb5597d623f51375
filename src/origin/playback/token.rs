//! Playback tokens: with one, a viewer opens a broadcast at an origin or one of its edges.
//!
//! A token names the room, the viewer and the target from which the room plays. It is good for a few minutes and for more than one
//! connection: players open several at a time and lose some. Whether the room still lets the viewer in is asked at every use.

use uuid::Uuid;

use super::super::publish_token::is_current;
use crate::secret::Secret;
use crate::stamp::Stamp;
use crate::store::vault::Vault;

/// How long a token opens connections.
pub const LIFE_MS: i64 = 5 * 60 * 1000;

const BYTES: usize = 16 + 1 + 16 + 16 + 8;

/// Who a token lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A viewer, by the id in their cookie.
    Viewer(Uuid),
    /// Somebody with an account who may watch everything, as long as they may.
    User(Uuid),
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaybackToken {
    /// The room's id.
    pub room_id: Uuid,
    /// Who plays.
    pub holder: Holder,
    /// The target at whose origin they play.
    pub target_id: Uuid,
    /// When it ends, Unix milliseconds.
    pub expires_ms: i64,
}

/// Writes and reads playback tokens.
#[derive(Clone)]
pub struct PlaybackTokens(Stamp);

impl PlaybackTokens {
    /// Those of this installation.
    pub fn new(vault: &Vault) -> Self {
        Self(Stamp::new(vault, "playback token 1"))
    }

    /// The text of a token.
    pub fn write(&self, token: &PlaybackToken) -> Secret {
        let (kind, holder) = match token.holder {
            Holder::Viewer(id) => (0, id),
            Holder::User(id) => (1, id),
        };
        let expires_ms = token.expires_ms.to_be_bytes();
        let parts = [&token.room_id.as_bytes()[..], &[kind], holder.as_bytes(), token.target_id.as_bytes(), &expires_ms];
        Secret::new(self.0.write(&parts.concat()))
    }

    /// What a text says, if it is a token that was written here, whatever the time.
    pub fn read(&self, text: &str) -> Option<PlaybackToken> {
        let bytes: [u8; BYTES] = self.0.read(text)?;
        let (room_id, rest) = bytes.split_first_chunk::<16>()?;
        let (kind, rest) = rest.split_first()?;
        let (holder, rest) = rest.split_first_chunk::<16>()?;
        let (target_id, rest) = rest.split_first_chunk::<16>()?;
        let (expires_ms, _) = rest.split_first_chunk::<8>()?;
        let holder = Uuid::from_bytes(*holder);
        Some(PlaybackToken {
            room_id: Uuid::from_bytes(*room_id),
            holder: if *kind == 1 { Holder::User(holder) } else { Holder::Viewer(holder) },
            target_id: Uuid::from_bytes(*target_id),
            expires_ms: i64::from_be_bytes(*expires_ms),
        })
    }
}

impl PlaybackToken {
    /// Whether it opens connections now.
    pub fn is_current(&self, now_ms: i64) -> bool {
        is_current(self.expires_ms, LIFE_MS, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::publish_token::PublishTokens;
    use super::*;
    use crate::config::SecretKey;

    fn vault() -> Vault {
        Vault::new(&SecretKey::new([3; 32]))
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(ids in any::<[u128; 3]>(), user in any::<bool>(), expires_ms in any::<i64>()) {
            let [room_id, holder, target_id] = ids.map(Uuid::from_u128);
            let holder = if user { Holder::User(holder) } else { Holder::Viewer(holder) };
            let token = PlaybackToken { room_id, holder, target_id, expires_ms };
            prop_assert_eq!(PlaybackTokens::new(&vault()).read(PlaybackTokens::new(&vault()).write(&token).reveal()), Some(token));
        }

        #[test]
        fn any_other_text_is_no_token(text in "\\PC{0,200}") {
            prop_assert_eq!(PlaybackTokens::new(&vault()).read(&text), None);
        }
    }

    #[test]
    fn a_token_to_publish_plays_nothing_and_the_other_way_round() {
        let publish = PublishTokens::new(&vault()).issue(Uuid::nil(), 1, 0);
        assert_eq!(PlaybackTokens::new(&vault()).read(publish.reveal()), None);
        let token = PlaybackToken { room_id: Uuid::nil(), holder: Holder::Viewer(Uuid::nil()), target_id: Uuid::nil(), expires_ms: 0 };
        assert_eq!(PublishTokens::new(&vault()).read(PlaybackTokens::new(&vault()).write(&token).reveal()), None);
    }
}
