//! The calls.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::escape::escape;

use super::answer::{Created, Generation, Meeting, Role};
use super::client::Client;
use super::error::BbbError;
use super::join::JoinParams;
use super::query::Query;
use crate::secret::Secret;

/// Most characters of a chat message, and of its sender's name.
const MAX_CHAT: usize = 500;
const MAX_CHAT_NAME: usize = 255;

/// A meeting to be made.
#[derive(Clone, Debug, Default)]
pub struct CreateParams {
    /// 2 to 256 characters, no comma.
    pub meeting_id: String,
    /// 2 to 64 characters.
    pub name: String,
    /// `meta_…` values, names without the prefix.
    pub metadata: Vec<(String, String)>,
    /// Any other parameters of BBB's `create`.
    pub more: Vec<(String, String)>,
}

/// A document to be put before the meeting.
#[derive(Clone, Debug)]
pub enum Document {
    /// The server fetches it.
    Link {
        /// Its address.
        url: String,
        /// What it is called.
        name: String,
    },
    /// It is sent along.
    Inline {
        /// What it is called; the ending says what it is.
        name: String,
        /// Its content, at most 1 MiB.
        content: Vec<u8>,
    },
}

const MAX_INLINE_BYTES: usize = 1024 * 1024;

impl Client {
    /// All meetings that the server knows, running or not.
    pub async fn meetings(&self) -> Result<Vec<Meeting>, BbbError> {
        let response = self.call("getMeetings", &Query::default()).await?;
        Ok(response.list("meetings", "meeting").filter_map(Meeting::read).collect())
    }

    /// One meeting.
    pub async fn meeting(&self, meeting_id: &str) -> Result<Meeting, BbbError> {
        let response = self.call("getMeetingInfo", &of(meeting_id)?).await?;
        Meeting::read(&response).ok_or_else(|| BbbError::NotBbb { host: self.base().host(), reason: "it describes no meeting".into() })
    }

    /// Whether somebody is in the meeting. Meetings that nobody knows do not run.
    pub async fn is_meeting_running(&self, meeting_id: &str) -> Result<bool, BbbError> {
        match self.call("isMeetingRunning", &of(meeting_id)?).await {
            Ok(response) => Ok(response.flag("running")),
            Err(BbbError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a meeting; one that exists already is left as it is.
    pub async fn create(&self, params: &CreateParams) -> Result<Created, BbbError> {
        let mut query = of(&params.meeting_id)?.with("name", &params.name);
        for (name, value) in &params.metadata {
            query = query.with(&format!("meta_{name}"), value);
        }
        for (name, value) in &params.more {
            query = query.with(name, value);
        }
        Ok(Created::read(&self.call("create", &query).await?))
    }

    /// Ends a meeting for everybody. The server does so a little later.
    pub async fn end(&self, meeting_id: &str) -> Result<(), BbbError> {
        self.call("end", &of(meeting_id)?).await.map(drop)
    }

    /// Says something in the meeting's public chat, as `sender`, without joining. [`BbbError::Unsupported`] before 3.0.
    pub async fn send_chat_message(&self, meeting_id: &str, sender: &str, message: &str) -> Result<(), BbbError> {
        const CALL: &str = "sendChatMessage";
        if !(1..=MAX_CHAT).contains(&message.chars().count()) || sender.chars().count() > MAX_CHAT_NAME {
            return Err(BbbError::Invalid { reason: "a chat message has 1 to 500 characters, its sender's name at most 255".into() });
        }
        if self.generation().await? == Generation::V2 {
            return Err(BbbError::Unsupported { call: CALL });
        }
        let sender = Some(sender).filter(|sender| !sender.is_empty());
        let query = of(meeting_id)?.with("message", message).with_some("userName", sender);
        match self.call(CALL, &query).await {
            Ok(_) => Ok(()),
            // Early 3.0 has no such call, and its answer to unknown ones differs.
            Err(BbbError::NotBbb { .. }) => Err(BbbError::Unsupported { call: CALL }),
            Err(BbbError::Refused { key, .. }) if key == "unsupportedRequest" => Err(BbbError::Unsupported { call: CALL }),
            Err(error) => Err(error),
        }
    }

    /// Puts a document before the meeting and shows it.
    pub async fn insert_document(&self, meeting_id: &str, document: &Document) -> Result<(), BbbError> {
        self.post("insertDocument", &of(meeting_id)?, document.to_xml()?).await.map(drop)
    }

    /// A signed address that lets its opener into a meeting: the bot's browser by [`JoinParams::bot`], a person by [`JoinParams::person`].
    /// It is a secret, as it is worth a seat in the meeting.
    pub async fn join_address(&self, params: &JoinParams) -> Result<Secret, BbbError> {
        let generation = self.generation().await?;
        self.signed_address("join", &params.query(generation)).await
    }

    /// A link for a person.
    pub async fn person_address(&self, meeting_id: &str, name: &str, role: Role) -> Result<Secret, BbbError> {
        self.join_address(&JoinParams::person(meeting_id, name, role)).await
    }
}

fn of(meeting_id: &str) -> Result<Query, BbbError> {
    if meeting_id.is_empty() {
        return Err(BbbError::Invalid { reason: "the meeting's id is empty".into() });
    }
    Ok(Query::default().with("meetingID", meeting_id))
}

impl Document {
    fn to_xml(&self) -> Result<String, BbbError> {
        let document = match self {
            Self::Link { url, name } => format!("<document url=\"{}\" filename=\"{}\" current=\"true\"/>", escape(url), escape(name)),
            Self::Inline { content, .. } if content.len() > MAX_INLINE_BYTES => {
                return Err(BbbError::Invalid { reason: "a document that is sent along may have 1 MiB".into() });
            }
            Self::Inline { name, content } => {
                format!("<document name=\"{}\" current=\"true\">{}</document>", escape(name), STANDARD.encode(content))
            }
        };
        Ok(format!("<modules><module name=\"presentation\">{document}</module></modules>"))
    }
}
