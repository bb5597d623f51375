//! What is known of BBB's pages, one *page adapter* a generation, so that a new release of BBB is a new table and not a new program.

mod ending;
mod follow;
mod v2_7;
mod v3;
mod v4;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use follow::{Decision, Follower, Hearing, Verdict};

/// A generation of BBB's client page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Generation {
    /// 2.7 and what came before it.
    V2_7,
    /// 3.0.
    #[default]
    V3,
    /// 4.0, also named 3.1 for a time.
    V4,
}

impl Generation {
    /// The generation of a server that calls itself so (`3.0.19`); the present one where it does not say.
    pub fn of_version(version: &str) -> Self {
        let mut numbers = version.trim().split(['.', '-']).map(|part| part.parse::<u32>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(0..=2), _) => Self::V2_7,
            (Some(3), Some(1..)) | (Some(4..), _) => Self::V4,
            _ => Self::V3,
        }
    }

    fn adapter(self) -> &'static Adapter {
        match self {
            Self::V2_7 => &v2_7::ADAPTER,
            Self::V3 => &v3::ADAPTER,
            Self::V4 => &v4::ADAPTER,
        }
    }
}

/// A table of names (`data-test` and `data-testid`) on a generation's pages.
#[derive(Debug)]
struct Adapter {
    /// The path of the client's pages holds this; in a cluster the server's name may come before it.
    client_path: &'static str,
    /// How the path of the page ends on which one waits to be let in.
    lobby_path: Option<&'static str>,
    /// Any of these says that the meeting is shown.
    meeting: &'static [&'static str],
    /// Any of these says that we wait to be let in.
    lobby: &'static [&'static str],
    /// Any of these says that it is over for us, and in which words why.
    ended: &'static [&'static str],
    /// Any of these says that the client gave up, and why.
    broken: &'static [&'static str],
    /// The banner of a lost connection.
    banner: &'static str,
    /// A dialog lies over the meeting.
    dialogs: &'static [&'static str],
    /// Sound is being connected: better not to click now.
    connecting: &'static [&'static str],
    /// What to click, the first that is there.
    clicks: &'static [Click],
}

/// Something to click when it is there.
#[derive(Debug, PartialEq, Eq)]
struct Click {
    /// What has to be seen.
    when: When,
    /// What is clicked then.
    target: Target,
    /// What is told about it, if it changes what the meeting sees or hears.
    notice: Option<(&'static str, &'static str)>,
}

#[derive(Debug, PartialEq, Eq)]
enum When {
    /// It is seen itself.
    Seen,
    /// It is seen, and sound is not joined yet.
    NoSound,
    /// It is seen, and the dialogs that lie over the meeting hold the word.
    Asks(&'static str),
    /// It is seen, and they do not.
    AsksNot(&'static str),
    /// Always, when a button with this label is seen: it has no name.
    PlayButton,
}

#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// The element of this name.
    Named(&'static str),
    /// The button with this label (a regular expression).
    Labelled(&'static str),
}

/// What the page shows, as the probe saw it.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "what a page shows or does not")]
pub(super) struct Observation {
    /// The scheme and a colon: `https:`, but `chrome-error:` where nothing could be loaded.
    pub(super) scheme: String,
    pub(super) path: String,
    pub(super) loaded: bool,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Names of the visible elements.
    pub(super) seen: BTreeSet<String>,
    /// Texts of those that tell something.
    pub(super) texts: BTreeMap<String, String>,
    pub(super) layout: bool,
    pub(super) queue: bool,
    /// Why the server refused the join, in its words.
    pub(super) refusal: String,
    pub(super) error: Option<String>,
    pub(super) play: bool,
    /// What the dialogs over the meeting say.
    pub(super) dialog: String,
    /// How the page begins.
    pub(super) text: String,
}

impl Observation {
    fn sees(&self, name: &str) -> bool {
        self.seen.contains(name)
    }

    fn sees_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.sees(name))
    }

    fn text_of(&self, names: &[&str]) -> String {
        let texts: Vec<&str> = names.iter().filter_map(|name| self.texts.get(*name)).map(String::as_str).collect();
        texts.join(" ")
    }
}

/// The script whose value is an [`Observation`].
pub(super) fn probe(generation: Generation) -> String {
    let adapter = generation.adapter();
    let telling: Vec<&str> = [adapter.lobby, adapter.ended, adapter.broken, &[adapter.banner]].concat();
    include_str!("probe.js").replace("TELLING", &serde_json::json!(telling).to_string())
}

/// A click that a [`Decision`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Press {
    selector: String,
    label: Option<&'static str>,
}

impl Press {
    fn on(target: &Target) -> Self {
        match target {
            Target::Named(name) => Self { selector: format!(r#"[data-test="{name}"],[data-testid="{name}"]"#), label: None },
            Target::Labelled(label) => Self { selector: "button".into(), label: Some(label) },
        }
    }

    /// The script that does it; its value is whether there was something to click.
    pub(super) fn script(&self) -> String {
        let selector = serde_json::json!(self.selector).to_string();
        let label = serde_json::json!(self.label).to_string();
        include_str!("click.js").replace("SELECTOR", &selector).replace("LABEL", &label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_generations() {
        for (version, generation) in [
            ("2.7.10", Generation::V2_7),
            ("2.4", Generation::V2_7),
            ("3.0.19", Generation::V3),
            ("3.0.0-rc.1", Generation::V3),
            ("3.1.0-beta.2", Generation::V4),
            ("4.0.0-rc.5", Generation::V4),
            ("5", Generation::V4),
            ("", Generation::V3),
            ("unknown", Generation::V3),
        ] {
            assert_eq!(Generation::of_version(version), generation, "{version}");
        }
    }

    #[test]
    fn scripts_are_filled() {
        for generation in [Generation::V2_7, Generation::V3, Generation::V4] {
            let script = probe(generation);
            assert!(script.contains("meetingEndedModal") && !script.contains("TELLING)"), "{script}");
        }
        let script = Press::on(&Target::Named("listenOnlyBtn")).script();
        assert!(script.contains(r#"[data-test=\"listenOnlyBtn\"]"#) && script.ends_with(", null)\n"), "{script}");
    }
}
