//! A server's address, in the forms people have it.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::BbbError;

const MAX_LENGTH: usize = 2048;

/// Where a server's API is, normalised: `https://HOST/bigbluebutton/api/`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads an address with or without scheme, `/bigbluebutton`, `/api`, a call, or a final slash. Without a scheme it is `https`.
    pub fn parse(text: &str) -> Result<Self, BbbError> {
        let text = text.trim();
        let text = text.strip_prefix("URL:").unwrap_or(text).trim().trim_matches(['<', '>', '"', '\'']);
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if text.len() > MAX_LENGTH {
            return Err(bad("it is longer than 2048 characters"));
        }
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(bad("it holds a space or a control character"));
        }
        let lower = text.to_ascii_lowercase();
        let with_scheme = if lower.starts_with("http://") || lower.starts_with("https://") {
            text.to_owned()
        } else if text.contains("://") {
            return Err(bad("it must begin with https:// or http://"));
        } else {
            format!("https://{text}")
        };
        let mut url = Url::parse(&with_scheme).map_err(|_| bad("it is no web address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it must not hold a user name or password"));
        }
        if url.port() == Some(0) {
            return Err(bad("port 0 cannot be called"));
        }
        let path = api_path(url.path())?;
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// The address of a call, without parameters. The empty call is the index.
    pub(super) fn call(&self, name: &str) -> Url {
        let mut url = self.0.clone();
        let path = format!("{}{name}", self.0.path());
        url.set_path(if name.is_empty() { path.trim_end_matches('/') } else { &path });
        url
    }

    /// The API's address.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Host, and port where it is not the usual one: what people call the server by.
    pub fn host(&self) -> String {
        crate::reach::http::host(&self.0)
    }
}

/// Everything up to the API, behind whatever prefix a proxy uses.
fn api_path(path: &str) -> Result<String, BbbError> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let kept = match parts.iter().position(|part| *part == "bigbluebutton") {
        Some(at) => &parts[..=at],
        None if parts.is_empty() => &["bigbluebutton"][..],
        // Load balancers that speak BBB's API have paths of their own, which end the same way.
        None if parts.last() == Some(&"api") => &parts[..parts.len() - 1],
        None => return Err(bad("its path is not that of a BBB server; \"bbb-conf --secret\" prints the right one")),
    };
    Ok(format!("/{}/api/", kept.join("/")))
}

fn bad(reason: &'static str) -> BbbError {
    BbbError::BadAddress { reason }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl FromStr for BaseUrl {
    type Err = BbbError;

    fn from_str(text: &str) -> Result<Self, BbbError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_people_paste_is_the_same_server() {
        for form in [
            "https://bbb.example.org",
            "https://bbb.example.org/",
            "https://bbb.example.org/bigbluebutton",
            "https://bbb.example.org/bigbluebutton/",
            "https://bbb.example.org/bigbluebutton/api",
            "https://bbb.example.org/bigbluebutton/api/",
            "https://bbb.example.org//bigbluebutton//api/",
            "https://BBB.example.org:443/bigbluebutton/api/getMeetings?checksum=abc#x",
            "HTTPS://bbb.example.org",
            "bbb.example.org",
            "bbb.example.org/bigbluebutton/",
            "  URL: https://bbb.example.org/bigbluebutton/\n",
            "<https://bbb.example.org/bigbluebutton/>",
            "\"https://bbb.example.org/bigbluebutton/\"",
        ] {
            assert_eq!(BaseUrl::parse(form).unwrap().to_string(), "https://bbb.example.org/bigbluebutton/api/", "{form}");
        }
    }

    #[test]
    fn other_schemes_ports_and_prefixes_are_kept() {
        for (form, api) in [
            ("http://127.0.0.1:8090/bigbluebutton/", "http://127.0.0.1:8090/bigbluebutton/api/"),
            ("https://[::1]:8443", "https://[::1]:8443/bigbluebutton/api/"),
            ("https://example.org/node7/bigbluebutton/api", "https://example.org/node7/bigbluebutton/api/"),
            ("https://example.org/b3lb/t/tenant/bbb/api/", "https://example.org/b3lb/t/tenant/bbb/api/"),
        ] {
            let base = BaseUrl::parse(form).unwrap();
            assert_eq!(base.to_string(), api);
            assert_eq!(BaseUrl::parse(&base.to_string()).unwrap(), base);
        }
        assert_eq!(BaseUrl::parse("http://127.0.0.1:8090").unwrap().host(), "127.0.0.1:8090");
        assert_eq!(BaseUrl::parse("https://bbb.example.org").unwrap().call("").as_str(), "https://bbb.example.org/bigbluebutton/api");
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for nonsense in [
            "",
            "  ",
            "ftp://bbb.example.org/bigbluebutton",
            "javascript://x",
            "https://",
            "https://bbb.example.org/b/my-room",
            "https://bbb.example.org/html5client/?sessionToken=x",
            "https://user:pass@bbb.example.org/",
            "https://bbb example.org",
            "https://bbb.example.org/big\u{0}bluebutton",
            "https://bbb.example.org\nHost: x",
            "https://bbb.example.org:0/",
            "https://bbb.example.org:99999/",
            "https://[::1/",
            &format!("https://bbb.example.org/{}", "x".repeat(3000)),
        ] {
            let error = BaseUrl::parse(nonsense).unwrap_err();
            assert_eq!(error.code(), "bad_address", "{nonsense:?}");
            assert!(!error.to_string().contains("example.org"), "{error}");
        }
    }
}
