//! What can go wrong with a BBB server, in words for the person who runs it.

use crate::reach::ReachError;
use crate::reach::http::plain;

/// Why a call failed. `Display` is a sentence that an admin can act on; it never holds a secret, a checksum or a signed address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BbbError {
    /// The server's address cannot be used.
    #[error("This is not the address of a BBB server: {reason}.")]
    BadAddress {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The host's name or address may not or cannot be called.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// Nobody answers there.
    #[error("The BBB server {host} cannot be reached: {reason}.")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the connection met.
        reason: &'static str,
    },
    /// The answer took longer than allowed.
    #[error("The BBB server {host} did not answer in time.")]
    TimedOut {
        /// Host and port.
        host: String,
    },
    /// No secure connection comes about.
    #[error("No secure connection to {host}: {reason}.")]
    Tls {
        /// Host and port.
        host: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The answer is larger than any right one.
    #[error("{host} sent more than 4 MiB as an answer.")]
    TooLarge {
        /// Host and port.
        host: String,
    },
    /// The connection ended in the middle of the answer.
    #[error("{host} broke off in the middle of its answer.")]
    CutOff {
        /// Host and port.
        host: String,
    },
    /// Something else than BBB's API answers.
    #[error("{host} answers, but not as a BBB server: {reason}. Check the address; \"bbb-conf --secret\" prints it.")]
    NotBbb {
        /// Host and port.
        host: String,
        /// What came instead.
        reason: String,
    },
    /// The server, or the proxy before it, is in trouble.
    #[error("{host} has trouble of its own (HTTP status {status}).")]
    ServerTrouble {
        /// Host and port.
        host: String,
        /// 5xx or 429.
        status: u16,
    },
    /// No algorithm gives a checksum that the server takes.
    #[error("The server refuses the shared secret. \"bbb-conf --secret\" prints the right one.")]
    WrongSecret,
    /// The server knows no such meeting.
    #[error("The BBB server has no meeting with this id (any more).")]
    NotFound,
    /// The meeting is over.
    #[error("This meeting has ended.")]
    MeetingEnded,
    /// Guests are not let in.
    #[error("The meeting does not let this user in.")]
    Denied,
    /// No place left.
    #[error("The meeting has as many participants as it allows.")]
    Full,
    /// The meeting's id is in use with other settings.
    #[error("A meeting with this id exists already, with other settings.")]
    NotUnique,
    /// This release of BBB has no such call.
    #[error("This BBB server is too old for the call {call}.")]
    Unsupported {
        /// The call's name.
        call: &'static str,
    },
    /// Something in the request cannot be taken.
    #[error("The request cannot be made: {reason}.")]
    Invalid {
        /// What is wrong.
        reason: String,
    },
    /// Another refusal.
    #[error("The BBB server refused: {message} ({key})")]
    Refused {
        /// BBB's message key.
        key: String,
        /// BBB's text, shortened.
        message: String,
    },
}

impl BbbError {
    /// A word that stays the same across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadAddress { .. } => "bad_address",
            Self::Reach(error) => error.code(),
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::Tls { .. } => "tls",
            Self::TooLarge { .. } => "too_large",
            Self::CutOff { .. } => "cut_off",
            Self::NotBbb { .. } => "not_bbb",
            Self::ServerTrouble { .. } => "server_trouble",
            Self::WrongSecret => "wrong_secret",
            Self::NotFound => "not_found",
            Self::MeetingEnded => "meeting_ended",
            Self::Denied => "denied",
            Self::Full => "full",
            Self::NotUnique => "not_unique",
            Self::Unsupported { .. } => "unsupported",
            Self::Invalid { .. } => "invalid",
            Self::Refused { .. } => "refused",
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn retry(&self) -> bool {
        match self {
            Self::Reach(error) => error.retry(),
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::CutOff { .. } | Self::ServerTrouble { .. } | Self::Full => true,
            _ => false,
        }
    }

    /// The error behind a message key. Keys differ between releases; what a meeting's absence is called has three spellings.
    pub(super) fn of_key(key: &str, message: &str) -> Self {
        match key {
            "checksumError" => Self::WrongSecret,
            "notFound" | "invalidMeetingIdentifier" | "meetingNotFound" => Self::NotFound,
            "meetingForciblyEnded" | "meetingEnded" => Self::MeetingEnded,
            "guestDeniedAccess" | "guestDeny" => Self::Denied,
            "maxParticipantsReached" => Self::Full,
            "idNotUnique" | "nonUniqueVoiceBridge" => Self::NotUnique,
            "validationError"
            | "missingParamMeetingID"
            | "missingParamFullName"
            | "missingParameter"
            | "paramError"
            | "Params required"
            | "mismatchCreateTimeParam"
            | "unsupportedContentType" => Self::Invalid { reason: format!("{} ({key})", plain(message).trim_end_matches('.')) },
            _ => Self::Refused { key: plain(key), message: plain(message) },
        }
    }
}
