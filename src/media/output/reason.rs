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
        TargetUrl::Whip(_) => "token",
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

/// No TLS, and why.
pub(super) fn tls(target: &TargetUrl, why: &str) -> MediaError {
    MediaError::target("tls", format!("No secure connection to {target}: {why}."))
}

/// The HTTP connection broke.
pub(super) fn cut_off(target: &TargetUrl) -> MediaError {
    MediaError::target("cut_off", format!("{target} closed the connection without a whole answer; perhaps it is no WHIP server."))
}

/// A redirect that is not followed, and why.
pub(super) fn redirected(target: &TargetUrl, why: &str) -> MediaError {
    MediaError::target("redirected", format!("{target} cannot be used: {why}."))
}

/// A WHIP server said no. `quoted` is what else it said.
pub(super) fn http(target: &TargetUrl, status: u16, quoted: &str) -> MediaError {
    let (code, why) = match status {
        401 | 403 => ("unauthorized", "does not let us publish there: the token, key or signature is missing or wrong"),
        404 | 405 | 410 => {
            ("not_found", "has nothing to publish to at this address: often a wrong path, or an application that does not exist")
        }
        400 | 406 | 415 | 422 => ("offer_refused", "does not take the offer, which is H.264 video and stereo Opus sound over WebRTC"),
        429 | 503 => ("overloaded", "has no room for one more stream now"),
        500..=599 => ("server_error", "failed at the call"),
        _ => ("bad_answer", "answers as no WHIP server does"),
    };
    let quoted = if quoted.is_empty() { String::new() } else { format!(" It says: “{quoted}”") };
    MediaError::target(code, format!("{target} {why} (status {status}).{quoted}"))
}

/// Something came back that is no answer to an offer.
pub(super) fn bad_answer(target: &TargetUrl) -> MediaError {
    MediaError::target("bad_answer", format!("{target} answered with something that is no WebRTC session: perhaps it is no WHIP server."))
}

/// The server takes a line of the offer not.
pub(super) fn codec_refused(target: &TargetUrl, codec: &str) -> MediaError {
    MediaError::target("codec_refused", format!("{target} does not take {codec}, which is what is sent."))
}

/// The answer names no address for the media.
pub(super) fn no_candidates(target: &TargetUrl) -> MediaError {
    MediaError::target(
        "no_candidates",
        format!("{target} names no address to send picture and sound to; OvenMediaEngine takes it from <IceCandidates>."),
    )
}

/// The session is there, the media gets nowhere.
pub(super) fn no_media(target: &TargetUrl) -> MediaError {
    MediaError::target(
        "media_unreachable",
        format!("{target} answered, but picture and sound do not get there: its UDP ports are closed to us, or it names a wrong address."),
    )
}

/// Somebody else has the stream's name.
pub(super) fn name_taken(target: &TargetUrl) -> MediaError {
    MediaError::target(
        "name_taken",
        format!("A stream of this name is on already at {target}; it may be one of ours that the server still waits for."),
    )
}

/// No route.
pub(super) fn unreachable(target: &TargetUrl) -> MediaError {
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
        (Some(("g-tls-error-quark", _)), _) => tls(target, "its certificate is not valid for that name, or it does not speak TLS"),
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
        text = text.replace(&secret, "…");
        let encoded = percent_encoding::utf8_percent_encode(&secret, percent_encoding::NON_ALPHANUMERIC).to_string();
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
    fn what_a_whip_server_says_has_a_stable_code() {
        let codes = [401, 403, 404, 406, 415, 422, 429, 500, 502, 503, 204, 302].map(|status| http(&target(), status, "").code);
        let wanted = ["unauthorized", "unauthorized", "not_found", "offer_refused", "offer_refused", "offer_refused", "overloaded"];
        assert_eq!(codes[..7], wanted);
        assert_eq!(codes[7..], ["server_error", "server_error", "overloaded", "bad_answer", "bad_answer"]);
        assert!(http(&target(), 401, "no").message.ends_with("It says: “no”"));
    }

    #[test]
    fn secrets_are_struck_out_plain_and_encoded() {
        assert_eq!(scrub(&target(), "to k+y/1 and k%2By%2F1."), "to … and ….");
    }
}
