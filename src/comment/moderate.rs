//! What moderators do, on the socket and over the API alike.

use std::sync::Arc;

use serde_json::{Value, json};

use super::across::Word;
use super::ban_store::{self, KeptBan};
use super::bans;
use super::message::{Ban, Said};
use super::registry::catch_up;
use super::row::State;
use super::rules::{Rules, RulesChange};
use super::socket::Talk;
use super::speak::Refused;
use super::writer::{Act, By, Done};
use super::{Comments, store};
use crate::account::{Caller, activity};
use crate::moment::now_ms;
use crate::store::{StoreError, args};

/// Longest reason of a ban, in characters.
const REASON_CHARACTERS: usize = 200;
/// Longest timed ban, in minutes: ten years.
const MINUTES: i64 = 10 * 366 * 24 * 60;

/// Acts on a moderator's message.
pub(super) async fn hear(talk: &Talk, said: Said) -> Result<Option<String>, Refused> {
    let caller = talk.viewer.caller().filter(|_| talk.viewer.moderates());
    let Some(caller) = caller else { return Err(Refused::because("forbidden", "Only moderators of this room can do this.")) };
    let (comments, thread_id) = (&talk.app.comments, &*talk.guest.thread.id);
    let by = By::Moderator(Arc::clone(&caller));
    let act = match said {
        Said::Approve { id } => Act::Move { id, state: State::Shown, by },
        Said::Reject { id } => Act::Move { id, state: State::Rejected, by },
        Said::Pin { id } => Act::Pin { id, pinned: true, by },
        Said::Unpin { id } => Act::Pin { id, pinned: false, by },
        Said::Ban(ban) => return comments.ban(thread_id, &caller, ban).await.map(|_| None),
        Said::Rules(change) => return comments.change_rules(thread_id, &caller, change).await.map(|_| None),
        _ => return Err(Refused::because("unknown_type", "There is no message of this type.")),
    };
    comments.act(thread_id, act).await.map(|_| None)
}

/// Whom a ban is for, as it is kept.
#[derive(Default)]
struct Person {
    viewer_id: Option<String>,
    handle: Option<String>,
    name: String,
    address: Option<String>,
}

impl Comments {
    /// Does something in a thread.
    pub(super) async fn act(&self, thread_id: &str, act: Act) -> Result<Done, Refused> {
        Ok(self.0.writer.act(thread_id, act).await?)
    }

    /// The thread that a room shows.
    pub(super) async fn thread_of(&self, room_id: &str) -> Result<String, StoreError> {
        let kept = store::thread(&self.0.store, room_id).await?;
        Ok(kept.shares.unwrap_or_else(|| room_id.to_owned()))
    }

    /// The rules of a thread.
    pub(super) async fn rules(&self, thread_id: &str) -> Result<Rules, StoreError> {
        Ok(store::thread(&self.0.store, thread_id).await?.rules())
    }

    /// Changes the rules of a thread.
    pub(super) async fn change_rules(&self, thread_id: &str, caller: &Caller, change: RulesChange) -> Result<Rules, Refused> {
        let detail = serde_json::to_value(&change).unwrap_or_default();
        let mut tx = self.0.store.begin().await?;
        // Holds the thread: two who change something at once both get what they asked for.
        store::advance(&mut tx, thread_id, 0).await?.ok_or(StoreError::Missing)?;
        let (text,): (String,) = tx.one("SELECT rules FROM threads WHERE room_id = $1", args![thread_id]).await?;
        let before: Rules = serde_json::from_str(&text).unwrap_or_default();
        let rules = before.changed(change).map_err(|(field, sentence)| Refused::Because("bad_message", format!("{field}: {sentence}")))?;
        store::keep_rules(&mut tx, thread_id, &rules).await?;
        activity::record(&mut tx, caller, "room.rules", thread_id, said_only(detail)).await?;
        self.0.across.tell_with(&mut tx, Word::Rules { thread: thread_id.to_owned() }).await?;
        tx.commit().await?;
        self.refresh(thread_id).await;
        Ok(rules)
    }

