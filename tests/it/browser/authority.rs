//! Meetings on servers with a certificate of a private authority.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use bluecast::media::source::{SourceEnd, Step};
use bluecast::secret::Secret;

use super::Running;

fn openssl(folder: &std::path::Path, args: &str) {
    let output = Command::new("openssl").args(args.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_given_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    openssl(
        path,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=Tests -addext basicConstraints=critical,CA:TRUE",
    );
    openssl(path, "req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost -addext subjectAltName=DNS:localhost");
    openssl(path, "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -copy_extensions copy");
    fs::create_dir(path.join("html5client")).unwrap();
    fs::write(path.join("html5client/page.html"), r#"<!doctype html><div data-test="presentationContainer">slides</div>"#).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl")
        .args(["s_server", "-WWW", "-cert", "leaf.pem", "-key", "leaf.key", "-accept", &format!("127.0.0.1:{port}")])
        .current_dir(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let url = Secret::new(format!("https://localhost:{port}/html5client/page.html"));
    let authority = path.join("ca.pem");
    let mut trusting = Running::start(url.clone(), |spec| spec.ca_file = Some(authority)).await;
    trusting.step(Step::Joined).await;
    trusting.stop_and_check().await;

    let mut strict = Running::start(url, |spec| spec.ready_within = Duration::from_secs(5)).await;
    let end = strict.end().await;
    let SourceEnd::Failed { error, .. } = end else { panic!("{end:?}") };
    assert!(error.code == "page_unreachable" && error.message.contains("CERT"), "{error:?}");
    strict.stop_and_check().await;
    server.kill().unwrap();
    server.wait().unwrap();
}
