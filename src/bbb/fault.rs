//! What the HTTP client's errors mean for a BBB server.

use super::BbbError;
use crate::reach::http::Fault;

/// A failed call to the server at `host`.
pub(super) fn of_fault(fault: Fault, host: &str) -> BbbError {
    let host = host.to_owned();
    match fault {
        Fault::Reach(error) => BbbError::Reach(error),
        Fault::OffHost(to) => BbbError::NotBbb { host, reason: format!("it redirects to {to}") },
        Fault::Circles => BbbError::NotBbb { host, reason: "it redirects in circles".into() },
        Fault::TimedOut => BbbError::TimedOut { host },
        Fault::Tls(reason) => BbbError::Tls { host, reason },
        Fault::Unreachable(reason) => BbbError::Unreachable { host, reason },
        Fault::CutOff => BbbError::CutOff { host },
        Fault::TooLarge => BbbError::TooLarge { host },
    }
}
