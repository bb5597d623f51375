//! Servers that refuse, lie, are slow or are none.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bluecast::media::error::MediaError;
use bluecast::media::output::OutputState;

use super::super::Watched;
use super::super::rig::Rig;
use super::{ome, spec, to};
use crate::support::nginx::{free_port, read_request};
use crate::support::ome::{Fault, Ome};

fn answering(fault: Fault) -> Ome {
    let ome = ome();
    ome.whip_fault(fault);
    ome
}

fn refuse(status: u16, why: &str) -> Fault {
    Fault::Refuse(status, why.into(), 1000)
}

/// A server that gives every offer the same answer.
fn parrot(status: &'static str, body: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            read_request(&connection);
            let _ = write!(&connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        }
    });
    address
}

/// An answer as OME words it, with this line for its address.
fn answer(candidate: &str) -> String {
    let line = |kind: &str, mid: u8, codec: &str| {
        format!(
            "m={kind} 9 UDP/TLS/RTP/SAVPF {codec}\r\nc=IN IP4 0.0.0.0\r\na=mid:{kind}{mid}\r\na=setup:passive\r\na=ice-ufrag:abcd\r\n\
             a=ice-pwd:0123456789012345678901\r\na=rtcp-mux\r\na=recvonly\r\na=rtpmap:{codec} {}\r\n{candidate}",
            if kind == "video" { "H264/90000" } else { "OPUS/48000/2" }
        )
    };
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "v=0\r\no=OvenMediaEngine 100 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE video0 audio1\r\na=fingerprint:sha-256 {fingerprint}\r\n{}{}",
        line("video", 0, "96"),
        line("audio", 1, "111")
    )
}

#[test]
fn reasons_are_told_apart() {
    let rig = Rig::start();
    let html = "<!doctype html><html><body>Not here, secret-thing</body></html>";
    let cases = [
        (answering(refuse(401, "AdmissionWebhooks error")), "unauthorized", "AdmissionWebhooks error"),
        (answering(refuse(403, html)), "unauthorized", "(status 403)."),
        (answering(refuse(404, "Could not find application")), "not_found", "Could not find application"),
        (answering(refuse(406, "")), "offer_refused", "(status 406)."),
        (answering(refuse(422, "no\u{7}\nway")), "offer_refused", "“no  way”"),
        (answering(refuse(500, "Internal")), "server_error", "Internal"),
        (answering(refuse(503, "")), "overloaded", "(status 503)."),
        (answering(refuse(204, "")), "bad_answer", "(status 204)."),
        (answering(Fault::Garbage), "bad_answer", "no WHIP server"),
        (answering(Fault::Huge), "bad_answer", "no WHIP server"),
        (answering(Fault::Closed), "cut_off", "closed the connection"),
        (answering(Fault::Redirect(302, "http://127.0.0.1/".into())), "redirected", "only 307 and 308"),
        (answering(Fault::Redirect(307, String::new())), "redirected", "without saying where"),
        (answering(Fault::Redirect(308, "/again?direction=whip".into())), "redirected", "in circles"),
    ];
    let outputs: Vec<Watched> = cases.iter().map(|(ome, ..)| Watched::with(&rig, spec(ome, "one"))).collect();
    for ((_, code, says), output) in cases.iter().zip(&outputs) {
        let reason = output.wait_code(code);
        assert!(reason.message.contains(says) && reason.message.contains("127.0.0.1") && reason.retry, "{code}: {reason:?}");
        assert!(!reason.message.contains('<'), "{reason}");
    }
    outputs.iter().for_each(Watched::stop);
}

