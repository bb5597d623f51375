//! Common services, as data.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// Which secret it gives out: `stream_key`, `streamid`, `bearer`.
    pub(super) key: String,
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
            let target = match service.key.as_str() {
                "stream_key" => TargetUrl::parse(&url, Some(&key), None),
                "streamid" => TargetUrl::parse(&url, None, Some(&SrtSettings { streamid: Some(key), ..SrtSettings::default() })),
                "bearer" => TargetUrl::parse(&url, None, None).and_then(|target| target.with_bearer(Some(&key))),
                other => panic!("{}: {other}", service.id),
            };
            assert!(target.is_ok(), "{}: {target:?}", service.id);
            assert!(service.help.as_ref().is_none_or(|help| help.starts_with("https://")));
        }
    }
}
