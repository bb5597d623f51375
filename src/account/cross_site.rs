//! Refuses writes that another site makes a browser send with our cookie.

use axum::http::{HeaderMap, Method, header};
use url::Url;

use crate::http::{Answer, Problem};

/// Answers 403 `bad_origin` to a write from elsewhere. What comes without `Sec-Fetch-Site` and `Origin` comes from no browser.
pub fn refuse(method: &Method, headers: &HeaderMap, public_url: Option<&Url>) -> Answer<()> {
    if method.is_safe() || is_ours(headers, public_url) {
        return Ok(());
    }
    Err(Problem::forbidden("bad_origin", "This was sent by a page of another site, or BLUECAST_PUBLIC_URL is not the address in use."))
}

fn is_ours(headers: &HeaderMap, public_url: Option<&Url>) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let origin = text(header::ORIGIN);
    if let (Some(origin), Some(public_url)) = (origin, public_url)
        && origin == public_url.origin().ascii_serialization()
    {
        return true;
    }
    match (headers.get("sec-fetch-site").map(header::HeaderValue::as_bytes), origin) {
        (Some(site), _) => site == b"same-origin" || site == b"none",
        (None, None) => true,
        (None, Some(origin)) => {
            let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            host.is_some() && host == text(header::HOST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: &Method, pairs: &[(&'static str, &'static str)], public_url: Option<&str>) -> bool {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        refuse(method, &headers, public_url.map(|url| url.parse().unwrap()).as_ref()).is_ok()
    }

    #[test]
    fn only_our_own_pages_write() {
        let host = ("host", "cast.example.org");
        assert!(passes(&Method::GET, &[host, ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], None));
        assert!(passes(&Method::POST, &[host], None));
        assert!(passes(&Method::POST, &[host, ("sec-fetch-site", "same-origin")], None));
        assert!(passes(&Method::POST, &[host, ("origin", "https://cast.example.org")], None));
        assert!(passes(
            &Method::DELETE,
            &[("host", "inside:8080"), ("origin", "https://cast.example.org")],
            Some("https://cast.example.org")
        ));

        assert!(!passes(&Method::POST, &[host, ("sec-fetch-site", "cross-site")], None));
        assert!(!passes(&Method::POST, &[host, ("sec-fetch-site", "same-site"), ("origin", "https://other.example.org")], None));
        assert!(!passes(&Method::PATCH, &[host, ("origin", "https://evil.example")], None));
        assert!(!passes(&Method::POST, &[host, ("origin", "null")], None));
        assert!(!passes(&Method::POST, &[host, ("origin", "https://cast.example.org.evil.example")], Some("https://cast.example.org")));
        assert!(!passes(&Method::POST, &[("origin", "http://")], None));
    }
}
