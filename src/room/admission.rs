//! Who may watch a room. Pure: [`admit`] decides for the page, its events, the embedded edge and the origins alike.

use serde::{Deserialize, Serialize};

/// Whom a room is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody; it stands on the front page while something is on.
    #[default]
    Public,
    /// Everybody who has its address.
    Unlisted,
    /// Whoever knows its password.
    Password,
    /// Whoever has filled in its form.
    Registered,
}

impl Visibility {
    /// Its word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Password => "password",
            Self::Registered => "registered",
        }
    }

    /// Whether it is not for everybody.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Password | Self::Registered)
    }
}

impl TryFrom<String> for Visibility {
    type Error = UnknownVisibility;

    fn try_from(word: String) -> Result<Self, UnknownVisibility> {
        let all = [Self::Public, Self::Unlisted, Self::Password, Self::Registered];
        all.into_iter().find(|visibility| visibility.word() == word).ok_or(UnknownVisibility)
    }
}

/// A word that says for nobody whom a room is for: a room that this program does not understand is open to nobody.
#[derive(Debug, thiserror::Error)]
#[error("a room's visibility is of another version of Bluecast")]
pub struct UnknownVisibility;

/// What a room asks of those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whom it is for.
    pub visibility: Visibility,
    /// Which of its passwords counts now.
    pub password_version: i64,
}

/// A password that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which of the room's passwords it was.
    pub password_version: i64,
    /// Until when it is remembered, Unix milliseconds.
    pub until_ms: i64,
}

/// What counts of somebody who wants to watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    /// They have an account that may manage rooms or operate broadcasts.
    pub is_staff: bool,
    /// The password that they gave for this room.
    pub grant: Option<Grant>,
    /// They have filled in the form of this room.
    pub is_registered: bool,
}

/// Whether somebody may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They may.
    Admitted(Admitted),
    /// Not without the room's password.
    NeedsPassword,
    /// Not before they have filled in the room's form.
    NeedsRegistration,
}

/// How somebody may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The room is not for everybody: they are asked anew every so often.
    pub is_closed: bool,
    /// When it ends by itself, Unix milliseconds.
    pub until_ms: Option<i64>,
}

/// Longest time that somebody watches a closed room without being asked again.
const CLOSED_LIFETIME_MS: i64 = 15 * 60 * 1000;
/// The same in a room that is open to everybody, which may be closed at any time.
const OPEN_LIFETIME_MS: i64 = 2 * 3600 * 1000;

impl Admitted {
    /// How long somebody plays before an origin cuts them and their player has to ask again, in milliseconds, always above 0.
    ///
    /// An origin knows no other way to end a viewer's connection than to be told at its beginning how long it lasts. So whoever is banned,
    /// logged out, or has given a password that was changed since, goes on for this long at most. The price is that everybody's player
    /// connects anew that often, which shows as a still picture for a moment. `spread` (anything) takes up to a tenth off, so that those
    /// who came together do not all come back together.
    pub fn lifetime_ms(self, now_ms: i64, spread: u8) -> i64 {
        let longest = if self.is_closed { CLOSED_LIFETIME_MS } else { OPEN_LIFETIME_MS };
        let spread = longest - longest / 10 * i64::from(spread) / 255;
        let rest = self.until_ms.map_or(i64::MAX, |until_ms| until_ms.saturating_sub(now_ms));
        spread.min(rest).max(1)
    }
}

/// Decides whether somebody may watch a room at `now_ms`.
pub fn admit(rule: Rule, guest: &Guest, now_ms: i64) -> Admission {
    match rule.visibility {
        Visibility::Public | Visibility::Unlisted => Admission::Admitted(Admitted { is_closed: false, until_ms: None }),
        Visibility::Password | Visibility::Registered if guest.is_staff => {
            Admission::Admitted(Admitted { is_closed: true, until_ms: None })
        }
        Visibility::Registered if guest.is_registered => Admission::Admitted(Admitted { is_closed: true, until_ms: None }),
        Visibility::Registered => Admission::NeedsRegistration,
        Visibility::Password => match guest.grant {
            Some(grant) if grant.password_version == rule.password_version && grant.until_ms > now_ms => {
                Admission::Admitted(Admitted { is_closed: true, until_ms: Some(grant.until_ms) })
            }
            _ => Admission::NeedsPassword,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(visibility: Visibility) -> Rule {
        Rule { visibility, password_version: 3 }
    }

    #[test]
    fn open_rooms_take_everybody() {
        for visibility in [Visibility::Public, Visibility::Unlisted] {
            let admission = admit(rule(visibility), &Guest::default(), 0);
            assert_eq!(admission, Admission::Admitted(Admitted { is_closed: false, until_ms: None }));
        }
    }

    #[test]
    fn a_password_counts_while_it_is_the_current_one_and_remembered() {
        let with = |password_version, until_ms| Guest { grant: Some(Grant { password_version, until_ms }), ..Guest::default() };
        let admit = |guest: &Guest| admit(rule(Visibility::Password), guest, 1000);
        assert_eq!(admit(&with(3, 1001)), Admission::Admitted(Admitted { is_closed: true, until_ms: Some(1001) }));
        let registered = Guest { is_registered: true, ..Guest::default() };
        for guest in [Guest::default(), registered, with(3, 1000), with(2, 5000), with(4, 5000)] {
            assert_eq!(admit(&guest), Admission::NeedsPassword, "{guest:?}");
        }
        let staff = Guest { is_staff: true, ..Guest::default() };
        assert_eq!(admit(&staff), Admission::Admitted(Admitted { is_closed: true, until_ms: None }));
    }

    #[test]
    fn a_room_for_the_registered_takes_them_and_no_password() {
        let admit = |guest: &Guest| admit(rule(Visibility::Registered), guest, 1000);
        let inside = Admission::Admitted(Admitted { is_closed: true, until_ms: None });
        assert_eq!(admit(&Guest { is_registered: true, ..Guest::default() }), inside);
        assert_eq!(admit(&Guest { is_staff: true, ..Guest::default() }), inside);
        let with_password = Guest { grant: Some(Grant { password_version: 3, until_ms: 5000 }), ..Guest::default() };
        assert_eq!(admit(&with_password), Admission::NeedsRegistration);
        assert_eq!(admit(&Guest::default()), Admission::NeedsRegistration);
    }

    #[test]
    fn words_are_read_back_and_others_refused() {
        for visibility in [Visibility::Public, Visibility::Unlisted, Visibility::Password, Visibility::Registered] {
            assert_eq!(Visibility::try_from(visibility.word().to_owned()).unwrap(), visibility);
        }
        assert!(Visibility::try_from("friends".to_owned()).is_err());
    }

    proptest! {
        #[test]
        fn nobody_plays_for_ever_or_longer_than_they_may(is_closed: bool, until_ms: Option<i64>, now_ms in 0..1_i64 << 45, spread: u8) {
            let lifetime_ms = Admitted { is_closed, until_ms }.lifetime_ms(now_ms, spread);
            prop_assert!((1..=OPEN_LIFETIME_MS).contains(&lifetime_ms));
            prop_assert!(!is_closed || lifetime_ms <= CLOSED_LIFETIME_MS);
            if let Some(until_ms) = until_ms {
                prop_assert!(lifetime_ms == 1 || now_ms + lifetime_ms <= until_ms);
            } else {
                prop_assert!(lifetime_ms >= CLOSED_LIFETIME_MS / 10 * 9);
            }
        }
    }
}
