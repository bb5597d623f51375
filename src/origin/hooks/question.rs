//! What an origin asks, from the raw body to a checked question.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha1::Sha1;

use super::Refusal;
use super::address::Asked;
use crate::secret::Secret;

/// The body, as far as it is read. Origins add fields.
#[derive(Deserialize)]
struct Body {
    /// Not there when nobody is connected any more.
    #[serde(default)]
    client: Client,
    request: Request,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Client {
    address: String,
    port: u16,
}

#[derive(Deserialize)]
struct Request {
    direction: String,
    protocol: String,
    status: String,
    url: String,
}

/// By what somebody connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Rtmp,
    Srt,
    Webrtc,
    Llhls,
}

/// A question.
#[derive(Debug)]
pub(super) enum Question {
    /// Somebody wants to publish.
    Publish { protocol: Protocol, asked: Asked, client: String },
    /// Somebody wants to play.
    Play { protocol: Protocol, asked: Asked },
    /// Somebody has gone; nothing is asked.
    Gone,
}

impl Question {
    /// Reads a body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let Body { client, request } = serde_json::from_slice(body).map_err(|_| Refusal::Malformed)?;
        match &*request.status.to_ascii_lowercase() {
            "closing" => return Ok(Self::Gone),
            "opening" => {}
            _ => return Err(Refusal::Unknown),
        }
        let protocol = request.protocol.to_ascii_lowercase();
        let asked = || Asked::parse(&request.url).ok_or(Refusal::BadAddress);
        match (&*request.direction.to_ascii_lowercase(), &*protocol) {
            ("incoming", "rtmp") => publish(Protocol::Rtmp, &["rtmp", "rtmps"], asked()?, &client),
            ("incoming", "srt") => publish(Protocol::Srt, &["srt"], asked()?, &client),
            ("incoming", "webrtc") => publish(Protocol::Webrtc, &["http", "https"], asked()?, &client),
            ("outgoing", "webrtc") => play(Protocol::Webrtc, &["ws", "wss"], asked()?),
            ("outgoing", "llhls") => play(Protocol::Llhls, &["http", "https"], asked()?),
            _ => Err(Refusal::Unknown),
        }
    }
}

fn publish(protocol: Protocol, schemes: &[&str], asked: Asked, client: &Client) -> Result<Question, Refusal> {
    if !schemes.contains(&&*asked.scheme) || asked.file.is_some() || client.port == 0 || !(1..=64).contains(&client.address.len()) {
        return Err(Refusal::BadAddress);
    }
    let client = format!("{}:{}", client.address, client.port);
    Ok(Question::Publish { protocol, asked, client })
}

fn play(protocol: Protocol, schemes: &[&str], asked: Asked) -> Result<Question, Refusal> {
    let has_file = match protocol {
        Protocol::Llhls => asked.file.as_deref().and_then(|file| file.rsplit_once('.')).is_some_and(|(_, kind)| kind == "m3u8"),
        _ => true,
    };
    if schemes.contains(&&*asked.scheme) && has_file { Ok(Question::Play { protocol, asked }) } else { Err(Refusal::BadAddress) }
}

