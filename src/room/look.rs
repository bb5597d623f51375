//! What an organiser may say about the look of a room: a colour out of a list, links, sites that may show it.

use serde::{Deserialize, Serialize};
use url::Url;

use super::typed;
use crate::http::{Answer, Problem, check};

/// Links that a room may have.
const LINKS: usize = 12;
/// Sites that may be named.
const SITES: usize = 32;
const LABEL_CHARACTERS: usize = 60;

/// The colour of what can be pressed. Each name is a set of colours that can be read in light and in dark (`web/src/style/accents.css`): a
/// colour of anybody's choice could not promise that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Accent {
    /// Bluecast's own.
    #[default]
    Blue,
    /// Teal.
    Teal,
    /// Green.
    Green,
    /// Amber.
    Amber,
    /// Red.
    Red,
    /// Magenta.
    Magenta,
    /// Violet.
    Violet,
    /// Slate.
    Slate,
}

impl Accent {
    /// All of them.
    pub const ALL: [Self; 8] = [Self::Blue, Self::Teal, Self::Green, Self::Amber, Self::Red, Self::Magenta, Self::Violet, Self::Slate];

    /// Its word, in the database and in pages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Teal => "teal",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
            Self::Magenta => "magenta",
            Self::Violet => "violet",
            Self::Slate => "slate",
        }
    }
}

impl From<String> for Accent {
    /// A word of another version is our own blue.
    fn from(word: String) -> Self {
        Self::ALL.into_iter().find(|accent| accent.word() == word).unwrap_or_default()
    }
}

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// Facebook.
    Facebook,
    /// Pleroma, Mastodon and their kin.
    Fediverse,
    /// Telegram.
    Telegram,
    /// X.
    X,
    /// `YouTube`.
    Youtube,
    /// Anywhere else.
    Other,
}

/// A link of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SocialLink {
    /// Where it leads.
    pub kind: LinkKind,
    /// The address, http or https.
    pub url: String,
    /// What it is called; the kind's own name or the host where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl SocialLink {
    /// What it is called.
    pub fn name(&self) -> String {
        if let Some(label) = &self.label {
            return label.clone();
        }
        let own = match self.kind {
            LinkKind::Facebook => "Facebook",
            LinkKind::Telegram => "Telegram",
            LinkKind::X => "X",
            LinkKind::Youtube => "YouTube",
            LinkKind::Fediverse | LinkKind::Other => {
                let host = Url::parse(&self.url).ok().and_then(|url| url.host_str().map(str::to_owned));
                return host.unwrap_or_default();
            }
        };
        own.to_owned()
    }
}

/// Checks links.
pub(super) fn links(given: Vec<SocialLink>) -> Answer<Vec<SocialLink>> {
    if given.len() > LINKS {
        return Err(Problem::invalid("links", format!("A room has {LINKS} links at most.")));
    }
    let check = |(index, link): (usize, SocialLink)| {
        let label = link.label.filter(|label| !label.trim().is_empty());
        let label = label.map(|label| typed::line(&format!("links[{index}].label"), &label, LABEL_CHARACTERS)).transpose()?;
        Ok(SocialLink { kind: link.kind, url: web_address(&format!("links[{index}].url"), &link.url)?, label })
    };
    given.into_iter().enumerate().map(check).collect()
}

/// An address that a page may lead to: http or https, nothing that runs. What stands behind `#` is kept.
pub(super) fn web_address(field: &str, text: &str) -> Answer<String> {
    let (place, fragment) = text.trim().split_once('#').unwrap_or((text.trim(), ""));
    let mut url = check::url(field, place, &["https", "http"])?;
    if !fragment.is_empty() {
        url.set_fragment(Some(fragment));
    }
    Ok(url.into())
}

/// Checks the sites that may embed a room: origins, or `*` alone for all.
pub(super) fn sites(given: &[String]) -> Answer<Vec<String>> {
    if given.len() > SITES {
        return Err(Problem::invalid("sites", format!("A room has {SITES} sites at most.")));
    }
    if given.iter().any(|site| site.trim() == "*") {
        return Ok(vec!["*".to_owned()]);
    }
    let mut sites = Vec::with_capacity(given.len());
    for (index, text) in given.iter().enumerate() {
        let origin = site(&format!("sites[{index}]"), text)?;
        if !sites.contains(&origin) {
            sites.push(origin);
        }
    }
    Ok(sites)
}

/// The origin of a site, as browsers write it. Only what a content policy can name: no IPv6 addresses, nothing odd in the host.
fn site(field: &str, text: &str) -> Answer<String> {
    let wrong = || Problem::invalid(field, format!("`{field}` must be a site such as https://www.example.org, without a path."));
    let url = check::url(field, text, &["https", "http"]).map_err(|_| wrong())?;
    let host = url.host_str().unwrap_or_default();
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if url.path() != "/" || url.query().is_some() || !plain || host.is_empty() {
        return Err(wrong());
    }
    Ok(url.origin().ascii_serialization())
}

/// Checks the tag of a language, as in `lang`: `hi`, `pt-BR`.
pub(super) fn language(text: &str) -> Answer<String> {
    let mut pieces = text.trim().split('-');
    let primary = pieces.next().is_some_and(|piece| (2..=3).contains(&piece.len()) && piece.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let rest = pieces.all(|piece| (1..=8).contains(&piece.len()) && piece.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if !primary || !rest || text.len() > 35 {
        return Err(Problem::invalid("language", "`language` must be the tag of a language, such as en, hi or pt-BR."));
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_are_read_back_and_unknown_ones_are_ours() {
        for accent in Accent::ALL {
            assert_eq!(Accent::from(accent.word().to_owned()), accent);
        }
        assert_eq!(Accent::from("#ff0000;}".to_owned()), Accent::Blue);
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert_eq!(web_address("url", " https://example.org/a#b ").unwrap(), "https://example.org/a#b");
        for wrong in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "//x",
            "x",
            "",
            "ftp://x/",
            "https://u:p@x/",
        ] {
            assert!(web_address("url", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_is_called_by_its_label_its_kind_or_its_host() {
        let link =
            |kind, label: Option<&str>| SocialLink { kind, url: "https://social.example/@a".into(), label: label.map(str::to_owned) };
        assert_eq!(link(LinkKind::X, None).name(), "X");
        assert_eq!(link(LinkKind::Fediverse, None).name(), "social.example");
        assert_eq!(link(LinkKind::Other, Some("Our list")).name(), "Our list");
    }

    #[test]
    fn sites_are_origins() {
        let of = |list: &[&str]| sites(&list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            of(&["https://WWW.example.org/", "https://www.example.org:443", "http://a.example:8080"]).unwrap(),
            ["https://www.example.org", "http://a.example:8080"]
        );
        assert_eq!(of(&["https://a.example", "*"]).unwrap(), ["*"]);
        assert_eq!(of(&[]).unwrap(), Vec::<String>::new());
        for wrong in [
            "a.example",
            "https://a.example/b",
            "https://a.example?x",
            "https://*.example",
            "https://[::1]",
            "https://a.example;script-src *",
            "null",
            "",
        ] {
            assert!(of(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn languages_are_tags() {
        for right in ["en", "hi", "pt-BR", "zh-Hant-TW", "gsw"] {
            assert_eq!(language(right).unwrap(), right);
        }
        for wrong in ["", "e", "english", "en_US", "en-", "en\"", "1n"] {
            assert!(language(wrong).is_err(), "{wrong}");
        }
    }
}
