//! The client against the double: what is read, and what is said of what cannot be.

use std::time::{Duration, Instant};

use bluecast::origin::OmeError;
use bluecast::origin::client::{Client, http_client};
use bluecast::reach::Reach;
use bluecast::secret::Secret;

use super::{client, reach};
use crate::support::ome::{Fault, Ome, OmeOptions, Source};
use crate::support::tls::Authority;
use crate::support::wait::until;

#[tokio::test]
async fn everything_that_it_says_is_read() {
    let ome = Ome::start(OmeOptions::default()).await;
    ome.register("app", "one", Source::WebRtc { remote: "192.0.2.9:9".parse().unwrap() });
    for url in [ome.api_url(), format!("{}/", ome.api_url()), format!("{}/v1/", ome.api_url())] {
        let api = client(&url, Some("rig:token"));
        assert!(api.version().await.unwrap().version.starts_with("v0."), "{url}");
    }
    let api = client(&ome.api_url(), Some("rig:token"));
    assert_eq!(api.vhosts().await.unwrap(), ["default"]);
    assert_eq!(api.apps("default").await.unwrap(), ["app"]);
    assert_eq!(api.streams("default", "app").await.unwrap(), ["one"]);
    let detail = api.stream("default", "app", "one").await.unwrap();
    assert_eq!(detail.input.source_type, "WebRTC");
    assert!(detail.input.created_time.starts_with("20"), "{detail:?}");
    for stats in [
        api.server_stats().await,
        api.vhost_stats("default").await,
        api.app_stats("default", "app").await,
        api.stream_stats("default", "app", "one").await,
    ] {
        assert_eq!(stats.unwrap().viewers(), 0);
    }
    api.delete_stream("default", "app", "one").await.unwrap();
    assert_eq!(api.streams("default", "app").await.unwrap(), Vec::<String>::new());
    assert!(ome.streams().is_empty());
}

#[tokio::test]
async fn what_is_not_there_and_who_is_not_let_in_are_told_apart() {
    let ome = Ome::start(OmeOptions::default()).await;
    let api = client(&ome.api_url(), Some("rig:token"));
    let code = |result: Result<_, OmeError>| result.map(|_: ()| ()).unwrap_err().code();
    assert_eq!(code(api.stream("default", "app", "none").await.map(drop)), "not_found");
    assert_eq!(code(api.stream_stats("default", "app", "none").await.map(drop)), "not_found");
    assert_eq!(code(api.delete_stream("default", "app", "none").await), "not_found");
    assert_eq!(code(api.streams("default", "nowhere").await.map(drop)), "no_app");
    assert_eq!(code(api.apps("nowhere").await.map(drop)), "no_vhost");
    for token in [None, Some("rig:wrong")] {
        let error = client(&ome.api_url(), token).version().await.unwrap_err();
        assert_eq!(error.code(), "wrong_token");
        assert!(error.to_string().contains("AccessToken") && !error.to_string().contains("rig:"), "{error}");
    }
    // A name that leads elsewhere in the address asks nothing at all.
    let before = ome.requests().len();
    for name in ["..", ".", ""] {
        assert_eq!(code(api.delete_stream("default", "app", name).await), "not_found");
    }
    assert_eq!(ome.requests().len(), before);
    // One with odd letters is one name.
    assert_eq!(code(api.stream("default", "app", "../streams/a b?x#y").await.map(drop)), "not_found");
    assert!(ome.requests().last().unwrap().path.starts_with("/v1/vhosts/default/apps/app/streams/..%2Fstreams%2Fa%20b%3Fx%23y"));
}

