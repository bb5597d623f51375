//! The rule about which hosts may be called, in a real HTTP client: by name, by literal address, and behind redirects.

use bluecast::reach::{Reach, ReachError};

use crate::support::bbb::{Bbb, Failure};

fn http(allow: &str) -> reqwest::Client {
    Reach::parse(allow).unwrap().guard(reqwest::Client::builder()).build().unwrap()
}

#[tokio::test]
async fn names_are_judged_by_what_they_resolve_to() {
    let bbb = Bbb::start().await;
    let by_name = format!("http://localhost:{}/", bbb.address().port());
    assert_eq!(http("localhost").get(&by_name).send().await.unwrap().status(), 200);
    assert_eq!(http("127.0.0.0/8, ::1").get(&by_name).send().await.unwrap().status(), 200);
    for elsewhere in ["", "10.0.0.0/8", "example.org"] {
        let error = http(elsewhere).get(&by_name).send().await.unwrap_err();
        assert_eq!(ReachError::within(&error), Some(&ReachError::NotPermitted { host: "localhost".into() }), "{elsewhere}");
    }
}

#[tokio::test]
async fn redirects_are_judged_like_first_requests() {
    let bbb = Bbb::start().await;
    let port = bbb.address().port();
    let start = format!("http://localhost:{port}/bigbluebutton/api");
    let http = http("localhost");
    for literal in ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433"] {
        bbb.fail("", Failure::Redirect(format!("http://{literal}:{port}/")));
        let error = http.get(&start).send().await.unwrap_err();
        assert_eq!(ReachError::within(&error).map(ReachError::code), Some("not_permitted"), "{literal}: {error:?}");
    }
    bbb.fail("", Failure::Redirect(format!("http://localhost:{port}/")));
    assert!(http.get(&start).send().await.unwrap().text().await.unwrap().contains("Home of the BBB double"));
    bbb.fail("", Failure::Redirect(start.clone()));
    assert_eq!(http.get(&start).send().await.unwrap().status(), 303, "circles are left at the limit");
}
