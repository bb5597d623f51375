//! All that the double knows, behind one lock.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use bluecast::moment;

use super::checksum::Algorithm;
use super::meeting::MeetingState;
use super::session::SessionState;
use super::{ALGORITHMS, Failure, Generation};

pub(super) const LOGOUT_PATH: &str = "/";

/// An API request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub call: String,
    pub method: String,
    /// The raw query string without the checksum.
    pub query: String,
    pub parameters: HashMap<String, String>,
    pub body: String,
    pub at_ms: i64,
}

/// A message from `sendChatMessage`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    pub meeting_id: String,
    pub user_name: String,
    pub message: String,
}

/// A body from `insertDocument`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub meeting_id: String,
    pub xml: String,
}

pub(crate) struct World {
    pub(super) generation: Generation,
    pub(super) address: SocketAddr,
    pub(super) secret: String,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) version: String,
    pub(super) meetings: BTreeMap<String, MeetingState>,
    pub(super) sessions: Vec<SessionState>,
    pub(super) failures: HashMap<String, Failure>,
    pub(super) requests: Vec<Request>,
    pub(super) chat: Vec<ChatMessage>,
    pub(super) documents: Vec<Document>,
}

impl World {
    pub(super) fn new(generation: Generation, address: SocketAddr) -> Self {
        Self {
            generation,
            address,
            secret: random(40),
            algorithms: ALGORITHMS.to_vec(),
            version: String::new(),
            meetings: BTreeMap::new(),
            sessions: Vec::new(),
            failures: HashMap::new(),
            requests: Vec::new(),
            chat: Vec::new(),
            documents: Vec::new(),
        }
    }

    pub(super) fn add_meeting(&mut self, id: &str) -> &mut MeetingState {
        self.meetings.entry(id.into()).or_insert_with(|| MeetingState::new(id, moment::now_ms()))
    }

    pub(super) fn meeting_mut(&mut self, id: &str) -> &mut MeetingState {
        self.meetings.get_mut(id).expect("the meeting was removed")
    }

    pub(super) fn session_mut(&mut self, token: &str) -> Option<&mut SessionState> {
        self.sessions.iter_mut().find(|session| session.token == token)
    }

    /// The session that this token and cookie belong to.
    pub(super) fn session_of(&self, token: &str, cookie: Option<&str>) -> Option<&SessionState> {
        self.sessions.iter().find(|session| session.token == token && cookie == Some(session.cookie.as_str()))
    }

    /// Those in a meeting whose page is connected.
    pub(super) fn joined(&self, meeting_id: &str) -> impl Iterator<Item = &SessionState> {
        self.sessions.iter().filter(move |session| session.meeting_id == meeting_id && session.in_meeting())
    }
}

/// Small letters and digits, as BBB's tokens have.
pub(super) fn random(length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}
