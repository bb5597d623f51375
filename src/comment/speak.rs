//! What viewers say, and what comes of it.

use std::sync::Arc;

use serde_json::json;

use super::bans::Banned;
use super::hub::{Hub, Mine, comment_for};
use super::message::{self, Post, Said, error, too_fast};
use super::row::{State, Who};
use super::rules::{self, Mode, Refusal, Told, Writer};
use super::socket::Talk;
use super::store::{self, For};
use super::text;
use super::thread::you_message;
use super::writer::{Act, By, Failure, NewComment};
use super::{frame::code, moderate};
use crate::moment::now_ms;
use crate::room::{answers, people};

/// Acts on a message.
pub(super) async fn hear(talk: &mut Talk, text: &str) {
    let said = match message::read(text) {
        Ok(said) => said,
        Err(Some((code, detail))) => {
            talk.viewer.text(&error(code, detail, message::reference(text).as_deref()));
            return;
        }
        Err(None) => {
            talk.viewer.close(code::UNSUPPORTED);
            return;
        }
    };
    if talk.place.is_none() {
        match said {
            Said::Hello { since } => hello(talk, since).await,
            Said::Ping => pong(talk),
            _ => refuse(talk, "bad_message", "The first message is `hello`.", None),
        }
        return;
    }
    match said {
        Said::Hello { .. } => refuse(talk, "bad_message", "`hello` was said already.", None),
        Said::Ping => pong(talk),
        Said::Post(said) => {
            let reference = said.reference.clone();
            match post(talk, said).await {
                Ok(ack) => talk.viewer.text(&ack),
                Err(refused) => talk.viewer.text(&refused.message(Some(&reference))),
            }
        }
        Said::Delete { id } => answer(talk, delete(talk, id).await),
        Said::React { id, emoji, on } => answer(talk, react(talk, id, emoji, on)),
        Said::Name { name, phone } => answer(talk, name_said(talk, &name, phone.as_deref()).await),
        Said::More { before, limit } => answer(talk, page(talk, before.as_deref(), limit, false).await),
        Said::Queue { before, limit } => answer(talk, page(talk, before.as_deref(), limit, true).await),
        said => answer(talk, moderate::hear(talk, said).await),
    }
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Refused {
    /// A code and a sentence.
    Because(&'static str, String),
    /// To be tried again after so many milliseconds.
    TooFast(i64),
}

impl Refused {
    pub(super) fn because(code: &'static str, detail: &str) -> Self {
        Self::Because(code, detail.to_owned())
    }

    fn message(&self, reference: Option<&str>) -> String {
        match self {
            Self::Because(code, detail) => error(code, detail, reference),
            Self::TooFast(retry_ms) => too_fast(*retry_ms, reference),
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFound => Self::because("not_found", "There is no such comment."),
            Failure::Busy => Self::because("server_busy", "The server cannot take it at the moment. Try again."),
        }
    }
}

impl From<crate::store::StoreError> for Refused {
    fn from(error: crate::store::StoreError) -> Self {
        tracing::error!(%error, "a viewer's message could not be acted on");
        Self::from(Failure::Busy)
    }
}

fn answer(talk: &Talk, result: Result<Option<String>, Refused>) {
    match result {
        Ok(Some(message)) => talk.viewer.text(&message),
        Ok(None) => {}
        Err(refused) => talk.viewer.text(&refused.message(None)),
    }
}

fn refuse(talk: &Talk, code: &'static str, detail: &str, reference: Option<&str>) {
    Hub::refuse(&talk.viewer, code, detail, reference);
}

fn pong(talk: &Talk) {
    talk.viewer.text("{\"t\":\"pong\"}");
}

async fn hello(talk: &mut Talk, since: Option<i64>) {
    let mine = if talk.is_new {
        Mine::new()
    } else {
        match people::said(&talk.app.store, talk.viewer.id).await {
            Ok(said) => talk.viewer.say(said),
            Err(error) => tracing::warn!(%error, "a viewer's name could not be read"),
        }
        mine_in_view(talk).await
    };
    talk.viewer.ask_s.store(super::keeper::first_ask_s(), std::sync::atomic::Ordering::Relaxed);
    talk.place = talk.guest.welcome(&talk.viewer, since, &mine, false);
}

/// Tells somebody anew who was too slow, or stands otherwise to the room than before.
pub(super) async fn tell_anew(talk: &mut Talk) {
    let mine = mine_in_view(talk).await;
    talk.guest.welcome(&talk.viewer, None, &mine, true);
}

/// A viewer's own emoji on the comments that newcomers are shown.
async fn mine_in_view(talk: &Talk) -> Mine {
    let ends = {
        let content = talk.guest.thread.content();
        let (items, _) = content.items(&talk.viewer);
        let all = items.iter().chain(content.pinned()).filter(|row| row.reactions != "{}");
        let ids: Vec<&str> = all.map(|row| &*row.id).collect();
        ids.iter().min().zip(ids.iter().max()).map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
    };
    match ends {
        Some((from, to)) => mine(talk, &from, &to).await,
        None => Mine::new(),
    }
}

async fn mine(talk: &Talk, from: &str, to: &str) -> Mine {
    let found = store::mine(&talk.app.store, talk.viewer.id, from, to).await;
    let found = found.unwrap_or_else(|error| {
        tracing::warn!(%error, "a viewer's emoji could not be read");
        Vec::new()
    });
    let mut mine = Mine::new();
    for (id, emoji) in found {
        mine.entry(id).or_default().push(emoji);
    }
    mine
}

async fn page(talk: &Talk, before: Option<&str>, limit: Option<u32>, queue: bool) -> Result<Option<String>, Refused> {
    let viewer = &talk.viewer;
    let whom = match (queue, viewer.moderates()) {
        (true, false) => return Err(Refused::because("forbidden", "Only moderators see what waits.")),
        (true, true) => For::Queue,
        (false, true) => For::Moderator,
        (false, false) => For::Viewer(viewer.id),
    };
    if talk.guest.thread.content().rules.mode == Mode::Off {
        return Ok(Some(json!({ "t": "page", "items": [], "before": null }).to_string()));
    }
    talk.app.comments.0.limits.page(viewer.address, now_ms()).map_err(Refused::TooFast)?;
    let limit = message::page_size(limit);
    let mut rows = store::page(&talk.app.store, &talk.guest.thread.id, whom, before, limit + 1).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.reverse();
    let mine = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) if rows.iter().any(|row| row.reactions != "{}") => mine(talk, &first.id, &last.id).await,
        _ => Mine::new(),
    };
    let items: Vec<String> = rows.iter().map(|row| comment_for(row, viewer, &mine)).collect();
    let before = json!(rows.first().filter(|_| has_more).map(|row| &row.id));
    let queue = if queue { ",\"queue\":true" } else { "" };
    Ok(Some(format!("{{\"t\":\"page\",\"items\":[{}],\"before\":{before}{queue}}}", items.join(","))))
}

