//! Servers that are wrong, broken or hostile: each a clear error with a stable code, soon, and without a secret in it.

use std::time::{Duration, Instant};

use bluecast::bbb::{BbbError, Client};
use bluecast::secret::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{client, client_with};
use crate::support::bbb::{Bbb, Failure};

/// Calls, and checks that neither the error nor the client tells what it must not.
async fn refused(client: &Client, secret: &Secret) -> BbbError {
    let error = client.meetings().await.unwrap_err();
    for shown in [error.to_string(), format!("{error:?}"), format!("{client:?}")] {
        assert!(!shown.contains(secret.reveal()) && !shown.contains("checksum="), "{shown}");
    }
    error
}

#[tokio::test]
async fn what_is_no_bbb_is_told_so() {
    let bbb = Bbb::start().await;
    bbb.meeting("m");
    let client = client(&bbb);
    let laughs = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><response><returncode>SUCCESS</returncode><x>&b;</x></response>";
    for (failure, says) in [
        (Failure::Html, "web page"),
        (Failure::Status(404), "HTTP status 404"),
        (Failure::Status(403), "HTTP status 403"),
        (Failure::Answer("text/xml", "<rss><channel/></rss>".into()), "other XML comes, <rss>"),
        (Failure::Answer("text/xml", "<response><hello/></response>".into()), "no return code"),
        (Failure::Answer("application/json", "{\"returncode\":\"SUCCESS\"}".into()), "something else"),
        (Failure::Answer("text/plain", String::new()), "something else"),
        (Failure::Answer("text/xml", "\u{0}\u{1}\u{ffff}".into()), "something else"),
        (Failure::Answer("text/xml", laughs.into()), "something else"),
        (Failure::Answer("text/xml", "<a>".repeat(100_000)), "something else"),
        (Failure::Redirect("https://portal.example.org/login".into()), "redirects to https://portal.example.org"),
        (Failure::Redirect("http://127.0.0.2:1/".into()), "redirects to http://127.0.0.2"),
        (Failure::Redirect("/bigbluebutton/api/getMeetings".into()), "circles"),
    ] {
        bbb.fail("getMeetings", failure.clone());
        let error = refused(&client, &bbb.secret()).await;
        assert_eq!((error.code(), error.retry()), ("not_bbb", false), "{failure:?}: {error}");
        assert!(error.to_string().contains(says), "{failure:?}: {error}");
    }
    bbb.heal("getMeetings");
    assert_eq!(client.meetings().await.unwrap().len(), 1);
}

