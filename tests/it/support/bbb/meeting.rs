//! A meeting of the double, and the tests' hand on it.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::session::{Admission, Command, End, Session, SessionState};
use super::{Shared, world};
use crate::support::wait::PATIENCE;

/// What the client does about audio once it is in the meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Audio {
    /// As 3.0 does: listen-only by itself where `force_listen_only` is given to a viewer, else the two buttons.
    AutoJoin,
    /// Always the two buttons.
    Buttons,
    /// The help screen after a failing microphone.
    Help,
    /// The settings screen with the echo test's button.
    EchoTest,
    /// A modal that can only be closed; sound plays from entering on.
    LiveKit,
    /// The settings screen; sound plays from entering on.
    LiveKitSettings,
    /// Nothing happens, and there is no sound.
    Never,
}

/// When the clock strip is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strip {
    /// In every frame of the browser.
    EveryFrame,
    /// When the moving thing moves, so that the page changes exactly as often as [`Meeting::fps`] says.
    WithTheRest,
    /// Never again.
    Off,
}

/// `guestPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    AlwaysAccept,
    AlwaysAcceptAuth,
    AskModerator,
    AlwaysDeny,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a meeting")]
pub(crate) struct MeetingState {
    pub(super) id: String,
    pub(super) internal_id: String,
    pub(super) name: String,
    pub(super) running: bool,
    pub(super) ended: bool,
    pub(super) created_ms: i64,
    pub(super) people: Vec<String>,
    pub(super) videos: usize,
    pub(super) listeners: usize,
    pub(super) max_participants: usize,
    pub(super) guests: Guests,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) cdata: bool,
    pub(super) banned: Vec<String>,
    pub(super) attendee_pw: String,
    pub(super) moderator_pw: String,
    pub(super) audio: Audio,
    pub(super) strip: Strip,
    pub(super) fps: u32,
    pub(super) audio_join_ms: u64,
    pub(super) admit_ms: u64,
    pub(super) leave_after_ms: Option<u64>,
    pub(super) still: bool,
    pub(super) silent: bool,
    pub(super) stubborn: bool,
    pub(super) banner: bool,
    pub(super) poll: bool,
    pub(super) toasts: Vec<String>,
    pub(super) session_details: bool,
    pub(super) recording_notice: bool,
    pub(super) breakout: bool,
    pub(super) parent: Option<String>,
    pub(super) never_ready: bool,
    pub(super) lobby_message: String,
}

impl MeetingState {
    pub(super) fn new(id: &str, created_ms: i64) -> Self {
        Self {
            id: id.into(),
            internal_id: format!("{}-{created_ms}", world::random(40)),
            name: id.into(),
            running: true,
            ended: false,
            created_ms,
            people: Vec::new(),
            videos: 0,
            listeners: 0,
            max_participants: 0,
            guests: Guests::AlwaysAccept,
            metadata: Vec::new(),
            cdata: false,
            banned: Vec::new(),
            attendee_pw: world::random(8),
            moderator_pw: world::random(8),
            audio: Audio::AutoJoin,
            strip: Strip::EveryFrame,
            fps: 30,
            audio_join_ms: 200,
            admit_ms: 200,
            leave_after_ms: None,
            still: false,
            silent: false,
            stubborn: false,
            banner: false,
            poll: false,
            toasts: Vec::new(),
            session_details: false,
            recording_notice: false,
            breakout: false,
            parent: None,
            never_ready: false,
            lobby_message: String::new(),
        }
    }
}

/// A handle on a meeting. All its methods work at once, also on pages that are connected.
#[derive(Clone)]
pub struct Meeting {
    shared: Shared,
    id: String,
}

