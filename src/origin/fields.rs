//! What is said about an origin and its edges: over the API, and in the file of origins.
#![expect(clippy::option_option, reason = "in a change, absent and null differ")]

use serde::Deserialize;
use utoipa::ToSchema;

use super::store::{Edge, Origin};
use crate::http::json::present;
use crate::http::{Answer, Problem, check};
use crate::secret::Secret;
use crate::store::vault::Vault;

/// Edges that one origin may have.
const EDGES: usize = 32;

/// What is said about an origin. In a change, what is left out stays and what is null goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OriginFields {
    /// Needed in a new one.
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    whip_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    rtmp_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    srt_url: Option<Option<String>>,
    /// The application on it; needed in a new one.
    pub(super) app: Option<String>,
    /// The virtual host that the application is in; `default` in a new one.
    #[schema(pattern = "^[A-Za-z0-9_.-]{1,64}$")]
    vhost: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    api_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Password)]
    api_token: Option<Option<Secret>>,
    #[serde(default)]
    playback: PlaybackFields,
    /// The `SecretKey` of its `SignedPolicy`, for an origin that cannot call the admission webhook.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Password)]
    signing_secret: Option<Option<Secret>>,
    /// The servers behind it that viewers are on, at most 32; they replace those that it had.
    edges: Option<Vec<EdgeFields>>,
    /// Ids or names of groups; for a new one those of the caller where left out, and none for an admin's.
    pub(super) groups: Option<Vec<String>>,
}

/// Where viewers watch: templates with `{app}` and `{name}`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaybackFields {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "wss://ome.example.org/{app}/{name}")]
    webrtc: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "https://ome.example.org/{app}/{name}/llhls.m3u8")]
    llhls: Option<Option<String>>,
}

/// A server behind an origin that viewers are on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EdgeFields {
    /// Of one that is kept, to give it another name.
    id: Option<String>,
    /// Once in an origin.
    name: String,
    #[schema(example = "http://edge-1.example.org:8081")]
    api_url: String,
    /// Left out, an edge of this name keeps the one it has; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Password)]
    pub(super) api_token: Option<Option<Secret>>,
}

impl OriginFields {
    /// Whether anything is said of edges.
    pub(super) fn has_edges(&self) -> bool {
        self.edges.is_some()
    }

    /// The names of secrets that are said.
    pub(super) fn secrets(&self) -> Vec<&'static str> {
        let said = [("api_token", self.api_token.is_some()), ("signing_secret", self.signing_secret.is_some())];
        said.into_iter().filter_map(|(name, said)| said.then_some(name)).collect()
    }

    /// Checks every field and puts it into the origin and its edges.
    pub(super) fn apply(self, origin: &mut Origin, edges: &mut Vec<Edge>, vault: &Vault) -> Answer<()> {
        if let Some(name) = self.name {
            origin.name = check::name("name", &name)?;
        }
        if let Some(name) = self.app {
            if !super::is_app(&name) {
                return Err(Problem::invalid("app", "An application's name has 1 to 64 of the characters A–Z a–z 0–9 _ -."));
            }
            origin.app = name;
        }
        if let Some(name) = self.vhost {
            if !super::is_vhost(&name) {
                return Err(Problem::invalid("vhost", "A virtual host's name has 1 to 64 of the characters A–Z a–z 0–9 _ - and dots."));
            }
            origin.vhost = name;
        }
        let addresses = [
            ("whip_url", self.whip_url, &mut origin.whip_url, &["https", "http"][..]),
            ("rtmp_url", self.rtmp_url, &mut origin.rtmp_url, &["rtmp", "rtmps"]),
            ("srt_url", self.srt_url, &mut origin.srt_url, &["srt"]),
            ("api_url", self.api_url, &mut origin.api_url, &["https", "http"]),
        ];
        for (field, given, kept, schemes) in addresses {
            if let Some(given) = given {
                *kept = given.map(|text| check::url(field, &text, schemes).map(String::from)).transpose()?;
            }
        }
        let templates = [
            ("playback.webrtc", self.playback.webrtc, &mut origin.playback_webrtc, &["wss", "ws", "https", "http"][..]),
            ("playback.llhls", self.playback.llhls, &mut origin.playback_llhls, &["https", "http"]),
        ];
        for (field, given, kept, schemes) in templates {
            if let Some(given) = given {
                *kept = given.map(|text| template(field, &text, schemes)).transpose()?;
            }
        }
        if let Some(token) = self.api_token {
            let token = token.map(|token| check::secret("api_token", &token)).transpose()?;
            origin.set_api_token(vault, token.as_ref());
        }
        if let Some(secret) = self.signing_secret {
            let secret = secret.map(|secret| check::secret("signing_secret", &secret)).transpose()?;
            origin.set_signing_secret(vault, secret.as_ref());
        }
        if let Some(given) = self.edges {
            *edges = self::edges(given, &origin.id, edges, vault)?;
        }
        if origin.whip_url.is_none() && origin.rtmp_url.is_none() && origin.srt_url.is_none() {
            return Err(Problem::invalid("whip_url", "An origin needs at least one of `whip_url`, `rtmp_url` and `srt_url`."));
        }
        Ok(())
    }
}

fn template(field: &str, text: &str, schemes: &[&str]) -> Answer<String> {
    let text = text.trim();
    let filled = super::playback(text, "app", "name");
    if filled.contains(['{', '}']) || !text.contains("{name}") {
        return Err(Problem::invalid(field, format!("`{field}` is a template with {{name}}, perhaps {{app}}, and no other braces.")));
    }
    check::url(field, &filled, schemes)?;
    Ok(text.to_owned())
}

/// The edges that are given, with the tokens of `kept` where they go on.
fn edges(given: Vec<EdgeFields>, origin_id: &str, kept: &[Edge], vault: &Vault) -> Answer<Vec<Edge>> {
    if given.len() > EDGES {
        return Err(Problem::invalid("edges", format!("An origin has {EDGES} edges at most.")));
    }
    let mut edges: Vec<Edge> = Vec::new();
    for (index, given) in given.into_iter().enumerate() {
        let field = |name: &str| format!("edges[{index}].{name}");
        let name = check::name(&field("name"), &given.name)?;
        let api_url = check::url(&field("api_url"), &given.api_url, &["https", "http"])?.to_string();
        let found = match &given.id {
            Some(id) => {
                let found = kept.iter().find(|edge| edge.id == *id);
                Some(found.ok_or_else(|| Problem::invalid(field("id"), "The origin has no edge with this id."))?)
            }
            None => kept.iter().find(|edge| edge.name == name),
        };
        let mut edge = match found {
            Some(edge) => edge.renamed(name, api_url),
            None => Edge::new(origin_id, name, api_url),
        };
        if edges.iter().any(|other| other.name == edge.name || other.id == edge.id) {
            return Err(Problem::invalid(field("name"), "Two edges have the same name."));
        }
        if let Some(token) = given.api_token {
            let token = token.map(|token| check::secret(&field("api_token"), &token)).transpose()?;
            edge.set_api_token(vault, token.as_ref());
        }
        edges.push(edge);
    }
    Ok(edges)
}