#[test]
fn addresses_that_lead_nowhere_are_told_apart() {
    let rig = Rig::start();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let no_tls = other.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in other.incoming().map_while(Result::ok) {
            let _ = (&connection).write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let closed_udp = free_port();
    let cases = [
        (format!("http://127.0.0.1:{}/app/x?direction=whip", free_port()), "refused"),
        ("http://no-such-host.invalid/app/x".to_owned(), "unknown_host"),
        (format!("https://{no_tls}/app/x"), "tls"),
        (format!("http://{}/x", parrot("200 OK", "<html>It works!</html>".into())), "bad_answer"),
        (format!("http://{}/x", parrot("201 Created", answer(""))), "no_candidates"),
        (format!("http://{}/x", parrot("201 Created", answer("").replace("H264", "VP8"))), "codec_refused"),
        (
            format!("http://{}/x", parrot("201 Created", answer(&format!("a=candidate:1 1 UDP 50 127.0.0.1 {closed_udp} typ host\r\n")))),
            "media_unreachable",
        ),
    ];
    let outputs: Vec<Watched> = cases.iter().map(|(url, _)| Watched::with(&rig, to(url))).collect();
    for ((url, code), output) in cases.iter().zip(&outputs) {
        let reason = output.wait_code(code);
        assert!(reason.retry, "{url}: {reason:?}");
    }
    outputs.iter().for_each(Watched::stop);
}

#[test]
fn media_at_another_address_than_the_offer_s_is_offered_what_leads_there() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIPPED: this machine has no second loopback address (IPv6)");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (found, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let request = read_request(&connection);
            let body = if request.starts_with("POST") { answer("a=candidate:1 1 UDP 50 ::1 9 typ host\r\n") } else { String::new() };
            let _ = found.send(request);
            let head = format!("HTTP/1.1 201 Created\r\nLocation: /session\r\nContent-Length: {}\r\nConnection: close", body.len());
            let _ = write!(&connection, "{head}\r\n\r\n{body}");
        }
    });
    let rig = Rig::start();
    let output = Watched::with(&rig, to(&format!("http://{address}/app/stream")));
    let next = || requests.recv_timeout(Duration::from_secs(60)).expect("a request");
    let (first, ended, second) = (next(), next(), next());
    assert!(first.starts_with("POST") && first.contains(" 127.0.0.1 ") && !first.contains(" ::1 "), "{first}");
    assert!(ended.starts_with("DELETE /session"), "{ended}");
    assert!(second.starts_with("POST") && second.contains(" ::1 ") && !second.contains(" 127.0.0.1 "), "{second}");
    output.stop();
}

#[test]
fn a_silent_server_is_not_waited_for_and_holds_up_no_stop() {
    let (rig, ome) = (Rig::start(), answering(Fault::Never));
    let (waits, stopped) = (Watched::with(&rig, spec(&ome, "one")), Watched::with(&rig, spec(&ome, "two")));
    crate::support::wait::until_blocking("both offers", || (ome.requests().len() >= 2).then_some(()));
    let begun = Instant::now();
    stopped.stop();
    assert!(begun.elapsed() < Duration::from_secs(6), "stopping took {:?}", begun.elapsed());
    waits.wait_code("timed_out");
    ome.whip_fault(Fault::None);
    waits.wait(OutputState::Live);
    // Nor does one that lets the DELETE hang.
    ome.whip_fault(Fault::Never);
    let begun = Instant::now();
    waits.stop();
    assert!(begun.elapsed() < Duration::from_secs(15), "stopping took {:?}", begun.elapsed());
}

#[test]
fn a_slow_server_is_waited_for() {
    let (rig, ome) = (Rig::start(), answering(Fault::Slow(Duration::from_secs(3))));
    let output = Watched::with(&rig, spec(&ome, "one"));
    let status = output.wait(OutputState::Live);
    assert!(status.detail.is_none(), "{status:?}");
    ome.whip_fault(Fault::None);
    output.stop();
}

#[test]
fn a_host_that_may_not_be_called_is_not_called_after_a_redirect_either() {
    let rig = Rig::start();
    let ome = answering(Fault::Redirect(307, "http://inner.example:8080/app/x".into()));
    let mut spec = spec(&ome, "one");
    let resolve = spec.resolve;
    spec.resolve = std::sync::Arc::new(move |host: &str, port: u16| match host {
        "inner.example" => Err(MediaError::target("not_permitted", "No.").fatal()),
        _ => resolve(host, port),
    });
    let output = Watched::with(&rig, spec);
    let status = output.wait(OutputState::Failed);
    assert_eq!(status.detail.unwrap().code, "not_permitted");
    output.stop();
}
