//! What BBB says of the meeting that a broadcast carries.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::etiquette::Announce;
use super::state::Happened;
use crate::app::App;
use crate::bbb::{BbbError, Client, Generation, JoinParams, Meeting, MeetingWatch, Sighting};
use crate::http::{Answer, Problem};
use crate::media::error::{MediaError, Side};
use crate::media::source::browser;
use crate::secret::Secret;

/// How often a meeting that does not run yet is looked for.
const WAITING_EVERY: Duration = Duration::from_secs(3);
/// How often a running meeting is looked at.
const RUNNING_EVERY: Duration = Duration::from_secs(10);
/// How often and how long apart a server that does not answer is asked whether the meeting is over.
const ASK_TIMES: usize = 5;
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// A meeting and the way to it.
#[derive(Clone)]
pub struct MeetingLink {
    /// Talks to its server.
    pub client: Client,
    /// How the bot joins.
    pub join: JoinParams,
    /// The meeting's id.
    pub meeting_id: String,
    /// The bot's user id in it.
    pub user_id: String,
    /// BBB's own id of the run that is carried, once it was seen: a room that is used again later is another meeting.
    pub run: Arc<OnceLock<String>>,
    /// What the meeting's chat is told.
    pub announce: Option<Announce>,
    /// A bot that has been alone for this long leaves: otherwise it might keep an empty meeting alive for ever.
    pub empty_for: Duration,
}

/// What the meeting is called; refuses where the server cannot be asked or the meeting has ended. A meeting that the server does not know
/// is waited for.
pub(super) async fn name(app: &App, server_id: &str, meeting_id: &str) -> Answer<String> {
    let client = app.servers.client(&app.store, server_id).await?;
    let client = client.ok_or_else(|| Problem::unprocessable("no_such_server", "There is no such server.").of_field("server_id"))?;
    match client.meeting(meeting_id).await {
        Ok(meeting) if meeting.forcibly_ended => Err(Problem::conflict("meeting_ended", "This meeting has ended.")),
        Err(BbbError::MeetingEnded) => Err(Problem::conflict("meeting_ended", "This meeting has ended.")),
        Ok(meeting) => Ok(meeting.name),
        Err(BbbError::NotFound) => Ok(meeting_id.to_owned()),
        Err(error) => Err(Problem::from(error)),
    }
}

impl MeetingLink {
    /// The signed address for a new join, and the kind of page that it leads to.
    pub(super) async fn address(&self) -> Result<(Secret, browser::Generation), MediaError> {
        let generation = self.client.generation().await.map_err(|error| media(&error))?;
        let address = self.client.join_address(&self.join).await.map_err(|error| media(&error))?;
        let page = match generation {
            Generation::V2 => browser::Generation::V2_7,
            Generation::V3 => browser::Generation::V3,
        };
        Ok((address, page))
    }

    /// Says something in the meeting's chat, if it is to be told anything. A server that cannot do that costs nothing but the message.
    pub(super) async fn say(&self, message: &str) -> Result<(), BbbError> {
        match &self.announce {
            Some(announce) => self.client.send_chat_message(&self.meeting_id, &announce.name, message).await,
            None => Ok(()),
        }
    }

    fn is_alone(&self, meeting: &Meeting) -> bool {
        !meeting.attendees.is_empty() && meeting.attendees.iter().all(|attendee| attendee.user_id == self.user_id)
    }

    /// Says [`Happened::MeetingOver`] if the server agrees with the page that the meeting is over.
    pub(super) async fn ask_whether_over(self, happened: mpsc::Sender<Happened>) {
        for _ in 0..ASK_TIMES {
            let answer = self.client.meeting(&self.meeting_id).await;
            let another_run = answer.as_ref().is_ok_and(|meeting| self.run.get().is_some_and(|run| *run != meeting.internal_id));
            match Sighting::of(&answer) {
                Sighting::Running if another_run => {
                    drop(happened.send(Happened::MeetingOver).await);
                    return;
                }
                Sighting::Ended | Sighting::Unknown | Sighting::Idle => {
                    drop(happened.send(Happened::MeetingOver).await);
                    return;
                }
                Sighting::Running => return,
                Sighting::Unseen => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
    }

    /// Looks at the meeting until nobody listens: says when it runs, and when it is over for sure.
    pub(super) async fn watch(self, happened: mpsc::Sender<Happened>, resumed: bool) {
        // One that was live before a restart may have ended meanwhile.
        let mut watch = if resumed { MeetingWatch::running() } else { MeetingWatch::waiting() };
        let mut alone_since: Option<Instant> = None;
        while !happened.is_closed() {
            let answer = self.client.meeting(&self.meeting_id).await;
            let now = Instant::now();
            let had_run = watch.has_run();
            let over = watch.see(&answer, now);
            if let Ok(meeting) = &answer
                && meeting.running
                && !meeting.internal_id.is_empty()
            {
                self.run.get_or_init(|| meeting.internal_id.clone());
            }
            if !had_run && watch.has_run() && happened.send(Happened::MeetingRuns).await.is_err() {
                return;
            }
            let alone = answer.as_ref().is_ok_and(|meeting| self.is_alone(meeting));
            alone_since = if alone { alone_since.or(Some(now)) } else { None };
            if alone_since.is_some_and(|since| now.duration_since(since) >= self.empty_for) {
                drop(happened.send(Happened::Empty).await);
                return;
            }
            if over {
                drop(happened.send(Happened::MeetingOver).await);
                return;
            }
            tokio::time::sleep(if watch.has_run() { RUNNING_EVERY } else { WAITING_EVERY }).await;
        }
    }
}

/// Everything is tried again: what was wrong from the beginning was refused at the Start, and a server in trouble says the strangest things.
fn media(error: &BbbError) -> MediaError {
    MediaError { side: Side::Source, retry: true, code: error.code(), message: error.to_string() }
}