async fn name_said(talk: &Talk, name: &str, phone: Option<&str>) -> Result<Option<String>, Refused> {
    talk.app.comments.0.limits.emoji(talk.viewer.id, now_ms()).map_err(Refused::TooFast)?;
    let said = said_now(talk, Some(name), phone)?;
    keep_said(talk, said).await?;
    Ok(Some(you_message(talk.guest.thread.content().you(&talk.viewer))))
}

/// What somebody says of themselves now; what they leave out is as they said it before.
fn said_now(talk: &Talk, name: Option<&str>, phone: Option<&str>) -> Result<Option<people::Said>, Refused> {
    let before = talk.viewer.said();
    let phone = match phone {
        Some(phone) => Some(
            answers::phone(phone, talk.app.settings.room.phone_region)
                .ok_or_else(|| Refused::because("bad_phone", "This is no telephone number."))?,
        ),
        None => before.as_ref().and_then(|said| said.phone.clone()),
    };
    let name = match name {
        Some(name) => text::name(name).ok_or_else(|| Refused::because("bad_name", "This cannot be a name."))?,
        None => match before {
            Some(said) => said.name,
            None => return Ok(None),
        },
    };
    Ok(Some(people::Said { name, phone }))
}

/// Keeps it, where it is new.
async fn keep_said(talk: &Talk, said: Option<people::Said>) -> Result<(), Refused> {
    if talk.viewer.said() == said {
        return Ok(());
    }
    if let Some(said) = &said {
        let mut tx = talk.app.store.begin().await?;
        people::say(&mut tx, talk.viewer.id, said).await?;
        tx.commit().await?;
    }
    talk.viewer.say(said);
    Ok(())
}

