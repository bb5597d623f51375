//! The content policy of pages that play from origins: their hosts, and nothing else beside our own.

use axum::http::{HeaderMap, HeaderValue, header};
use url::{Host, Url};

use crate::app::App;
use crate::origin::playback;
use crate::room::Room;
use crate::store::{StoreError, args};

/// More origins than these are not written into a header.
const MOST_ORIGINS: i64 = 64;

#[derive(sqlx::FromRow)]
struct Templates {
    playback_webrtc: Option<String>,
    playback_llhls: Option<String>,
}

/// Where a room may play from, as a content policy names it (`wss://host:port`), without doubles. All origins count, not only the one that
/// is on: a viewer may have opened the page before that was known.
pub(super) async fn hosts(app: &App, room: &Room) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT playback_webrtc, playback_llhls FROM origins ORDER BY id LIMIT $1";
    let rows: Vec<Templates> = app.store.all(sql, args![MOST_ORIGINS]).await?;
    let own = Templates { playback_webrtc: room.playback_webrtc.clone(), playback_llhls: room.playback_llhls.clone() };
    let templates = std::iter::once(own).chain(rows).flat_map(|row| [row.playback_webrtc, row.playback_llhls]).flatten();
    let mut hosts: Vec<String> = templates.filter_map(|template| host(&template)).collect();
    hosts.sort();
    hosts.dedup();
    Ok(hosts)
}

/// The scheme, host and port of a template. `None` for what is no address, and for a host that would be more than a host in a header.
fn host(template: &str) -> Option<String> {
    let url = Url::parse(&playback(template, "app", "name")).ok()?;
    if !matches!(url.scheme(), "wss" | "ws" | "https" | "http") {
        return None;
    }
    let plain = match url.host()? {
        Host::Domain(name) => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')),
        Host::Ipv4(_) => true,
        // Content policies have no form for these; browsers refuse them.
        Host::Ipv6(_) => false,
    };
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    plain.then(|| format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default()))
}

/// What a room's page may load and who may frame it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policy<'a> {
    /// Where it plays from.
    pub(super) hosts: &'a [String],
    /// The Matomo that it may tell of visits.
    pub(super) matomo: Option<&'a Url>,
    /// For a page that other sites show: the room's sites.
    pub(super) frames: Option<&'a [String]>,
}

/// The header of a policy.
pub(super) fn policy(wanted: &Policy<'_>) -> Option<HeaderValue> {
    let Policy { hosts, matomo, frames } = *wanted;
    let listed = |schemes: &[&str]| {
        let wanted = hosts.iter().filter(|host| schemes.iter().any(|scheme| host.starts_with(scheme)));
        wanted.flat_map(|host| [" ", host]).collect::<String>()
    };
    let connect = format!("connect-src 'self'{}", listed(&["wss:", "ws:", "https:", "http:"]));
    // Apple's phones play LL-HLS themselves, as media.
    let media = format!("media-src 'self' blob:{}", listed(&["https:", "http:"]));
    let base = crate::http::content_policy(frames.is_some());
    let mut policy = base.replace("connect-src 'self'", &connect).replace("media-src 'self' blob:", &media);
    if let Some(matomo) = matomo {
        let origin = matomo.origin().ascii_serialization();
        for source in ["script-src 'self'", "img-src 'self'", "connect-src 'self'"] {
            policy = policy.replace(source, &format!("{source} {origin}"));
        }
    }
    if let Some(sites) = frames.filter(|sites| !sites.iter().any(|site| site == "*")) {
        let listed: String = sites.iter().flat_map(|site| [" ", site]).collect();
        policy = policy.replace("frame-ancestors *", &format!("frame-ancestors 'self'{listed}"));
    }
    HeaderValue::try_from(policy).ok()
}

/// Sets what lets other sites show a page of a room, and read it: the policy's ancestors, and CORS for those that ask.
pub(super) fn open_to_sites(headers: &mut HeaderMap, room: &Room, asking: Option<&HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let sites = &room.sites.0;
    if crate::room::is_embedded_anywhere(room) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else if let Some(asking) = asking.filter(|asking| sites.iter().any(|site| site.as_bytes() == asking.as_bytes())) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, asking.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gives_its_host_and_nothing_more() {
        let cases = [
            ("wss://ome.example.org/{app}/{name}", Some("wss://ome.example.org")),
            ("wss://ome.example.org:3334/{app}/{name}?x=1", Some("wss://ome.example.org:3334")),
            ("ws://127.0.0.1:13333/{app}/{name}", Some("ws://127.0.0.1:13333")),
            ("https://user:pass@OME.example.org:443/{app}/{name}/llhls.m3u8", Some("https://ome.example.org")),
            ("https://bücher.example/{app}", Some("https://xn--bcher-kva.example")),
            ("javascript:alert(1)", None),
            ("blob:https://ome.example.org/x", None),
            ("wss://a;script-src/{app}", None),
            ("wss://a,b/{app}", None),
            ("wss://*/{app}", None),
            ("wss://[::1]:3334/{app}", None),
            ("nonsense", None),
            ("", None),
        ];
        for (template, expected) in cases {
            assert_eq!(host(template).as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn the_policy_lets_in_the_hosts_and_keeps_the_rest() {
        let hosts = ["https://ome.example".to_owned(), "wss://ome.example:3334".to_owned()];
        let anywhere = ["*".to_owned()];
        for frames in [None, Some(&anywhere[..])] {
            let policy = policy(&Policy { hosts: &hosts, frames, ..Policy::default() }).unwrap();
            let policy = policy.to_str().unwrap();
            assert!(policy.contains("connect-src 'self' https://ome.example wss://ome.example:3334;"), "{policy}");
            assert!(policy.contains("media-src 'self' blob: https://ome.example;"), "{policy}");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
            assert_eq!(policy.contains("frame-ancestors *"), frames.is_some());
        }
        let plain = policy(&Policy { frames: Some(&anywhere), ..Policy::default() }).unwrap();
        assert_eq!(plain.to_str().unwrap(), crate::http::content_policy(true));
    }

    #[test]
    fn matomo_and_sites_are_let_in_by_name() {
        let matomo = Url::parse("https://stats.example/matomo/").unwrap();
        let seen = policy(&Policy { matomo: Some(&matomo), ..Policy::default() }).unwrap();
        let seen = seen.to_str().unwrap();
        for part in [
            "script-src 'self' https://stats.example;",
            "img-src 'self' https://stats.example data:",
            "connect-src 'self' https://stats.example;",
        ] {
            assert!(seen.contains(part), "{part} in {seen}");
        }
        let sites = ["https://a.example".to_owned(), "https://b.example".to_owned()];
        let of = |sites| policy(&Policy { frames: Some(sites), ..Policy::default() }).unwrap();
        assert!(of(&sites).to_str().unwrap().ends_with("frame-ancestors 'self' https://a.example https://b.example"));
        assert!(of(&[]).to_str().unwrap().ends_with("frame-ancestors 'self'"));
    }
}
