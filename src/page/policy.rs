//! The content policy of pages that play from origins: their hosts, and nothing else beside our own.

use axum::http::HeaderValue;
use url::{Host, Url};

use crate::app::App;
use crate::origin::playback;
use crate::store::{StoreError, args};

/// More origins than these are not written into a header.
const MOST_ORIGINS: i64 = 64;

#[derive(sqlx::FromRow)]
struct Templates {
    playback_webrtc: Option<String>,
    playback_llhls: Option<String>,
}

/// Where rooms may play from, as a content policy names it (`wss://host:port`), without doubles. All origins count, not only the one that
/// is on: a viewer may have opened the page before that was known.
pub(super) async fn hosts(app: &App) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT playback_webrtc, playback_llhls FROM origins ORDER BY id LIMIT $1";
    let rows: Vec<Templates> = app.store.all(sql, args![MOST_ORIGINS]).await?;
    let templates = rows.into_iter().flat_map(|row| [row.playback_webrtc, row.playback_llhls]).flatten();
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

/// The policy of a page that plays from `hosts`; `embed` is for the player that other sites show.
pub(super) fn policy(embed: bool, hosts: &[String]) -> Option<HeaderValue> {
    let listed = |schemes: &[&str]| {
        let wanted = hosts.iter().filter(|host| schemes.iter().any(|scheme| host.starts_with(scheme)));
        wanted.flat_map(|host| [" ", host]).collect::<String>()
    };
    let connect = format!("connect-src 'self'{}", listed(&["wss:", "ws:", "https:", "http:"]));
    // Apple's phones play LL-HLS themselves, as media.
    let media = format!("media-src 'self' blob:{}", listed(&["https:", "http:"]));
    let base = crate::http::content_policy(embed);
    HeaderValue::try_from(base.replace("connect-src 'self'", &connect).replace("media-src 'self' blob:", &media)).ok()
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
        for embed in [false, true] {
            let policy = policy(embed, &hosts).unwrap();
            let policy = policy.to_str().unwrap();
            assert!(policy.contains("connect-src 'self' https://ome.example wss://ome.example:3334;"), "{policy}");
            assert!(policy.contains("media-src 'self' blob: https://ome.example;"), "{policy}");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
            assert_eq!(policy.contains("frame-ancestors *"), embed);
        }
        assert_eq!(policy(true, &[]).unwrap().to_str().unwrap(), crate::http::content_policy(true));
    }
}
