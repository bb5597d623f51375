//! Servers behind TLS: what is trusted, and what is said where it is not.

use bluecast::bbb::{BaseUrl, BbbError, Client, ClientOptions};
use bluecast::reach::Reach;

use crate::support::bbb::{Bbb, Failure};
use crate::support::tls::Authority;

fn client(bbb: &Bbb, address: &str, authorities_pem: Vec<u8>) -> Result<Client, BbbError> {
    let options = ClientOptions { authorities_pem, ..ClientOptions::default() };
    Client::new(BaseUrl::parse(address).unwrap(), bbb.secret(), Reach::parse("loopback").unwrap(), &options)
}

#[tokio::test]
async fn an_authority_of_one_s_own_is_trusted_when_named() {
    let bbb = Bbb::start().await;
    bbb.meeting("m");
    let authority = Authority::new();
    let port = authority.front("localhost", bbb.address()).await.port();
    let address = format!("https://localhost:{port}");
    let trusting = client(&bbb, &address, authority.pem()).unwrap();
    assert_eq!(trusting.meetings().await.unwrap().len(), 1);

    let stranger = client(&bbb, &address, Vec::new()).unwrap().meetings().await.unwrap_err();
    assert_eq!((stranger.code(), stranger.retry()), ("tls", false));
    assert!(stranger.to_string().contains("BLUECAST_CA_FILE"), "{stranger}");
    let other = client(&bbb, &address, Authority::new().pem()).unwrap().meetings().await.unwrap_err();
    assert_eq!(other.code(), "tls");
    assert_eq!(bbb.requests().len(), 1, "nothing is sent to a server that is not trusted");

    // Whoever could answer in plain text may not have the call.
    bbb.fail("getMeetings", Failure::Redirect(format!("http://localhost:{port}/bigbluebutton/api/getMeetings")));
    let error = trusting.meetings().await.unwrap_err();
    assert_eq!(error.code(), "not_bbb");
    assert!(error.to_string().contains("redirects to http://localhost"), "{error}");
}

#[tokio::test]
async fn wrong_names_dates_and_files_are_told_apart() {
    let bbb = Bbb::start().await;
    let authority = Authority::new();
    let elsewhere = authority.front("bbb.example.org", bbb.address()).await.port();
    let expired = authority.expired_front("localhost", bbb.address()).await.port();
    for (port, says) in [(elsewhere, "another host name"), (expired, "expired")] {
        let error = client(&bbb, &format!("https://localhost:{port}"), authority.pem()).unwrap().meetings().await.unwrap_err();
        assert_eq!(error.code(), "tls");
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = client(&bbb, "https://localhost", b"no certificate at all".to_vec()).unwrap_err();
    assert_eq!(error.code(), "tls");
    assert!(error.to_string().contains("BLUECAST_CA_FILE"), "{error}");
}