    /// Keeps somebody from writing.
    pub(super) async fn ban(&self, thread_id: &str, caller: &Caller, ban: Ban) -> Result<KeptBan, Refused> {
        let bad = |detail: &str| Refused::because("bad_message", detail);
        if ban.minutes.is_some_and(|minutes| !(1..=MINUTES).contains(&minutes)) {
            return Err(bad("A ban lasts one minute to ten years, or for good."));
        }
        let reason = super::text::comment(ban.reason.as_deref().unwrap_or_default());
        if reason.chars().count() > REASON_CHARACTERS {
            return Err(bad("The reason is too long."));
        }
        let mut person = match (&ban.id, &ban.viewer, &ban.range) {
            (Some(id), None, None) => self.writer_of(thread_id, "id", id).await?,
            (None, Some(handle), None) => match self.here(thread_id, handle) {
                Some(person) => person,
                None => self.writer_of(thread_id, "handle", handle).await?,
            },
            (None, None, Some(_)) => Person::default(),
            _ => return Err(bad("A ban is for a comment's writer, a viewer, or a range of addresses.")),
        };
        let range = match (&ban.range, ban.address) {
            (Some(range), _) => Some(bans::range(range).ok_or_else(|| bad("That is no address or range that can be banned."))?),
            (None, true) => {
                Some(person.address.as_deref().and_then(bans::range).ok_or_else(|| bad("Their address is not known any more."))?)
            }
            (None, false) => None,
        };
        if range.is_some() {
            person.viewer_id = None;
        }
        let now_ms = now_ms();
        let kept = KeptBan {
            id: crate::id::new(),
            viewer_id: person.viewer_id,
            handle: person.handle,
            name: person.name,
            address_range: range.map(|range| range.to_string()),
            quiet: i64::from(ban.quiet),
            until_ms: ban.minutes.map(|minutes| now_ms + minutes * 60_000),
            reason,
            by_user: caller.user_name.clone(),
            created_ms: now_ms,
        };
        let detail = json!({ "ban": kept.id, "handle": kept.handle, "name": kept.name, "of_address": kept.address_range.is_some(),
                             "minutes": ban.minutes, "quiet": ban.quiet, "reason": kept.reason });
        let mut tx = self.0.store.begin().await?;
        store::advance(&mut tx, thread_id, 0).await?.ok_or(StoreError::Missing)?;
        ban_store::insert(&mut tx, thread_id, &kept).await?;
        activity::record(&mut tx, caller, "comment.ban", thread_id, detail).await?;
        self.0.across.tell_with(&mut tx, Word::Rules { thread: thread_id.to_owned() }).await?;
        tx.commit().await?;
        self.refresh(thread_id).await;
        Ok(kept)
    }

    /// Lifts a ban; `false`: there was none.
    pub(super) async fn lift(&self, thread_id: &str, caller: &Caller, id: &str) -> Result<bool, StoreError> {
        let mut tx = self.0.store.begin().await?;
        if !ban_store::remove(&mut tx, thread_id, id).await? {
            return Ok(false);
        }
        activity::record(&mut tx, caller, "comment.unban", thread_id, json!({ "ban": id })).await?;
        self.0.across.tell_with(&mut tx, Word::Rules { thread: thread_id.to_owned() }).await?;
        tx.commit().await?;
        self.refresh(thread_id).await;
        Ok(true)
    }

    /// Makes what was just written about a thread hold here.
    pub(super) async fn refresh(&self, thread_id: &str) {
        if let Some(thread) = self.0.registry.thread(thread_id)
            && let Err(error) = catch_up(&self.0.store, &thread).await
        {
            tracing::warn!(%error, "the rules of a thread could not be read; it is tried again");
            self.0.registry.falls_behind(thread_id);
        }
    }

    /// Who wrote the comment with this id, or writes under this handle.
    async fn writer_of(&self, thread_id: &str, column: &'static str, value: &str) -> Result<Person, Refused> {
        let sql = match column {
            "id" => "SELECT viewer_id, handle, name, address FROM comments WHERE thread_id = $1 AND id = $2",
            _ => "SELECT viewer_id, handle, name, address FROM comments WHERE thread_id = $1 AND handle = $2 ORDER BY id DESC LIMIT 1",
        };
        let found: Option<(String, String, String, Option<String>)> = self.0.store.optional(sql, args![thread_id, value]).await?;
        let (viewer_id, handle, name, address) = found.ok_or_else(|| Refused::because("not_found", "There is nobody like this."))?;
        Ok(Person { viewer_id: Some(viewer_id), handle: Some(handle), name, address })
    }

    /// Somebody who is here now.
    fn here(&self, thread_id: &str, handle: &str) -> Option<Person> {
        let mut found = None;
        for hub in self.0.registry.thread(thread_id)?.hubs() {
            hub.each(|viewer| {
                if viewer.handle == handle {
                    found = Some(Person {
                        viewer_id: Some(viewer.id.to_string()),
                        handle: Some(viewer.handle.clone()),
                        name: viewer.said().map(|said| said.name).unwrap_or_default(),
                        address: Some(viewer.address.to_string()),
                    });
                }
            });
        }
        found
    }
}

/// Fields that were said; a list of words is only counted.
fn said_only(mut detail: Value) -> Value {
    if let Some(fields) = detail.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        if let Some(words) = fields.get_mut("words") {
            *words = json!(words.as_array().map_or(0, Vec::len));
        }
    }
    detail
}
