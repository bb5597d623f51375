//! A comment, and who sees it in what shape. Pure.
//!
//! A thread counts its changes: every change takes the next number (`seq`) and leaves it on the comment it is about. What somebody has missed
//! since a number is therefore read off the comments as they are now, by [`missing`]: the one rule for what goes out live, for what is sent
//! after a break, and for what another process has written.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use uuid::Uuid;

use super::text;
use crate::moment::rfc3339;

/// Where a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Everybody sees it.
    Shown,
    /// It waits for moderators; they and its author see it.
    Held,
    /// Moderators have refused it; they and its author see it.
    Rejected,
    /// Of somebody who is banned and was not told: for its author it is shown, for moderators rejected, for others not there.
    Quiet,
    /// Deleted; nobody sees it.
    Gone,
}

impl State {
    /// Its word in the database.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Quiet => "quiet",
            Self::Gone => "gone",
        }
    }

    /// By its word in the database; what is unknown is seen by nobody.
    pub(super) fn of_word(word: &str) -> Self {
        [Self::Shown, Self::Held, Self::Rejected, Self::Quiet].into_iter().find(|state| state.word() == word).unwrap_or(Self::Gone)
    }

    /// Its word for somebody who sees it.
    pub(super) fn word_for(self, who: Who) -> &'static str {
        match (self, who) {
            (Self::Quiet, Who::Moderator) => "rejected",
            (Self::Quiet, _) => "shown",
            _ => self.word(),
        }
    }
}

/// How somebody stands to a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A viewer like others.
    Anyone,
    /// Who wrote it.
    Author,
    /// Who moderates the room.
    Moderator,
}

/// What a reply answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    /// The comment.
    pub(super) id: String,
    /// Who wrote it.
    pub(super) name: String,
    /// How it begins.
    pub(super) text: String,
}

/// Longest quotation, in characters.
pub(super) const QUOTE_CHARACTERS: usize = 119;

/// A comment as it is now.
#[derive(Debug)]
pub(super) struct Row {
    /// Id; later comments have greater ones.
    pub(super) id: String,
    /// The change that brought it.
    pub(super) seq: i64,
    /// The change that showed it to everybody, the last time it was.
    pub(super) shown_seq: Option<i64>,
    /// The last change to it.
    pub(super) changed_seq: i64,
    /// Where it stands.
    pub(super) state: State,
    /// Who wrote it: nobody else ever learns this.
    pub(super) viewer_id: Uuid,
    /// What others know the writer by.
    pub(super) handle: String,
    /// The writer's name at the time.
    pub(super) name: String,
    /// What it says; empty when it is gone.
    pub(super) text: String,
    /// When it came, Unix milliseconds.
    pub(super) at_ms: i64,
    /// What it answers to, if that is to be seen.
    pub(super) quote: Option<Quote>,
    /// It stands above the others.
    pub(super) pinned: bool,
    /// A host wrote it.
    pub(super) host: bool,
    /// How often it was answered with which emoji, as a JSON object.
    pub(super) reactions: String,
    /// What everybody is sent of it, less the number and the closing brace, once that was needed.
    pub(super) base: OnceLock<Arc<str>>,
}

impl Clone for Row {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            handle: self.handle.clone(),
            name: self.name.clone(),
            text: self.text.clone(),
            quote: self.quote.clone(),
            reactions: self.reactions.clone(),
            // What was written of the old one may not hold for the new one.
            base: OnceLock::new(),
            ..*self
        }
    }
}

/// What somebody is to be told of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// All of it, under this number.
    Comment(i64),
    /// What can change, under this number.
    Changed(i64),
    /// That it is no more, under this number.
    Gone(i64),
}

impl Tell {
    /// The number that it goes under.
    pub(super) fn seq(self) -> i64 {
        let (Self::Comment(seq) | Self::Changed(seq) | Self::Gone(seq)) = self;
        seq
    }
}

/// Whether somebody sees a comment that stands so.
pub(super) fn sees(state: State, who: Who) -> bool {
    match state {
        State::Shown => true,
        State::Held | State::Rejected | State::Quiet => who != Who::Anyone,
        State::Gone => false,
    }
}

/// What somebody who knows all up to `since` has missed of a comment. That it is gone may be told to somebody who never had it.
pub(super) fn missing(row: &Row, who: Who, since: i64) -> Option<Tell> {
    if row.changed_seq <= since {
        return None;
    }
    // The change that brought it to them, the last time one did, if ever.
    let brought = if who == Who::Anyone { row.shown_seq } else { Some(row.seq) };
    match (sees(row.state, who), brought) {
        (true, Some(brought)) if brought > since => Some(Tell::Comment(brought)),
        (true, Some(_)) => Some(Tell::Changed(row.changed_seq)),
        // Of how often it came and went only the last time is kept: whoever was there since it came may have it.
        (false, Some(_)) if row.seq <= since => Some(Tell::Gone(row.changed_seq)),
        _ => None,
    }
}

impl Row {
    /// How a viewer stands to it.
    pub(super) fn who(&self, viewer_id: Uuid, is_moderator: bool) -> Who {
        if is_moderator {
            Who::Moderator
        } else if self.viewer_id == viewer_id {
            Who::Author
        } else {
            Who::Anyone
        }
    }

    /// The `comment` message, with what is only so for this viewer.
    pub(super) fn comment(&self, seq: i64, who: Who, is_own: bool, mine: &[String]) -> String {
        let mut message = format!("{{\"t\":\"comment\",\"seq\":{seq},");
        if self.state == State::Quiet {
            message.push_str(&self.write_base(who));
        } else {
            message.push_str(self.base.get_or_init(|| self.write_base(who).into()));
        }
        if is_own {
            message.push_str(",\"own\":true");
        }
        if !mine.is_empty() {
            message.push_str(",\"mine\":");
            message.push_str(&json!(mine).to_string());
        }
        message.push('}');
        message
    }

    fn write_base(&self, who: Who) -> String {
        let mut base = json!({
            "id": self.id, "viewer": self.handle, "name": self.name, "text": self.text, "at": rfc3339(self.at_ms),
            "state": self.state.word_for(who), "pinned": self.pinned, "host": self.host, "reactions": self.reactions(),
        });
        if let Some(quote) = &self.quote {
            base["reply_to"] = json!({ "id": quote.id, "name": quote.name, "text": text::beginning(&quote.text, QUOTE_CHARACTERS) });
        }
        let mut base = base.to_string();
        base.remove(0);
        base.pop();
        base
    }

    /// What somebody is told of it, as a message.
    pub(super) fn tell(&self, tell: Tell, who: Who, is_own: bool) -> String {
        match tell {
            Tell::Comment(seq) => self.comment(seq, who, is_own, &[]),
            Tell::Changed(seq) => json!({
                "t": "changed", "seq": seq, "id": self.id, "state": self.state.word_for(who), "pinned": self.pinned,
                "reactions": self.reactions(),
            })
            .to_string(),
            Tell::Gone(seq) => json!({ "t": "gone", "seq": seq, "id": self.id }).to_string(),
        }
    }

    fn reactions(&self) -> Value {
        serde_json::from_str(&self.reactions).unwrap_or_else(|_| json!({}))
    }
}

#[cfg(test)]
mod tests;
