//! Common services, as data.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A secret that a service gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Key {
    /// Goes into an RTMP address.
    #[serde(rename = "stream_key")]
    OfStream,
    /// Goes with an SRT connection.
    #[serde(rename = "streamid")]
    StreamId,
    /// Goes with a WHIP request.
    Bearer,
}

/// A place that many people broadcast to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// A stable word.
    pub(super) id: String,
    /// What it is called.
    pub(super) name: String,
    /// Its address; `{host}` is to be filled in.
    pub(super) url: String,
    /// Which secret it gives out.
    pub(super) key: Key,
    /// Where it says how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
}

#[derive(Deserialize)]
struct File {
    service: Vec<Service>,
}

/// All that are known, in the order in which they are offered.
#[expect(clippy::expect_used, reason = "a file of our own, built in; a test reads it")]
pub(super) static SERVICES: LazyLock<Vec<Service>> =
    LazyLock::new(|| toml::from_str::<File>(include_str!("services.toml")).expect("a list of services").service);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::output::{SrtSettings, TargetUrl};
    use crate::secret::Secret;

    #[test]
    fn every_service_makes_a_target() {
        assert!(SERVICES.len() >= 7);
        for service in SERVICES.iter() {
            let url = service.url.replace("{host}", "live.example.org");
            let key = Secret::new("abcd-1234");
            let target = match service.key {
                Key::OfStream => TargetUrl::parse(&url, Some(&key), None),
                Key::StreamId => TargetUrl::parse(&url, None, Some(&SrtSettings { streamid: Some(key), ..SrtSettings::default() })),
                Key::Bearer => TargetUrl::parse(&url, None, None).and_then(|target| target.with_bearer(Some(&key))),
            };
            assert!(target.is_ok(), "{}: {target:?}", service.id);
            assert!(service.help.as_ref().is_none_or(|help| help.starts_with("https://")));
        }
    }
}
