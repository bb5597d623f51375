use bluecast::media::output::{OutputState, trust};

use super::Watched;
use super::rig::Rig;
use crate::support::decode::Decoder;
use crate::support::nginx::Nginx;
use crate::support::tls::Authority;
use crate::support::wait::until_blocking;

/// One test, as whom GStreamer trusts is one thing for the whole process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_verified_and_an_operator_s_authority_is_trusted() {
    let (rig, nginx, authority) = (Rig::start(), Nginx::start(), Authority::new());
    let upstream = ([127, 0, 0, 1], nginx.port).into();
    let good = authority.front("localhost", upstream).await;
    let other_name = authority.front("other.example", upstream).await;
    let expired = authority.expired_front("localhost", upstream).await;
    let url = |at: std::net::SocketAddr| format!("rtmps://localhost:{}/live/secret-k3y", at.port());
    tokio::task::spawn_blocking(move || {
        let stranger = Watched::rtmp(&rig, &url(good));
        let reason = stranger.wait_code("tls");
        assert!(reason.message.contains("certificate") && !reason.message.contains("k3y"), "{reason}");
        stranger.stop();

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, "nothing").unwrap();
        trust::also(&file, folder.path()).unwrap_err();
        std::fs::write(&file, authority.pem()).unwrap();
        trust::also(&file, folder.path()).unwrap();

        let trusted = Watched::rtmp(&rig, &url(good));
        trusted.wait(OutputState::Live);
        let decoder = Decoder::rtmp(&nginx.url("secret-k3y"));
        until_blocking("pictures through TLS", || (decoder.count() > 60).then_some(()));
        assert!(decoder.pictures().iter().all(|picture| picture.strip.is_some()));
        for bad in [other_name, expired] {
            let output = Watched::rtmp(&rig, &url(bad));
            output.wait_code("tls");
            output.stop();
        }
        trusted.stop();
    })
    .await
    .unwrap();
}
