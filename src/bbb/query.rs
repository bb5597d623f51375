//! Query strings, built once: what is signed is what is sent, byte for byte.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::BbbError;
use super::checksum::Algorithm;
use crate::secret::Secret;

/// All but RFC 3986's unreserved characters, so that no parser on the way finds anything to encode again.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// nginx refuses longer request lines in BBB's set-up (8 KiB), and so do some proxies.
const MAX_LENGTH: usize = 7000;

/// A query string in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    text: String,
    has_nul: bool,
}

impl Query {
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.has_nul |= name.contains('\0') || value.contains('\0');
        self.text.extend(utf8_percent_encode(name, ENCODED));
        self.text.push('=');
        self.text.extend(utf8_percent_encode(value, ENCODED));
        self
    }

    pub(super) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    #[cfg(test)]
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The address of the call with these parameters and their checksum.
    pub(super) fn signed(&self, call: &str, mut at: Url, algorithm: Algorithm, secret: &Secret) -> Result<Url, BbbError> {
        if self.has_nul {
            return Err(BbbError::Invalid { reason: "a value holds the character U+0000".into() });
        }
        if self.text.len() > MAX_LENGTH {
            return Err(BbbError::Invalid { reason: "the names and texts in it are too long".into() });
        }
        let sum = algorithm.sign(call, &self.text, secret);
        let separator = if self.text.is_empty() { "" } else { "&" };
        at.set_query(Some(&format!("{}{separator}checksum={sum}", self.text)));
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_signed_is_what_is_sent_and_reads_back_as_what_was_meant(
            pairs in prop::collection::vec(("[^\u{0}]{1,12}", "[^\u{0}]{0,40}"), 0..6),
            secret in "[!-~]{1,40}",
        ) {
            let secret = Secret::new(secret);
            let query = pairs.iter().fold(Query::default(), |query, (name, value)| query.with(name, value));
            for algorithm in Algorithm::ALL {
                let url = query.signed("join", Url::parse("https://bbb.example.org/bigbluebutton/api/join").unwrap(), algorithm, &secret).unwrap();
                let sent = url.as_str().split_once('?').unwrap().1;
                let (signed, sum) = sent.rsplit_once("checksum=").unwrap();
                let signed = signed.strip_suffix('&').unwrap_or(signed);
                prop_assert_eq!(signed, query.as_str());
                prop_assert_eq!(sum, algorithm.sign("join", signed, &secret));
            }
            let read: Vec<(String, String)> = url::form_urlencoded::parse(query.as_str().as_bytes()).into_owned().collect();
            prop_assert_eq!(read, pairs);
            prop_assert!(query.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%=&".contains(&byte)));
        }
    }

    #[test]
    fn nul_and_endless_values_are_refused() {
        let sign = |query: Query| query.signed("x", Url::parse("https://x/").unwrap(), Algorithm::Sha256, &Secret::new("s"));
        for query in [Query::default().with("a", "b\0c"), Query::default().with("a", &"ä".repeat(2000))] {
            assert_eq!(sign(query).unwrap_err().code(), "invalid");
        }
    }
}
