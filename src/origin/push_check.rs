//! Whether an origin's addresses for pushing answer, without pushing anything.

use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use super::store::Origin;
use crate::app::App;
use crate::media::output::probe::{Found, probe};
use crate::media::output::{BadTarget, TargetUrl};
use crate::secret::Secret;

/// A name that nobody publishes under.
const NAME: &str = "bluecast-check";

/// What was found at an address for pushing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PushCheckView {
    /// `whip`, `rtmp`, `rtmps`, `srt`.
    protocol: String,
    ok: bool,
    /// Whether it took the application, which RTMP alone tells before a stream.
    app: bool,
    /// What is wrong, in a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What is wrong, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

pub(super) async fn check(app: &App, origin: &Origin) -> Vec<PushCheckView> {
    let pem = app.supervisor.authorities_pem();
    let asked = targets(origin).into_iter().map(async |(protocol, target)| {
        let found = match target {
            Ok(target) => probe(&target, &app.settings.call_allow, &pem).await.map_err(|error| (error.code, error.message)),
            Err(error) => Err((error.code(), error.to_string())),
        };
        let (found, error) = match found {
            Ok(found) => (Some(found), None),
            Err(error) => (None, Some(error)),
        };
        PushCheckView {
            protocol: protocol.to_owned(),
            ok: found.is_some(),
            app: found == Some(Found::Accepts),
            code: error.as_ref().map(|(code, _)| *code),
            detail: error.map(|(_, detail)| detail),
        }
    });
    join_all(asked).await
}

fn targets(origin: &Origin) -> Vec<(&'static str, Result<TargetUrl, BadTarget>)> {
    let whip = origin.whip_url.as_deref().map(|base| {
        let base = base.split('?').next().unwrap_or_default();
        ("whip", TargetUrl::parse(&format!("{}/{}/{NAME}?direction=whip", base.trim_end_matches('/'), origin.app), None, None))
    });
    let rtmp = origin.rtmp_url.as_deref().map(|base| {
        let protocol = if base.starts_with("rtmps") { "rtmps" } else { "rtmp" };
        (protocol, TargetUrl::parse(&format!("{}/{}", base.trim_end_matches('/'), origin.app), Some(&Secret::new(NAME)), None))
    });
    let srt = origin.srt_url.as_deref().map(|url| ("srt", TargetUrl::parse(url, None, None)));
    whip.into_iter().chain(rtmp).chain(srt).collect()
}