impl Meeting {
    pub(super) fn new(shared: Shared, id: &str) -> Self {
        Self { shared, id: id.into() }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Changes the meeting and tells every page of it.
    fn change(&self, change: impl FnOnce(&mut MeetingState)) -> &Self {
        let mut world = self.shared.world();
        change(world.meeting_mut(&self.id));
        self.publish(&world);
        self
    }

    fn publish(&self, world: &world::World) {
        for session in world.sessions.iter().filter(|session| session.meeting_id == self.id) {
            session.publish(world.meetings.get(&self.id));
        }
    }

    /// Changes every session of the meeting that is not over, and tells its page.
    fn each(&self, change: impl Fn(&mut SessionState)) -> &Self {
        let mut world = self.shared.world();
        for session in &mut world.sessions {
            if session.meeting_id == self.id && session.end.is_none() {
                change(session);
            }
        }
        self.publish(&world);
        self
    }

    // What the API tells.

    pub fn name(&self, name: &str) -> &Self {
        self.change(|meeting| meeting.name = name.into())
    }

    /// Whether the meeting runs without anybody who joined through the double.
    pub fn running(&self, running: bool) -> &Self {
        self.change(|meeting| meeting.running = running)
    }

    /// So many others are in the meeting.
    pub fn people(&self, count: usize) -> &Self {
        self.change(|meeting| meeting.people = (1..=count).map(|number| format!("Person {number}")).collect())
    }

    /// Others with these names are in the meeting.
    pub fn people_named(&self, names: &[&str]) -> &Self {
        self.change(|meeting| meeting.people = names.iter().map(|name| (*name).into()).collect())
    }

    pub fn videos(&self, count: usize) -> &Self {
        self.change(|meeting| meeting.videos = count)
    }

    pub fn listeners(&self, count: usize) -> &Self {
        self.change(|meeting| meeting.listeners = count)
    }

    /// `maxParticipants`; 0 is no limit.
    pub fn max_participants(&self, count: usize) -> &Self {
        self.change(|meeting| meeting.max_participants = count)
    }

    pub fn metadata(&self, name: &str, value: &str) -> &Self {
        self.change(|meeting| meeting.metadata.push((name.into(), value.into())))
    }

    /// Texts come as CDATA sections.
    pub fn cdata(&self) -> &Self {
        self.change(|meeting| meeting.cdata = true)
    }

    pub fn guests(&self, guests: Guests) -> &Self {
        self.change(|meeting| meeting.guests = guests)
    }

    // What the page does.

    pub fn audio(&self, audio: Audio) -> &Self {
        self.change(|meeting| meeting.audio = audio)
    }

    /// How long joining audio takes (200 ms).
    pub fn audio_join_ms(&self, milliseconds: u64) -> &Self {
        self.change(|meeting| meeting.audio_join_ms = milliseconds)
    }

    pub fn strip(&self, strip: Strip) -> &Self {
        self.change(|meeting| meeting.strip = strip)
    }

    /// How often the moving thing moves (30 a second).
    pub fn fps(&self, fps: u32) -> &Self {
        self.change(|meeting| meeting.fps = fps)
    }

    /// Nothing moves any more: neither strip nor flash.
    pub fn still(&self, still: bool) -> &Self {
        self.change(|meeting| meeting.still = still)
    }

    /// No beeps, though audio is joined.
    pub fn silent(&self, silent: bool) -> &Self {
        self.change(|meeting| meeting.silent = silent)
    }

    /// The client ignores every `userdata-…`, the layout and `bot`.
    pub fn stubborn(&self) -> &Self {
        self.change(|meeting| meeting.stubborn = true)
    }

    /// The page never gets past its spinner, with errors on the console.
    pub fn never_ready(&self, never: bool) -> &Self {
        self.change(|meeting| meeting.never_ready = never)
    }

    /// A modal with the session's details, where the join does not suppress it.
    pub fn session_details(&self) -> &Self {
        self.change(|meeting| meeting.session_details = true)
    }

    /// The modal that says the session is recorded.
    pub fn recording_notice(&self) -> &Self {
        self.change(|meeting| meeting.recording_notice = true)
    }

    /// It is a breakout room of that meeting.
    pub fn breakout_of(&self, parent: &str) -> &Self {
        self.change(|meeting| meeting.parent = Some(parent.into()))
    }

    /// The invitation to a breakout room; bots do not get it.
    pub fn breakout(&self) -> &Self {
        self.change(|meeting| meeting.breakout = true)
    }

    pub fn poll(&self, poll: bool) -> &Self {
        self.change(|meeting| meeting.poll = poll)
    }

    pub fn toast(&self, text: &str) -> &Self {
        self.change(|meeting| meeting.toasts.push(text.into()))
    }

    pub fn lobby_message(&self, text: &str) -> &Self {
        self.change(|meeting| meeting.lobby_message = text.into())
    }

    /// How long after the end or a refusal the page goes to the logout address (never).
    pub fn leave_after(&self, after: Duration) -> &Self {
        let milliseconds = u64::try_from(after.as_millis()).unwrap();
        self.change(|meeting| meeting.leave_after_ms = Some(milliseconds))
    }

    /// The banner of a lost connection.
    pub fn disconnect(&self) -> &Self {
        self.change(|meeting| meeting.banner = true)
    }

    pub fn reconnect(&self) -> &Self {
        self.change(|meeting| meeting.banner = false)
    }

    /// Lets in who waits.
    pub fn admit(&self) -> &Self {
        self.each(|session| {
            if session.admission == Admission::Wait {
                session.admission = Admission::Allow;
            }
        })
    }

    /// Refuses who waits.
    pub fn deny(&self) -> &Self {
        self.each(|session| {
            if session.admission == Admission::Wait {
                session.admission = Admission::Deny;
            }
        })
    }

    /// A moderator removes everybody who joined.
    pub fn kick(&self) -> &Self {
        self.end_sessions(&End::Ejected("user_requested_eject_reason"))
    }

    /// The same, and they may not come back.
    pub fn ban(&self) -> &Self {
        let users: Vec<_> = self.sessions().into_iter().map(|session| session.user_id).collect();
        self.change(|meeting| meeting.banned.extend(users));
        self.kick()
    }

    /// The server logs everybody out.
    pub fn log_out(&self) -> &Self {
        self.end_sessions(&End::Ejected("user_logged_out_reason"))
    }

    /// Ends the sessions for this reason; the meeting goes on.
    pub fn end_sessions(&self, end: &End) -> &Self {
        self.each(|session| session.end = Some(end.clone()))
    }

    /// The meeting ends by the API's call.
    pub fn end(&self) -> &Self {
        self.end_as(&End::Meeting("ENDED_FROM_API"))
    }

    /// The meeting ends; the API still knows it, as forcibly ended.
    pub fn end_as(&self, end: &End) -> &Self {
        self.change(|meeting| {
            meeting.ended = true;
            meeting.running = false;
            meeting.people.clear();
        });
        self.end_sessions(end)
    }

    /// The meeting is gone: the API answers `notFound`. Pages keep what they show.
    pub fn remove(&self) {
        self.shared.world().meetings.remove(&self.id);
    }

    /// The client's own error screen, with a code as `500` or `503`.
    pub fn error_screen(&self, code: &'static str) -> &Self {
        self.each(|session| session.error = Some(code))
    }

    /// Blocks the page's thread.
    pub fn hang(&self, time: Duration) -> &Self {
        self.command("hang", &time.as_millis().to_string())
    }

    /// The page goes to the logout address.
    pub fn leave_page(&self) -> &Self {
        self.command("leave", "")
    }

    pub fn reload_page(&self) -> &Self {
        self.command("reload", "")
    }

    /// The page's sound output stops, as when the browser loses its audio device.
    pub fn suspend_sound(&self) -> &Self {
        self.command("mute", "")
    }

    /// The page presses its own button with this `data-test` name, for tests of the page itself.
    pub fn click(&self, test_name: &str) -> &Self {
        self.command("click", test_name)
    }

    /// The text of what the newest page shows under this selector; nothing where it is hidden or not there.
    pub async fn look(&self, selector: &str) -> Option<String> {
        self.command("look", selector);
        let number = {
            let world = self.shared.world();
            world.sessions.iter().rfind(|session| session.meeting_id == self.id && session.connections > 0)?.commands.len()
        };
        let name = format!("look {number}");
        let session = self.wait_session(|session| session.connected && session.reports.iter().any(|(what, _)| *what == name)).await;
        let (_, text) = session.reports.iter().find(|(what, _)| *what == name)?;
        text.strip_prefix("shown:").map(Into::into)
    }

    /// The page reports the pixels of its clock strip.
    pub fn read_strip(&self) -> &Self {
        self.command("read_strip", "")
    }

    fn command(&self, what: &'static str, detail: &str) -> &Self {
        let mut world = self.shared.world();
        for session in world.sessions.iter_mut().filter(|session| session.meeting_id == self.id) {
            session.commands.push(Command { what, detail: detail.into() });
        }
        self.publish(&world);
        self
    }

    // What the tests see.

    /// All joins of this meeting, oldest first.
    pub fn sessions(&self) -> Vec<Session> {
        self.shared.world().sessions.iter().filter(|session| session.meeting_id == self.id).map(SessionState::seen).collect()
    }

    /// Waits for a join that is as asked.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn wait_session(&self, is: impl Fn(&Session) -> bool) -> Session {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sessions = self.sessions();
            if let Some(found) = sessions.iter().find(|session| is(session)) {
                return found.clone();
            }
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for a session; there are {sessions:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
