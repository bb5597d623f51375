//! The addresses in an origin's questions, taken apart as strictly as names are given: what any reader could take for another stream is
//! refused.

use url::form_urlencoded;

/// Parameters that are read of a query; an address with more is nobody's.
const PARAMETERS: usize = 16;
/// Longest name of an application, a stream or a playlist, in bytes.
const NAME_BYTES: usize = 100;

/// What an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) scheme: String,
    pub(super) app: String,
    pub(super) stream: String,
    /// The playlist or file below the stream.
    pub(super) file: Option<String>,
    /// The value of `token`, if there is exactly one.
    pub(super) token: Option<String>,
}

impl Asked {
    /// Takes `scheme://host[:port]/app/stream[/file][?query]` apart. Names hold nothing that needs an escape, so none is read; a parameter
    /// may come twice if it says the same (with E-RTMP, the whole query does).
    pub(super) fn parse(address: &str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parts = place.split('/');
        let host = parts.next()?;
        let (app, stream, file) = (parts.next()?, parts.next()?, parts.next());
        let is_usable = parts.next().is_none() && !host.is_empty() && is_name(app) && is_name(stream) && file.is_none_or(is_name);
        if !is_usable {
            return None;
        }
        Some(Self {
            scheme: scheme.to_ascii_lowercase(),
            app: app.to_owned(),
            stream: stream.to_owned(),
            file: file.map(str::to_owned),
            token: token(query)?,
        })
    }
}

fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_BYTES).contains(&text.len()) && text.bytes().all(letter) && !text.bytes().all(|byte| byte == b'.')
}

/// The one value of `token`: `Some(None)` where there is none, `None` where two differ or the query is too long to be ours.
#[expect(clippy::option_option, reason = "none given and unusable are different")]
fn token(query: &str) -> Option<Option<String>> {
    let mut found: Option<String> = None;
    for (count, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        if count >= PARAMETERS {
            return None;
        }
        if name == "token" {
            match &found {
                Some(first) if *first != value => return None,
                Some(_) => {}
                None => found = Some(value.into_owned()),
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts = (String, String, String, Option<String>, Option<String>);

    fn asked(address: &str) -> Option<Parts> {
        Asked::parse(address).map(|asked| (asked.scheme, asked.app, asked.stream, asked.file, asked.token))
    }

    fn found(scheme: &str, file: Option<&str>, token: Option<&str>) -> Parts {
        (scheme.into(), "app".into(), "h1".into(), file.map(Into::into), token.map(Into::into))
    }

    #[test]
    fn what_origins_were_seen_to_send_is_read() {
        assert_eq!(asked("rtmp://localhost:11935/app/h1?token=abc"), Some(found("rtmp", None, Some("abc"))));
        assert_eq!(asked("rtmp://localhost:11935/app/h1?token=abc&token=abc"), Some(found("rtmp", None, Some("abc"))));
        assert_eq!(asked("srt://hooked/app/h1?token=abc"), Some(found("srt", None, Some("abc"))));
        assert_eq!(asked("http://localhost:13333/app/h1?direction=whip&token=abc"), Some(found("http", None, Some("abc"))));
        assert_eq!(asked("ws://localhost:13333/app/h1/webrtc_default?x=1"), Some(found("ws", Some("webrtc_default"), None)));
        assert_eq!(asked("https://[::1]:443/app/h1/llhls.m3u8?token=abc"), Some(found("https", Some("llhls.m3u8"), Some("abc"))));
        assert_eq!(asked("WSS://ome.example.org/app/h1?token=%61bc"), Some(found("wss", None, Some("abc"))));
    }

    #[test]
    fn what_could_be_taken_for_another_stream_is_not() {
        for address in [
            "",
            "rtmp:",
            "rtmp://",
            "rtmp:///app/h1",
            "rtmp://host",
            "rtmp://host/app",
            "rtmp://host/app/",
            "rtmp://host//app/h1",
            "rtmp://host/app//h1",
            "rtmp://host/app/h1/",
            "rtmp://host/app/x/../h1",
            "rtmp://host/app/../h1",
            "rtmp://host/app/..",
            "rtmp://host/./h1",
            "rtmp://host/app/%2e%2e",
            "rtmp://host/%61pp/h1",
            "rtmp://host/app/h%31",
            "rtmp://host/app/h1/a/b",
            "rtmp://host/app/h1#part",
            "rtmp://host/app\\x/h1",
            "rtmp://host/app/h1 ",
            "rtmp://host/app/h\n1",
            "rtmp://host/äpp/h1",
            "rtmp://host/app/h1?token=abc&token=abd",
            "rtmp://host/app/h1?token=abc&%74oken=abd",
        ] {
            assert_eq!(Asked::parse(address), None, "{address}");
        }
        assert_eq!(Asked::parse(&format!("rtmp://host/app/{}", "x".repeat(101))), None);
        assert_eq!(Asked::parse(&format!("rtmp://host/app/h1?{}", "a=b&".repeat(17))), None);
    }

    #[test]
    fn a_token_in_another_parameter_or_case_is_none() {
        assert_eq!(asked("rtmp://host/app/h1?Token=abc&x=token%3Dabc"), Some(found("rtmp", None, None)));
        assert_eq!(asked("rtmp://host/app/h1?token=&token="), Some(found("rtmp", None, Some(""))));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_and_names_stay_names(address in "\\PC{0,80}", tail in "(/[a-z.%/]{0,8}){0,4}") {
            let _ = Asked::parse(&address);
            if let Some(asked) = Asked::parse(&format!("rtmp://host{tail}")) {
                prop_assert!(is_name(&asked.app) && is_name(&asked.stream));
                let place = format!("/{}/{}", asked.app, asked.stream);
                prop_assert!(tail.starts_with(&place));
            }
        }
    }
}
