//! One meeting to the air without panel or database, as `bluecast push`.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::MeetingLink;
use super::etiquette::Announce;
use super::launch;
use super::model::TargetAddress;
use super::rules::{Rules, Terms};
use super::session::{BrowserPlan, Report, Session, SessionSpec, SourcePlan, TargetPlan, state_line};
use super::state::Reason;
use crate::bbb::{BaseUrl, BbbError, Client, ClientOptions, JoinParams, Role};
use crate::media::output::{BadTarget, WhipSettings};
use crate::media::permit::Permit;
use crate::media::profile::{Profile, ProfileError};
use crate::reach::Reach;
use crate::secret::Secret;

/// What is pushed where.
pub struct Push {
    /// The meeting; `None` for the test picture.
    pub meeting: Option<PushMeeting>,
    /// Addresses, keys included.
    pub to: Vec<Secret>,
    /// A profile's name.
    pub profile: String,
    /// Chromium's program.
    pub chromium: PathBuf,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// What all WHIP targets share.
    pub whip: WhipSettings,
}

/// A meeting to push.
pub struct PushMeeting {
    /// The server's address.
    pub server: String,
    /// The secret shared with it.
    pub secret: Secret,
    /// The meeting's id.
    pub meeting_id: String,
    /// The bot's name.
    pub name: String,
    /// Join as moderator.
    pub moderator: bool,
}

/// Why a push did not begin.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The profile cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A target's address cannot be used; which, counted from 1.
    #[error("target {0}: {1}")]
    Target(usize, BadTarget),
    /// The server cannot be used.
    #[error(transparent)]
    Bbb(#[from] BbbError),
    /// The program cannot be built.
    #[error(transparent)]
    Media(#[from] crate::media::error::MediaError),
}

/// Pushes until the meeting is over or `stop` resolves. `say` gets every line that an admin should read.
///
/// # Errors
/// When it cannot begin; what goes wrong later is said and tried again.
pub async fn push(push: Push, stop: impl Future<Output = ()>, say: impl Fn(&str)) -> Result<Option<Reason>, PushError> {
    let profile = Profile::named(&push.profile)?;
    // Whoever has the command line of this machine may call what they like from it.
    let reach = Reach::parse("loopback, 0.0.0.0/0, ::/0").unwrap_or_default();
    let id = crate::id::new();
    let mut targets = Vec::new();
    for (number, address) in (1..).zip(&push.to) {
        let address = TargetAddress { url: address.reveal().to_owned(), ..TargetAddress::default() };
        let url = launch::target_url(&address).map_err(|error| PushError::Target(number, error))?;
        targets.push(TargetPlan { whip: push.whip.clone(), ..TargetPlan::new(number.to_string(), url.to_string(), url) });
    }
    let title = push.meeting.as_ref().map_or_else(|| "Test broadcast".to_owned(), |meeting| meeting.meeting_id.clone());
    let source = match push.meeting {
        None => SourcePlan::Test,
        Some(meeting) => {
            let options = ClientOptions {
                authorities_pem: push.ca_file.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default(),
                ..ClientOptions::default()
            };
            let client = Client::new(BaseUrl::parse(&meeting.server)?, meeting.secret, reach.clone(), &options)?;
            // A wrong secret or address is an error of the start, not something to wait for.
            match client.meeting(&meeting.meeting_id).await {
                Ok(_) | Err(BbbError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
            let role = if meeting.moderator { Role::Moderator } else { Role::Viewer };
            let join = JoinParams::bot(&meeting.meeting_id, &meeting.name).role(role).user_id(&id);
            let meeting = MeetingLink {
                client,
                join,
                meeting_id: meeting.meeting_id,
                user_id: id.clone(),
                run: Arc::default(),
                announce: Some(Announce { name: meeting.name, place: None }),
                empty_for: Rules::default().empty_for(),
            };
            SourcePlan::Browser(Box::new(BrowserPlan {
                meeting,
                runtime: crate::media::source::browser::runtime_dir(),
                chromium: push.chromium,
                ca_file: push.ca_file,
            }))
        }
    };
    let spec = SessionSpec {
        id,
        profile,
        source,
        title,
        slate: None,
        targets,
        voice_filter: false,
        paused: false,
        resumed: false,
        resolve: launch::resolver(&reach),
        terms: Terms::default(),
        live_before: None,
        permit: Permit::default(),
    };
    let (reports, mut received) = mpsc::channel(64);
    let session = Arc::new(Session::start(spec, reports).await?);
    let mut reason = None;
    let mut stop = std::pin::pin!(stop);
    let mut stopping = false;
    let mut last = String::new();
    loop {
        tokio::select! {
            () = &mut stop, if !stopping => {
                stopping = true;
                session.stop().await;
            }
            report = received.recv() => match report {
                Some(Report::State(standing)) => {
                    reason = standing.reason;
                    let line = state_line(&standing).message;
                    if line != last {
                        say(&line);
                        last = line;
                    }
                }
                Some(Report::Event(event) | Report::Ruled(event, _)) => say(&event.message),
                Some(Report::Evidence(evidence)) => evidence.console.iter().for_each(|line| say(line)),
                Some(Report::Over) | None => return Ok(reason),
            }
        }
    }
}
