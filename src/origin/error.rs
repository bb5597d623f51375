//! What can go wrong with an OME's API, in words for the person who runs it.

use axum::http::StatusCode;

use super::OriginError;
use crate::http::Problem;
use crate::reach::ReachError;
use crate::reach::http::Fault;

/// Why a call failed. `Display` is a sentence that an admin can act on; it never holds a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OmeError {
    /// No address of an API is kept.
    #[error("No address of its API is set.")]
    NoApi,
    /// The API's address cannot be used.
    #[error("This is not the address of an API: it must begin with http:// or https:// and have no user name, query or fragment.")]
    BadAddress,
    /// The host's name or address may not or cannot be called.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// Nobody answers there.
    #[error("{host} cannot be reached: {reason}.")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the connection met.
        reason: &'static str,
    },
    /// The answer took longer than allowed.
    #[error("{host} did not answer in time.")]
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
    #[error("{host} sent more than 1 MiB as an answer.")]
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
    /// Something else than OME's API answers.
    #[error(
        "{host} answers, but not as OvenMediaEngine's API: {reason}. The API has a port of its own, <Bind><Managers><API> in Server.xml."
    )]
    NotOme {
        /// Host and port.
        host: String,
        /// What came instead.
        reason: String,
    },
    /// The server, or the proxy before it, is in trouble.
    #[error("{host} has trouble of its own (HTTP status {status}).")]
    Trouble {
        /// Host and port.
        host: String,
        /// 5xx or 429.
        status: u16,
    },
    /// The token is missing or wrong.
    #[error("{host} refuses the API token. It is the <AccessToken> in <Managers><API> of its Server.xml, as it stands there.")]
    WrongToken {
        /// Host and port.
        host: String,
    },
    /// There is no such virtual host.
    #[error("{host} has no virtual host “{vhost}”.")]
    NoVhost {
        /// Host and port.
        host: String,
        /// The name that was looked for.
        vhost: String,
    },
    /// There is no such application.
    #[error("{host} has no application “{app}” in the virtual host “{vhost}”.")]
    NoApp {
        /// Host and port.
        host: String,
        /// The virtual host.
        vhost: String,
        /// The name that was looked for.
        app: String,
    },
    /// There is no such stream, record or push.
    #[error("{host} knows nothing of it: {message}")]
    NotFound {
        /// Host and port.
        host: String,
        /// OME's text, shortened.
        message: String,
    },
    /// Another refusal.
    #[error("{host} refused: {message} (HTTP status {status})")]
    Refused {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// OME's text, shortened.
        message: String,
    },
}

impl OmeError {
    /// A word that stays the same across versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoApi => "no_api",
            Self::BadAddress => "bad_address",
            Self::Reach(error) => error.code(),
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::Tls { .. } => "tls",
            Self::TooLarge { .. } => "too_large",
            Self::CutOff { .. } => "cut_off",
            Self::NotOme { .. } => "not_ome",
            Self::Trouble { .. } => "server_trouble",
            Self::WrongToken { .. } => "wrong_token",
            Self::NoVhost { .. } => "no_vhost",
            Self::NoApp { .. } => "no_app",
            Self::NotFound { .. } => "not_found",
            Self::Refused { .. } => "refused",
        }
    }

    /// A failed call to the server at `host`.
    pub(super) fn of_fault(fault: Fault, host: &str) -> Self {
        let host = host.to_owned();
        match fault {
            Fault::Reach(error) => Self::Reach(error),
            Fault::OffHost(to) => Self::NotOme { host, reason: format!("it redirects to {to}") },
            Fault::Circles => Self::NotOme { host, reason: "it redirects".into() },
            Fault::TimedOut => Self::TimedOut { host },
            Fault::Tls(reason) => Self::Tls { host, reason },
            Fault::Unreachable(reason) => Self::Unreachable { host, reason },
            Fault::CutOff => Self::CutOff { host },
            Fault::TooLarge => Self::TooLarge { host },
        }
    }
}

impl From<OmeError> for Problem {
    /// 404 for what is not there, 409 where no API is set, 422 for an address that may not be called, 502 for what the server does wrong.
    fn from(error: OmeError) -> Self {
        let status = match &error {
            OmeError::NotFound { .. } => StatusCode::NOT_FOUND,
            OmeError::NoApi => StatusCode::CONFLICT,
            OmeError::BadAddress | OmeError::Reach(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<OriginError> for Problem {
    fn from(error: OriginError) -> Self {
        match error {
            OriginError::Store(error) => error.into(),
            OriginError::Vault(error) => error.into(),
            OriginError::Ome(error) => error.into(),
        }
    }
}