#[tokio::test]
async fn slow_gone_and_lying_servers_are_called_so() {
    let mut ome = Ome::start(OmeOptions::default()).await;
    let api = client(&ome.api_url(), Some("rig:token"));
    for (fault, code) in [
        (Fault::Closed, "cut_off"),
        (Fault::Garbage, "not_ome"),
        (Fault::Huge, "too_large"),
        (Fault::Redirect(307, "http://127.0.0.1:9/".into()), "not_ome"),
        (Fault::Refuse(404, "<!DOCTYPE html><html><h1>Welcome to nginx".into(), 1), "not_ome"),
        (Fault::Refuse(503, "upstream".into(), 1), "server_trouble"),
        (Fault::Refuse(401, String::new(), 1), "wrong_token"),
        (Fault::Refuse(400, r#"{"statusCode":400,"message":"[HTTP] Duplicate ID already exists (400)"}"#.into(), 1), "refused"),
        (Fault::Refuse(200, r#"{"statusCode":200,"message":"OK","response":{"not":"a list"}}"#.into(), 1), "not_ome"),
        (Fault::Refuse(200, r#"{"statusCode":200,"message":"OK","response":[1,2]}"#.into(), 1), "not_ome"),
        (Fault::Refuse(200, "[]".into(), 1), "not_ome"),
        (Fault::Refuse(200, "null".into(), 1), "not_ome"),
    ] {
        ome.api_fault(fault.clone());
        let error = api.vhosts().await.unwrap_err();
        assert_eq!(error.code(), code, "{fault:?}: {error}");
        assert!(!error.to_string().contains("rig:"), "{error}");
    }
    ome.api_fault(Fault::Refuse(404, "<!DOCTYPE html><html><h1>Welcome to nginx".into(), 1));
    let error = api.vhosts().await.unwrap_err().to_string();
    assert!(error.contains("a web page comes") && error.contains("port of its own"), "{error}");

    ome.api_fault(Fault::Never);
    let asked = Instant::now();
    assert_eq!(api.vhosts().await.unwrap_err().code(), "timed_out");
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    ome.api_fault(Fault::Slow(Duration::from_millis(300)));
    assert_eq!(api.vhosts().await.unwrap(), ["default"]);

    ome.stop();
    // The connection that was kept open may break first.
    let gone = until("nobody to be there", async || api.vhosts().await.err().filter(|error| error.code() == "unreachable")).await;
    assert!(gone.to_string().contains("nothing listens there"), "{gone}");
}

#[tokio::test]
async fn the_token_goes_to_nobody_else() {
    let (ome, other) = (Ome::start(OmeOptions::default()).await, Ome::start(OmeOptions::default()).await);
    ome.api_fault(Fault::Redirect(302, format!("{}/v1/vhosts", other.api_url())));
    assert_eq!(client(&ome.api_url(), Some("rig:token")).vhosts().await.unwrap_err().code(), "not_ome");
    assert!(other.requests().is_empty());
    let shown = format!("{:?}", client(&ome.api_url(), Some("rig:token")));
    assert!(!shown.contains("rig") && !shown.contains("cmln"), "{shown}");
}

#[tokio::test]
async fn only_what_may_be_called_is() {
    let ome = Ome::start(OmeOptions::default()).await;
    let nobody = Reach::default();
    let port = ome.api_url().rsplit_once(':').unwrap().1.to_owned();
    for url in [ome.api_url(), format!("http://localhost:{port}")] {
        let api = Client::new(&url, None, nobody.clone(), http_client(&nobody, &[]).unwrap()).unwrap();
        assert_eq!(api.version().await.unwrap_err().code(), "not_permitted", "{url}");
    }
    assert!(ome.requests().is_empty());
    for bad in ["", "ome", "ftp://ome", "http://u:p@ome", "http://ome/?a=b", "http://ome/#x"] {
        let made = Client::new(bad, None, nobody.clone(), http_client(&nobody, &[]).unwrap());
        assert_eq!(made.unwrap_err().code(), "bad_address", "{bad}");
    }
}

#[tokio::test]
async fn an_authority_of_one_s_own_is_trusted_when_named() {
    let ome = Ome::start(OmeOptions::default()).await;
    let authority = Authority::new();
    let address = ome.api_url().trim_start_matches("http://").parse().unwrap();
    let url = format!("https://localhost:{}", authority.front("localhost", address).await.port());
    let token = Secret::new("rig:token");
    let with = |pem: &[u8]| Client::new(&url, Some(&token), reach(), http_client(&reach(), pem).unwrap()).unwrap();
    assert_eq!(with(&authority.pem()).vhosts().await.unwrap(), ["default"]);
    let error = with(&[]).vhosts().await.unwrap_err();
    assert_eq!(error.code(), "tls");
    assert!(error.to_string().contains("BLUECAST_CA_FILE"), "{error}");
    assert_eq!(ome.requests().len(), 1);
}
