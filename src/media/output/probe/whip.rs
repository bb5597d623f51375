//! WHIP: an OPTIONS, which makes no session.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use super::super::reason;
use super::super::target::{TargetUrl, WhipTarget};
use super::Found;
use crate::media::error::MediaError;
use crate::reach::Reach;
use crate::reach::http::{Deadlines, Fault};

const DEADLINES: Deadlines = Deadlines { connect: Duration::from_secs(3), whole: Duration::from_secs(5) };

pub(super) async fn ask(target: &TargetUrl, whip: &WhipTarget, reach: &Reach, authorities_pem: &[u8]) -> Result<Found, MediaError> {
    let url = whip.url().ok_or_else(|| reason::unknown_host(target))?;
    reach.check_url(&url).map_err(|error| MediaError::target(error.code(), error.to_string()).fatal())?;
    let builder = reach.client(authorities_pem, DEADLINES).map_err(|why| reason::tls(target, why))?;
    // Where it redirects to is followed on the air, by the output's own rules.
    let client = builder.redirect(reqwest::redirect::Policy::none()).build();
    let client = client.map_err(|_| reason::tls(target, "this machine has no certificate authorities; install ca-certificates"))?;
    let mut request = client.request(Method::OPTIONS, url);
    if let Some(bearer) = &whip.bearer {
        request = request.bearer_auth(bearer.reveal());
    }
    let status = request.send().await.map_err(|error| of_fault(target, Fault::of(&error)))?.status();
    match status {
        // Some servers know no OPTIONS: that something speaks HTTP there is all that can be said.
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(Found::Listens),
        status if status.is_success() || status.is_redirection() => Ok(Found::Listens),
        status => Err(reason::http(target, status.as_u16(), "")),
    }
}

fn of_fault(target: &TargetUrl, fault: Fault) -> MediaError {
    match fault {
        Fault::Reach(error) => MediaError::target(error.code(), error.to_string()),
        Fault::TimedOut => reason::timed_out(target),
        Fault::Tls(why) => reason::tls(target, why),
        Fault::Unreachable(why) if why.contains("refused") => reason::refused(target),
        Fault::Unreachable(_) => reason::unreachable(target),
        Fault::OffHost(_) | Fault::Circles | Fault::CutOff | Fault::TooLarge => reason::cut_off(target),
    }
}