/// Whether a body was signed with the secret: base64url of HMAC-SHA1 over it, in constant time. `OvenMediaEngine` writes no padding.
pub(super) fn is_signed(secret: &Secret, body: &[u8], signature: &str) -> bool {
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature.trim_end_matches('=')) else { return false };
    let Ok(mac) = Hmac::<Sha1>::new_from_slice(secret.reveal().as_bytes()) else { return false };
    mac.chain_update(body).verify_slice(&signature).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(direction: &str, protocol: &str, url: &str) -> Value {
        json!({
            "client": {"address": "127.0.0.1", "port": 51788, "real_ip": "127.0.0.1", "user_agent": "Python-urllib/3.11"},
            "request": {"direction": direction, "protocol": protocol, "status": "opening", "time": "2026-11-22T10:49:03.745+00:00", "url": url}
        })
    }

    fn parse(body: &Value) -> Result<Question, Refusal> {
        Question::parse(body.to_string().as_bytes())
    }

    #[test]
    fn questions_as_they_were_seen() {
        let whip = parse(&body("incoming", "WebRTC", "http://localhost:13333/app/redir1?direction=whip")).unwrap();
        assert!(matches!(whip, Question::Publish { protocol: Protocol::Webrtc, client, .. } if client == "127.0.0.1:51788"));
        assert!(matches!(parse(&body("incoming", "rtmp", "rtmp://localhost/app/h1")), Ok(Question::Publish { .. })));
        assert!(matches!(parse(&body("incoming", "SRT", "srt://hooked/app/life1")), Ok(Question::Publish { .. })));
        let play = parse(&body("outgoing", "WebRTC", "ws://localhost:13333/app/h1/webrtc_default?x=1")).unwrap();
        assert!(matches!(play, Question::Play { protocol: Protocol::Webrtc, asked } if asked.file.as_deref() == Some("webrtc_default")));
        assert!(matches!(parse(&body("outgoing", "LLHLS", "https://edge/app/h1/llhls.m3u8")), Ok(Question::Play { .. })));
        let mut closing = body("incoming", "WebRTC", "http://localhost:13333/app/redir1");
        closing["request"]["status"] = json!("closing");
        assert!(matches!(parse(&closing), Ok(Question::Gone)));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (direction, protocol, url) in [
            ("incoming", "RTSP", "rtsp://host/app/h1"),
            ("incoming", "LLHLS", "http://host/app/h1/llhls.m3u8"),
            ("sideways", "RTMP", "rtmp://host/app/h1"),
            ("", "", ""),
            ("outgoing", "Thumbnail", "http://host/app/h1/thumb.jpg"),
            ("outgoing", "SRT", "srt://host/app/h1"),
            ("outgoing", "HLSv3", "http://host/app/h1/ts.m3u8"),
        ] {
            assert_eq!(parse(&body(direction, protocol, url)).unwrap_err(), Refusal::Unknown, "{direction} {protocol}");
        }
        for (direction, protocol, url) in [
            ("incoming", "RTMP", "srt://host/app/h1"),
            ("incoming", "RTMP", "rtmp://host/app/h1/more"),
            ("incoming", "WebRTC", "ws://host/app/h1"),
            ("outgoing", "WebRTC", "http://host/app/h1"),
            ("outgoing", "LLHLS", "http://host/app/h1"),
            ("outgoing", "LLHLS", "http://host/app/h1/thumb.jpg"),
            ("outgoing", "WebRTC", "ws://host/app"),
        ] {
            assert_eq!(parse(&body(direction, protocol, url)).unwrap_err(), Refusal::BadAddress, "{direction} {protocol} {url}");
        }
        let mut odd = body("incoming", "RTMP", "rtmp://host/app/h1");
        odd["request"]["status"] = json!("dancing");
        assert_eq!(parse(&odd).unwrap_err(), Refusal::Unknown);
        for text in ["", "null", "[]", "{}", "{\"client\":{},\"request\":{}}", "{\"client\":7}", "\u{fffd}", &"[".repeat(10_000)] {
            assert_eq!(Question::parse(text.as_bytes()).unwrap_err(), Refusal::Malformed);
        }
        assert_eq!(Question::parse(b"\xff\xfe").unwrap_err(), Refusal::Malformed);
    }

    /// RFC 2202, test case 2, in the alphabet that `OvenMediaEngine` writes.
    #[test]
    fn signatures_of_others_are_checked() {
        let (secret, body) = (Secret::new("Jefe"), b"what do ya want for nothing?");
        let signature = URL_SAFE_NO_PAD.encode(hex::decode("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79").unwrap());
        assert!(is_signed(&secret, body, &signature) && is_signed(&secret, body, &format!("{signature}=")));
        assert!(!is_signed(&secret, b"what do ya want for something?", &signature));
        assert!(!is_signed(&Secret::new("Jeff"), body, &signature));
        for wrong in ["", "=", "!", &signature[..20], &signature.repeat(2)] {
            assert!(!is_signed(&secret, body, wrong), "{wrong}");
        }
    }
}
