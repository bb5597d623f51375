//! What a thread lets be written. Pure: [`judge`] decides what becomes of a text.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::pattern::{self, Patterns};
use super::row::State;

/// Who may write, and who is asked first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// Everybody; it is shown at once.
    #[default]
    Open,
    /// Everybody; moderators let it through.
    Approve,
    /// Nobody but moderators; what was written stays to be read.
    Closed,
    /// There are no comments here.
    Off,
}

/// What becomes of comments with links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Links {
    /// Nothing.
    Allow,
    /// Moderators let them through.
    #[default]
    Hold,
    /// They are refused.
    Refuse,
}

/// The rules of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rules {
    /// Who may write.
    pub(super) mode: Mode,
    /// What becomes of links.
    pub(super) links: Links,
    /// Seconds between two comments of one viewer, 0 to 3600.
    pub(super) slow_s: i64,
    /// Longest comment in characters, 1 to 4000.
    pub(super) max_chars: i64,
    /// A name is asked for before the first comment.
    pub(super) ask_name: bool,
    /// A telephone number, too.
    pub(super) ask_phone: bool,
    /// What can be answered with, at most 12.
    pub(super) emojis: Vec<String>,
    /// What holds a comment back until moderators let it through: words, or `/expressions/`. At most 100 of 200 characters.
    pub(super) words: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        let emojis = ["👍", "❤️", "😂", "👏", "😮", "🙏"].map(str::to_owned).to_vec();
        Self {
            mode: Mode::Open,
            links: Links::Hold,
            slow_s: 0,
            max_chars: 1000,
            ask_name: true,
            ask_phone: false,
            emojis,
            words: Vec::new(),
        }
    }
}

/// What changes about the rules; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesChange {
    /// Who may write.
    pub(super) mode: Option<Mode>,
    /// What becomes of links.
    pub(super) links: Option<Links>,
    /// Seconds between two comments of one viewer, 0 to 3600.
    pub(super) slow_s: Option<i64>,
    /// Longest comment in characters, 1 to 4000.
    pub(super) max_chars: Option<i64>,
    /// Whether a name is asked for.
    pub(super) ask_name: Option<bool>,
    /// Whether a telephone number is asked for.
    pub(super) ask_phone: Option<bool>,
    /// What can be answered with, at most 12.
    pub(super) emojis: Option<Vec<String>>,
    /// What holds a comment back: words, or `/expressions/`. At most 100 of 200 characters.
    pub(super) words: Option<Vec<String>>,
}

/// Longest slow mode, in seconds.
const SLOW_S: i64 = 3600;
/// Longest comment, in characters: with four bytes each it still fits into a message.
const CHARACTERS: i64 = 4000;
const EMOJIS: usize = 12;

impl Rules {
    /// The rules after a change.
    ///
    /// # Errors
    /// The field that is wrong, and a sentence about it.
    pub(super) fn changed(&self, change: RulesChange) -> Result<Self, (&'static str, String)> {
        let rules = Self {
            mode: change.mode.unwrap_or(self.mode),
            links: change.links.unwrap_or(self.links),
            slow_s: change.slow_s.unwrap_or(self.slow_s),
            max_chars: change.max_chars.unwrap_or(self.max_chars),
            ask_name: change.ask_name.unwrap_or(self.ask_name),
            ask_phone: change.ask_phone.unwrap_or(self.ask_phone),
            emojis: change.emojis.unwrap_or_else(|| self.emojis.clone()),
            words: change.words.unwrap_or_else(|| self.words.clone()),
        };
        if !(0..=SLOW_S).contains(&rules.slow_s) {
            return Err(("slow_s", format!("The time between two comments is 0 to {SLOW_S} seconds.")));
        }
        if !(1..=CHARACTERS).contains(&rules.max_chars) {
            return Err(("max_chars", format!("Comments have 1 to {CHARACTERS} characters at most.")));
        }
        // An emoji may be many code points; text and signs are none.
        let is_emoji = |text: &String| {
            (1..=40).contains(&text.len())
                && !text.chars().any(|letter| letter.is_control() || letter.is_alphabetic() || "<>&\"'".contains(letter))
        };
        if rules.emojis.len() > EMOJIS || !rules.emojis.iter().all(is_emoji) {
            return Err(("emojis", format!("At most {EMOJIS} emoji can be offered.")));
        }
        Patterns::new(&rules.words).map_err(|sentence| ("words", sentence))?;
        Ok(rules)
    }

    /// As viewers are told them; `words` are for moderators.
    pub(super) fn message(&self, for_moderators: bool) -> Value {
        let mut message = json!({
            "t": "rules", "mode": self.mode, "links": self.links, "slow_s": self.slow_s, "max_chars": self.max_chars,
            "ask_name": self.ask_name, "ask_phone": self.ask_phone, "emojis": self.emojis,
        });
        if for_moderators {
            message["words"] = json!(self.words);
        }
        message
    }
}

/// Somebody who wants to write, as far as it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Writer {
    /// They may moderate here.
    pub(super) is_moderator: bool,
    /// They have said a name.
    pub(super) has_name: bool,
    /// They have said a telephone number.
    pub(super) has_phone: bool,
    /// They are banned.
    pub(super) ban: Option<Told>,
}

/// How somebody is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// They were told.
    Yes,
    /// They go on writing, and nobody reads it.
    No,
}

/// Why nothing can be written. Its word is the code of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refusal {
    /// Comments are closed.
    Closed,
    /// They are banned.
    Banned,
    /// Nothing is in it.
    Empty,
    /// It is longer than the room takes.
    TooLong,
    /// A name comes first.
    NameNeeded,
    /// A telephone number comes first.
    PhoneNeeded,
    /// It has a link.
    LinksRefused,
}

/// What becomes of a text that was cleaned ([`text::comment`](super::text::comment)).
pub(super) fn judge(rules: &Rules, patterns: &Patterns, writer: Writer, text: &str) -> Result<State, Refusal> {
    if rules.mode == Mode::Off || (rules.mode == Mode::Closed && !writer.is_moderator) {
        return Err(Refusal::Closed);
    }
    if writer.ban == Some(Told::Yes) && !writer.is_moderator {
        return Err(Refusal::Banned);
    }
    if text.is_empty() {
        return Err(Refusal::Empty);
    }
    if text.chars().count() > usize::try_from(rules.max_chars).unwrap_or(0) {
        return Err(Refusal::TooLong);
    }
    if writer.is_moderator {
        return Ok(State::Shown);
    }
    if rules.ask_name && !writer.has_name {
        return Err(Refusal::NameNeeded);
    }
    if rules.ask_phone && !writer.has_phone {
        return Err(Refusal::PhoneNeeded);
    }
    let has_link = rules.links != Links::Allow && pattern::has_link(text);
    if has_link && rules.links == Links::Refuse {
        return Err(Refusal::LinksRefused);
    }
    if writer.ban == Some(Told::No) {
        return Ok(State::Quiet);
    }
    if rules.mode == Mode::Approve || has_link || patterns.found_in(text) {
        return Ok(State::Held);
    }
    Ok(State::Shown)
}

#[cfg(test)]
mod tests;
