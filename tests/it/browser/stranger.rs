//! Pages that are no friends: what they may not do, and that they disturb nothing.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use bluecast::media::source::{Evidence, SourceEnd};
use bluecast::secret::Secret;

use super::Running;

/// What is seen of a page that runs this script and never shows a meeting.
async fn run(script: &'static str, seconds: u64) -> (Running, SourceEnd) {
    let page = format!("<!doctype html><title>stranger</title><body>here<script>{script}</script>");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let file = get(async || ([("content-disposition", "attachment; filename=x.bin")], "data"));
    let router = Router::new().route("/html5client/", get(async move || Html(page))).route("/file", file);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let url = Secret::new(format!("http://{address}/html5client/?sessionToken=verysecret"));
    let mut running = Running::start(url, |spec| spec.ready_within = Duration::from_secs(seconds)).await;
    let end = running.end().await;
    server.abort();
    (running, end)
}

fn evidence(end: SourceEnd, code: &str) -> Evidence {
    let SourceEnd::Failed { error, evidence } = end else { panic!("{end:?}") };
    assert_eq!(error.code, code);
    evidence
}

#[tokio::test]
async fn a_page_gets_a_silent_microphone_and_nothing_else() {
    let script = r#"
        const tell = (what, promise) => promise.then((value) => console.log(what + ": " + value), (error) => console.log(what + ": " + error.name));
        (async () => {
            alert("stop here");
            console.log("alerted; token is " + location.search);
            console.log("confirm: " + confirm("sure?"));
            await tell("microphone", navigator.mediaDevices.getUserMedia({ audio: true }).then(async (stream) => {
                const context = new AudioContext();
                const analyser = context.createAnalyser();
                context.createMediaStreamSource(stream).connect(analyser);
                const samples = new Float32Array(analyser.fftSize);
                let loudest = 0;
                for (let turn = 0; turn < 10; turn++) {
                    await new Promise((resolve) => setTimeout(resolve, 50));
                    analyser.getFloatTimeDomainData(samples);
                    loudest = Math.max(loudest, ...samples.map(Math.abs));
                }
                return "loudest " + loudest.toFixed(4);
            }));
            await tell("camera", navigator.mediaDevices.getUserMedia({ video: true }).then(() => "granted"));
            await tell("place", new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(() => resolve("granted"), () => reject({ name: "refused" }))));
            console.log("notifications: " + await Notification.requestPermission());
            window.open("about:blank", "_blank");
            const link = document.createElement("a");
            link.href = "/file";
            link.download = "x.bin";
            document.body.append(link);
            link.click();
            console.log("done " + innerWidth + "x" + innerHeight);
        })();
    "#;
    let (mut running, end) = run(script, 15).await;
    let evidence = evidence(end, "page_not_ready");
    let console = evidence.console.join("\n");
    for line in [
        "dialog: stop here",
        "token is ?sessionToken=…",
        "confirm: false",
        "microphone: loudest 0.0000",
        "camera: Not",
        "place: refused",
        "notifications: denied",
        "done 961x541",
    ] {
        assert!(console.contains(line), "“{line}” is missing in:\n{console}");
    }
    assert!(!console.contains("verysecret"), "{console}");
    assert!(running.has_notice("popup_closed"));
    running.stop_and_check().await;
}

#[tokio::test]
async fn floods_and_endless_loops_end_in_a_failure_and_not_in_us() {
    let flood = r#"
        for (let n = 0; n < 30; n++) window.open("about:blank", "w" + n);
        setInterval(() => { for (let n = 0; n < 500; n++) console.log("flood " + n + "x".repeat(5000)); }, 20);
    "#;
    let (running, end) = run(flood, 5).await;
    let SourceEnd::Failed { error, evidence } = end else { panic!("{end:?}") };
    // A machine that cannot keep up with the flood may find the page silent before its time is over.
    assert!(["page_not_ready", "page_stalled", "browser_stalled"].contains(&error.code), "{error:?}");
    assert_eq!(evidence.console.len(), 100);
    assert!(evidence.console.iter().all(|line| line.len() < 1000));
    running.stop_and_check().await;

    let (running, end) = run("setTimeout(() => { for (;;); }, 1500)", 60).await;
    let SourceEnd::Failed { error, evidence } = end else { panic!("{end:?}") };
    assert_eq!(error.code, "page_stalled");
    assert!(evidence.screenshot.is_some_and(|picture| picture.starts_with(&[0xff, 0xd8])), "no picture of a page that hangs");
    running.stop_and_check().await;
}