#[tokio::test]
async fn trouble_that_passes_may_be_tried_again() {
    let bbb = Bbb::start().await;
    bbb.meeting("m");
    let client = client(&bbb);
    for (failure, code) in [
        (Failure::Status(500), "server_trouble"),
        (Failure::Status(502), "server_trouble"),
        (Failure::Status(429), "server_trouble"),
        (Failure::CutOff, "cut_off"),
        (Failure::Truncated, "cut_off"),
        (Failure::Hang, "timed_out"),
        (Failure::Drip(Duration::from_millis(50)), "timed_out"),
        (Failure::Slow(Duration::from_secs(30)), "timed_out"),
    ] {
        bbb.fail("getMeetings", failure.clone());
        let started = Instant::now();
        let error = refused(&client, &bbb.secret()).await;
        assert_eq!((error.code(), error.retry()), (code, true), "{failure:?}: {error}");
        assert!(started.elapsed() < Duration::from_secs(15), "{failure:?}");
    }
    bbb.fail("getMeetings", Failure::Slow(Duration::from_millis(100)));
    assert_eq!(client.meetings().await.unwrap().len(), 1, "slow is not too slow");
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_limit() {
    let bbb = Bbb::start().await;
    let client = client(&bbb);
    bbb.fail("getMeetings", Failure::Huge(1 << 40));
    let error = refused(&client, &bbb.secret()).await;
    assert_eq!(error.code(), "too_large");
    bbb.fail("getMeetings", Failure::Answer("text/xml", format!("<response><a>{}</a></response>", "<b/>".repeat(900_000))));
    assert_eq!(refused(&client, &bbb.secret()).await.code(), "not_bbb");
}

#[tokio::test]
async fn every_refusal_has_its_code() {
    let bbb = Bbb::start().await;
    let client = client(&bbb);
    for (key, code) in [
        ("checksumError", "wrong_secret"),
        ("notFound", "not_found"),
        ("invalidMeetingIdentifier", "not_found"),
        ("meetingNotFound", "not_found"),
        ("meetingForciblyEnded", "meeting_ended"),
        ("meetingEnded", "meeting_ended"),
        ("guestDeniedAccess", "denied"),
        ("maxParticipantsReached", "full"),
        ("idNotUnique", "not_unique"),
        ("validationError", "invalid"),
        ("missingParamMeetingID", "invalid"),
        ("Params required", "invalid"),
        ("unsupportedContentType", "invalid"),
        ("mismatchCreateTimeParam", "invalid"),
        ("somethingNew", "refused"),
        ("", "refused"),
    ] {
        bbb.fail("getMeetings", Failure::Refuse(key));
        let error = refused(&client, &bbb.secret()).await;
        assert_eq!((error.code(), error.retry()), (code, code == "full"), "{key}");
    }
    let listed = "<response><returncode>FAILED</returncode><errors><error><key>validationError</key><message>x</message></error>\
        <error><key>notFound</key><message>y</message></error></errors></response>";
    bbb.fail("getMeetings", Failure::Answer("text/xml", listed.into()));
    assert_eq!(refused(&client, &bbb.secret()).await.code(), "not_found");
    let rude = "<response><returncode>FAILED</returncode><messageKey>odd\u{7}</messageKey><message>a\nb\u{1b}[31m".to_owned()
        + &"x".repeat(5000)
        + "</message></response>";
    bbb.fail("getMeetings", Failure::Answer("text/xml", rude));
    let sentence = refused(&client, &bbb.secret()).await.to_string();
    assert!(sentence.len() < 400 && !sentence.chars().any(char::is_control), "{sentence}");
}

#[tokio::test]
async fn odd_fields_hide_nothing_else() {
    let bbb = Bbb::start().await;
    let client = client(&bbb);
    let odd = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<response>\n  <returncode>SUCCESS</returncode>\n  <meetings>\n    <meeting>\n\
        <meetingID>one</meetingID><meetingName></meetingName><participantCount></participantCount><running>true</running>\
        <startTime>soon</startTime><new2029><a><b>c</b></a></new2029><attendees/><metadata><a>1</a><a>2</a><b><c>3</c></b></metadata>\
        <running>false</running></meeting>\n<meeting><meetingName>without an id</meetingName></meeting><other/></meetings></response>";
    bbb.fail("getMeetings", Failure::Answer("text/html", odd.into()));
    let meetings = client.meetings().await.unwrap();
    assert_eq!(meetings.len(), 1);
    assert!(meetings[0].running && meetings[0].participants == 0 && meetings[0].started_ms == 0 && meetings[0].attendees.is_empty());
}

#[tokio::test]
async fn nobody_there_and_hosts_that_may_not_be_called() {
    let mut bbb = Bbb::start().await;
    bbb.meeting("m");
    let secret = bbb.secret();
    let gone = client(&bbb);
    assert_eq!(gone.meetings().await.unwrap().len(), 1);
    bbb.go_away().await;
    let error = refused(&gone, &secret).await;
    assert_eq!((error.code(), error.retry()), ("unreachable", true));
    assert!(error.to_string().contains("refused"), "{error}");
    bbb.come_back().await;
    assert_eq!(gone.meetings().await.unwrap().len(), 1);

    for url in [bbb.url(), bbb.url().replace("127.0.0.1", "localhost"), bbb.url().replace("127.0.0.1", "[::ffff:127.0.0.1]")] {
        let error = refused(&client_with(&url, secret.clone(), ""), &secret).await;
        assert_eq!((error.code(), error.retry()), ("not_permitted", false), "{url}");
        assert!(error.to_string().contains("BLUECAST_CALL_ALLOW"));
    }
    assert_eq!(client_with(&bbb.url().replace("127.0.0.1", "localhost"), secret.clone(), "localhost").meetings().await.unwrap().len(), 1);
    let unknown = refused(&client_with("https://no-such-host.invalid/", secret.clone(), ""), &secret).await;
    assert!(matches!(unknown.code(), "unknown_host" | "timed_out"), "{unknown}");
    assert_eq!(bbb.requests().len(), 3, "nothing was sent where it may not be");
}

#[tokio::test]
async fn redirects_within_the_host_are_followed() {
    let bbb = Bbb::start().await;
    bbb.meeting("m");
    let client = client(&bbb);
    client.meetings().await.unwrap();
    let query = "checksum=".to_owned() + &sha256(&format!("getMeetings{}", bbb.secret().reveal()));
    bbb.fail("isMeetingRunning", Failure::Redirect(format!("/bigbluebutton/api/getMeetings?{query}")));
    assert!(!client.is_meeting_running("m").await.unwrap(), "the answer of the other call has no such field");
    assert!(bbb.requests().iter().any(|request| request.call == "getMeetings"));
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text))
}

/// A server that answers every connection with these bytes and closes.
async fn raw_server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    address.to_string()
}

#[tokio::test]
async fn servers_of_other_kinds_are_sorted_by_what_they_do() {
    let secret = Secret::new("the-secret-of-a-server");
    for (answer, code) in [
        (&b""[..], "cut_off"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "cut_off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<response>", "cut_off"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "not_bbb"),
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "not_bbb"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "not_bbb"),
    ] {
        let address = raw_server(answer).await;
        let error = refused(&client_with(&format!("http://{address}"), secret.clone(), "loopback"), &secret).await;
        assert_eq!(error.code(), code, "{error} after {}", String::from_utf8_lossy(answer));
    }
    let plain = raw_server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let error = refused(&client_with(&format!("https://{plain}"), secret.clone(), "loopback"), &secret).await;
    assert_eq!((error.code(), error.retry()), ("tls", false));
    assert!(error.to_string().contains("http://"), "{error}");
}
