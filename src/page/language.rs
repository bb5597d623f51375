//! Which language somebody reads.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English, where nothing else fits.
    #[default]
    English,
    /// Hindi.
    Hindi,
    /// German.
    German,
}

impl Language {
    /// All, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::English, Self::Hindi, Self::German];

    /// As in `lang`.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Hindi => "hi",
            Self::German => "de",
        }
    }

    /// In capitals, for the menu's button.
    pub fn short(self) -> &'static str {
        match self {
            Self::English => "EN",
            Self::Hindi => "HI",
            Self::German => "DE",
        }
    }

    /// What it calls itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Hindi => "हिन्दी",
            Self::German => "Deutsch",
        }
    }

    /// The language of a tag such as `de-AT`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The one of ours that an `Accept-Language` header wants most.
    pub fn of_header(header: &str) -> Option<Self> {
        let wanted = header.split(',').take(32).filter_map(|part| {
            let mut pieces = part.split(';');
            let language = Self::of_tag(pieces.next()?)?;
            let quality = pieces.find_map(|piece| piece.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            (quality > 0.0).then_some((language, quality))
        });
        // Of equals the first one counts, so a later one must be better.
        wanted.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(language, _)| language)
    }

    /// The message of this name. The catalogues are checked to hold every name that is used.
    pub fn message(self, key: &'static str) -> &'static str {
        let catalogue: &Catalogue = match self {
            Self::English => &ENGLISH,
            Self::Hindi => &HINDI,
            Self::German => &GERMAN,
        };
        catalogue.get(key).map_or(key, String::as_str)
    }
}

type Catalogue = BTreeMap<String, String>;

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("../../web/locales/en.json")));
static HINDI: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("../../web/locales/hi.json")));
static GERMAN: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("../../web/locales/de.json")));

#[expect(clippy::expect_used, reason = "part of the program, and read by a test")]
fn read(text: &str) -> Catalogue {
    serde_json::from_str(text).expect("a catalogue is an object of texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_language_of_ours_wins() {
        let of = |header| Language::of_header(header).map(Language::code);
        assert_eq!(of("de-AT,de;q=0.9,en;q=0.8"), Some("de"));
        assert_eq!(of("fr, en;q=0.5, hi-IN;q=0.7"), Some("hi"));
        assert_eq!(of("en, hi"), Some("en"));
        assert_eq!(of("hi;q=0, en;q=0.1"), Some("en"));
        assert_eq!(of("fr, *;q=0.5"), None);
        assert_eq!(of(""), None);
        assert_eq!(of("de;q=rubbish"), Some("de"));
    }

    #[test]
    fn every_catalogue_can_be_read() {
        let titles: Vec<&str> = Language::ALL.iter().map(|language| language.message("login.title")).collect();
        assert_eq!(titles, ["Log in", "लॉग इन करें", "Anmelden"]);
        assert_eq!(Language::German.message("no.such.message"), "no.such.message");
    }
}
