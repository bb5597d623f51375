//! Covers and logos.

use serde_json::json;

use super::{get, png, put, room};
use crate::support::app::{BOTH, On, TestApp};

#[tokio::test]
async fn a_cover_is_made_anew_kept_and_served_for_ever() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        let made = put(&test.admin, "/rooms/hall/cover", png(2400, 600, [0, 120, 60, 255])).await.expect(200);
        let address = made["cover"].as_str().unwrap().to_owned();
        assert!(address.starts_with("/pictures/") && made["logo"].is_null(), "{made}");
        let response = test.stranger().request(reqwest::Method::GET, &address).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "image/jpeg");
        assert!(header("cache-control").contains("immutable") && header("content-security-policy").contains("sandbox"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        let picture = image::load_from_memory(&response.bytes().await.unwrap()).unwrap().to_rgb8();
        let [red, green, _] = picture.get_pixel(800, 200).0;
        assert!(picture.dimensions() == (1600, 400) && red < 30 && green > 90, "{:?}", picture.dimensions());

        // The same picture has the same name; another one takes its place, and the old one is gone.
        let again = put(&test.admin, "/rooms/hall/cover", png(2400, 600, [0, 120, 60, 255])).await.expect(200);
        assert_eq!(again["cover"], address.as_str());
        let other = put(&test.admin, "/rooms/hall/cover", png(50, 50, [9, 120, 60, 255])).await.expect(200);
        assert_ne!(other["cover"], address.as_str());
        get(&test.stranger(), &address).await.problem(404, "not_found");
        let removed = test.admin.delete("/rooms/hall/cover").await.expect(200);
        assert!(removed["cover"].is_null());
        get(&test.stranger(), other["cover"].as_str().unwrap()).await.problem(404, "not_found");
        test.stop().await;
    }
}

#[tokio::test]
async fn a_picture_of_two_rooms_stays_while_one_has_it() {
    let test = TestApp::start_on(On::Sqlite).await;
    for key in ["one", "two"] {
        room(&test, key, json!({})).await;
        put(&test.admin, &format!("/rooms/{key}/logo"), png(40, 20, [1, 2, 3, 100])).await.expect(200);
    }
    let address = test.admin.get("/rooms/one").await.expect(200)["logo"].as_str().unwrap().to_owned();
    test.admin.delete("/rooms/one").await.expect(204);
    assert_eq!(get(&test.stranger(), &address).await.status, 200);
    test.admin.delete("/rooms/two/logo").await.expect(200);
    get(&test.stranger(), &address).await.problem(404, "not_found");
    let activity = test.admin.get("/activity").await.text;
    assert!(activity.contains("room.picture_remove") && activity.contains("\"picture\":\"logo\""), "{activity}");
}

#[tokio::test]
async fn what_is_no_picture_or_too_much_of_one_is_refused() {
    let test = TestApp::start_on(On::Sqlite).await;
    room(&test, "hall", json!({})).await;
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
    let mut bomb = png(1, 1, [0; 4]);
    // Says 60,000 × 60,000 pixels. Its checksum is wrong as well; with the right one it is refused just the same (see `room::picture`).
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let half = png(300, 300, [5, 6, 7, 255]);
    for (what, file) in [
        ("SVG", svg.to_vec()),
        ("bomb", bomb),
        ("half", half[..half.len() / 2].to_vec()),
        ("nothing", Vec::new()),
        ("GIF", b"GIF89a".to_vec()),
    ] {
        let refused = put(&test.admin, "/rooms/hall/cover", file).await;
        assert_eq!((refused.status, refused.body["code"].as_str()), (422, Some("bad_image")), "{what}: {}", refused.text);
        assert_eq!(refused.body["field"], "cover", "{what}");
    }
    let mut polyglot = png(64, 64, [200, 6, 7, 255]);
    polyglot.extend_from_slice(b"<script>alert(document.domain)</script>");
    let made = put(&test.admin, "/rooms/hall/logo", polyglot).await.expect(200);
    let served = test.stranger().request(reqwest::Method::GET, made["logo"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert!(!served.windows(8).any(|window| window == b"<script>"), "nothing of what stood behind it is served");
    put(&test.admin, "/rooms/hall/cover", vec![0x89; 10 * 1024 * 1024]).await.problem(413, "body_too_large");
    put(&test.admin, "/rooms/nowhere/cover", png(2, 2, [0; 4])).await.problem(404, "not_found");
    assert!(test.admin.get("/rooms/hall").await.expect(200)["cover"].is_null());
    for forged in ["/pictures/x", "/pictures/..%2f..%2fetc%2fpasswd", &format!("/pictures/{}", "0".repeat(40))] {
        assert_eq!(get(&test.stranger(), forged).await.status, 404, "{forged}");
    }
}
