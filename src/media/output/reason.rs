//! Why a target does not take the broadcast, in words an admin can act on and without anything secret.

use gstreamer as gst;

use super::target::TargetUrl;
use crate::media::error::MediaError;

/// Nobody listens at the address.
pub(super) fn refused(target: &TargetUrl) -> MediaError {
    MediaError::target("refused", format!("{target} refused the connection: nothing listens at that address and port."))
}

/// The server is there and does not want the stream.
pub(super) fn rejected(target: &TargetUrl) -> MediaError {
    let key = match target {
        TargetUrl::Rtmp(_) => "stream key, or a stream of this name that is already on",
        TargetUrl::Srt(_) => "streamid or passphrase, or a stream of this name that is already on",
    };
    MediaError::target("rejected", format!("The stream was refused by the server at {target}: often a wrong {key}."))
}

/// The name does not resolve.
pub(super) fn unknown_host(target: &TargetUrl) -> MediaError {
    MediaError::target("unknown_host", format!("The host name {} is unknown.", target.host_and_port().0))
}

/// The connection did not come up.
pub(super) fn timed_out(target: &TargetUrl) -> MediaError {
    MediaError::target("timed_out", format!("{target} did not answer in time: a firewall, or a server that is down or overloaded."))
}

/// The connection is up and takes nothing.
pub(super) fn stalled(target: &TargetUrl) -> MediaError {
    MediaError::target("stalled", format!("{target} stopped taking data."))
}

/// The connection was live and broke.
pub(super) fn lost(target: &TargetUrl) -> MediaError {
    MediaError::target("lost", format!("The connection to {target} was closed by the other side."))
}

fn tls(target: &TargetUrl) -> MediaError {
    MediaError::target(
        "tls",
        format!("No secure connection to {target}: its certificate is not valid for that name, or it does not speak TLS."),
    )
}

fn unreachable(target: &TargetUrl) -> MediaError {
    MediaError::target("unreachable", format!("There is no network route to {target}."))
}

/// What an error of the pipeline means. `live`: whether the target had taken data on this connection; `accepted`: whether it had accepted
/// the stream.
pub(super) fn of_pipeline(target: &TargetUrl, error: &gst::glib::Error, debug: &str, accepted: bool, live: bool) -> MediaError {
    if error.matches(gst::ResourceError::NotAuthorized) {
        return rejected(target);
    }
    if error.matches(gst::ResourceError::OpenRead) && !accepted {
        return refused(target);
    }
    match (cause(debug), live) {
        (Some(("g-resolver-error-quark", _) | ("g-io-error-quark", 28)), _) => unknown_host(target),
        (Some(("g-tls-error-quark", _)), _) => tls(target),
        (Some(("g-io-error-quark", 24)), false) => timed_out(target),
        (Some(("g-io-error-quark", 24)), true) => stalled(target),
        (Some(("g-io-error-quark", 37 | 38)), _) => unreachable(target),
        (Some(("g-io-error-quark", 39)), _) => refused(target),
        // An RTMP server that dislikes the key says so by closing, most of them without a word before it.
        (_, false) => rejected(target),
        (_, true) => lost(target),
    }
}

/// `GStreamer`'s rtmp2 elements name the error below theirs as "domain D, code N".
fn cause(debug: &str) -> Option<(&str, u32)> {
    let (_, rest) = debug.split_once("domain ")?;
    let (domain, rest) = rest.split_once(", code ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((domain, rest[..digits].parse().ok()?))
}

/// A text of somebody else's with everything secret in it struck out, for the log.
pub(super) fn scrub(target: &TargetUrl, text: &str) -> String {
    let mut text = text.to_owned();
    for secret in target.secrets() {
        text = text.replace(secret, "…");
        let encoded = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        text = text.replace(&encoded, "…");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn target() -> TargetUrl {
        TargetUrl::parse("rtmp://host/app", Some(&Secret::new("k+y/1")), None).unwrap()
    }

    #[test]
    fn the_cause_below_decides() {
        let failed = gst::glib::Error::new(gst::ResourceError::Failed, "Failed to connect: secret k+y/1");
        let code = |debug: &str, live: bool| of_pipeline(&target(), &failed, debug, live, live).code;
        assert_eq!(code("x.c(1): f (): /a:\ndomain g-resolver-error-quark, code 0", false), "unknown_host");
        assert_eq!(code("domain g-tls-error-quark, code 3", false), "tls");
        assert_eq!(code("domain g-io-error-quark, code 24", false), "timed_out");
        assert_eq!(code("domain g-io-error-quark, code 24\n", true), "stalled");
        assert_eq!(code("domain g-io-error-quark, code 39", false), "refused");
        assert_eq!(code("domain g-io-error-quark, code 44", false), "rejected");
        assert_eq!(code("domain g-io-error-quark, code 44", true), "lost");
        assert_eq!(code("", true), "lost");
        let authorized = gst::glib::Error::new(gst::ResourceError::NotAuthorized, "no");
        assert_eq!(of_pipeline(&target(), &authorized, "", false, false).code, "rejected");
        assert!(!of_pipeline(&target(), &failed, "k+y/1", false, false).message.contains("k+y"));
    }

    #[test]
    fn secrets_are_struck_out_plain_and_encoded() {
        assert_eq!(scrub(&target(), "to k+y/1 and k%2By%2F1."), "to … and ….");
    }
}