async fn post(talk: &Talk, post: Post) -> Result<String, Refused> {
    let (viewer, thread_id) = (&talk.viewer, &*talk.guest.thread.id);
    if post.as_host && !viewer.moderates() {
        return Err(Refused::because("forbidden", "Only moderators speak as hosts."));
    }
    let clean = text::comment(&post.text);
    let (rules, patterns, ban) = {
        let content = talk.guest.thread.content();
        let ban = content.ban(viewer).map(Banned::told);
        (Arc::clone(&content.rules), Arc::clone(&content.patterns), ban)
    };
    let is_moderator = viewer.moderates();
    let said = said_now(talk, post.name.as_deref(), post.phone.as_deref())?;
    let has_phone = said.as_ref().is_some_and(|said| said.phone.is_some());
    let writer = Writer { is_moderator, has_name: said.is_some(), has_phone, ban };
    let state = match rules::judge(&rules, &patterns, writer, &clean) {
        Ok(state) => state,
        Err(refused) => {
            if refused == Refusal::PhoneNeeded {
                // The name need not be said again with the number.
                keep_said(talk, said).await?;
            }
            return Err(refusal(refused));
        }
    };
    if !is_moderator
        && let Err(wait_ms) = talk.app.comments.0.limits.comment(thread_id, viewer.id, viewer.address, rules.slow_s * 1000, now_ms())
    {
        // It may be one that is kept, whose answer was lost with the connection.
        let kept = store::kept(&talk.app.store, thread_id, viewer.id, &post.reference).await?;
        return kept.map(|(id, state)| ack(talk, &post.reference, &id, state)).ok_or(Refused::TooFast(wait_ms));
    }
    keep_said(talk, said.clone()).await?;
    let caller = viewer.caller().filter(|_| post.as_host);
    let name = said.map(|said| said.name).or_else(|| caller.as_ref().map(|caller| caller.user_name.clone()));
    let new = NewComment {
        room_id: talk.guest.room_id.clone(),
        reference: post.reference.clone(),
        viewer_id: viewer.id,
        handle: viewer.handle.clone(),
        name: name.unwrap_or_default(),
        text: clean,
        state,
        host: post.as_host,
        reply_to: post.reply_to,
        address: Some(viewer.address.to_string()),
    };
    let done = talk.app.comments.0.writer.act(thread_id, Act::Post(new, caller)).await?;
    Ok(ack(talk, &post.reference, &done.id, done.state))
}

fn ack(talk: &Talk, reference: &str, id: &str, state: State) -> String {
    let who = if talk.viewer.moderates() { Who::Moderator } else { Who::Author };
    json!({ "t": "ack", "ref": reference, "id": id, "state": state.word_for(who) }).to_string()
}

pub(super) fn refusal(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Closed => Refused::because("closed", "Comments are closed."),
        Refusal::Banned => Refused::because("banned", "You cannot write here."),
        Refusal::Empty => Refused::because("empty", "There is nothing in it."),
        Refusal::TooLong => Refused::because("too_long", "It is too long."),
        Refusal::NameNeeded => Refused::because("name_needed", "Say your name first."),
        Refusal::PhoneNeeded => Refused::because("phone_needed", "Say your telephone number first."),
        Refusal::LinksRefused => Refused::because("links_refused", "Links are not taken here."),
    }
}

async fn delete(talk: &Talk, id: String) -> Result<Option<String>, Refused> {
    let viewer = &talk.viewer;
    let by = match viewer.caller().filter(|_| viewer.moderates()) {
        Some(caller) => By::Moderator(caller),
        None => By::Viewer(viewer.id),
    };
    talk.app.comments.0.writer.act(&talk.guest.thread.id, Act::Move { id, state: State::Gone, by }).await?;
    Ok(None)
}

fn react(talk: &Talk, id: String, emoji: String, on: bool) -> Result<Option<String>, Refused> {
    let viewer = &talk.viewer;
    let (rules, ban) = {
        let content = talk.guest.thread.content();
        (Arc::clone(&content.rules), content.ban(viewer).map(Banned::told))
    };
    match ban.filter(|_| !viewer.moderates()) {
        Some(Told::Yes) => return Err(refusal(Refusal::Banned)),
        // They are not told, and nobody sees it.
        Some(Told::No) => return Ok(None),
        None => {}
    }
    if matches!(rules.mode, Mode::Closed | Mode::Off) && !viewer.moderates() {
        return Err(refusal(Refusal::Closed));
    }
    if on && !rules.emojis.contains(&emoji) {
        return Err(Refused::because("bad_message", "This emoji is not among those of the room."));
    }
    talk.app.comments.0.limits.emoji(viewer.id, now_ms()).map_err(Refused::TooFast)?;
    talk.app.comments.0.writer.react(&talk.guest.thread.id, id, viewer.id, emoji, on)?;
    Ok(None)
}
