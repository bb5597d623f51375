//! The pages of comments: as the server writes them, how heavy they are, and in real Chromiums against the program itself.

use bluecast::args;
use reqwest::Method;
use serde_json::json;

use super::browser::playwright;
use crate::support::app::{Answer, Client, PASSWORD, TestApp, send};

/// What a room's page may weigh without the player, in bytes over the wire to a browser over HTTPS: a promise to people on slow lines.
const ROOM_PAGE_BYTES: usize = 60_000;

async fn get(client: &Client, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = client.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

fn text<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_rooms_comments_alone_are_for_other_sites() {
    let app = TestApp::start().await;
    app.admin.post("/rooms", json!({"key": "aula", "title": "<b>Aula</b>"})).await.expect(201);
    let page = get(&app.stranger(), "/embed/aula/comments?theme=dark&lang=de", &[]).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<html lang=\"de\" data-theme=\"dark\""), "{}", page.text);
    assert!(page.text.contains("&#34;roomKey&#34;:&#34;aula&#34;") && !page.text.contains("<b>"), "{}", page.text);
    assert!(text(&page, "content-security-policy").contains("frame-ancestors *"));
    assert_eq!(text(&page, "x-frame-options"), "");
    let odd = get(&app.stranger(), "/embed/aula/comments?theme=%22%3E%3Cscript%3E", &[]).await;
    assert!(!odd.text.contains("data-theme"), "only known themes are written");
    for nowhere in ["/embed/none/comments", "/embed/%ff/comments"] {
        assert_eq!(get(&app.stranger(), nowhere, &[]).await.status, 404, "{nowhere}");
    }
    let closed = json!({"key": "closed", "title": "Closed", "visibility": "password", "password": "correct horse"});
    app.admin.post("/rooms", closed).await.expect(201);
    let door = get(&app.stranger(), "/embed/closed/comments", &[]).await;
    assert!(door.text.contains("/watch/closed") && !door.text.contains("id=\"island\""), "{}", door.text);

    let script = get(&app.stranger(), "/embed.js", &[]).await;
    assert!(script.text.contains("data-room") && text(&script, "content-type").starts_with("text/javascript"));
    assert_eq!(text(&script, "cross-origin-resource-policy"), "cross-origin");
    assert_eq!(text(&script, "access-control-allow-origin"), "*");
    app.stop().await;
}

#[tokio::test]
async fn the_moderators_pages_are_for_those_who_are_logged_in() {
    let app = TestApp::start().await;
    app.admin.post("/rooms", json!({"key": "aula", "title": "Aula"})).await.expect(201);
    for (path, to) in [("/moderate", "/login?next=%2Fmoderate"), ("/moderate/aula", "/login?next=%2Fmoderate%2Faula")] {
        let away = get(&app.stranger(), path, &[]).await;
        assert_eq!((away.status, text(&away, "location")), (303, to));
        assert_eq!(get(&app.admin, path, &[]).await.status, 200, "{path}");
    }
    assert_eq!(get(&app.admin, "/moderate/none", &[]).await.status, 404);
    app.stop().await;
}

/// Everything that the page asks for before anybody presses anything, compressed as on a line without encryption, where browsers take gzip.
#[tokio::test]
async fn a_rooms_page_without_the_player_is_light_in_every_language() {
    let app = TestApp::start().await;
    let sql = "INSERT INTO rooms (id, key, title, description, created_ms, changed_ms) VALUES ($1, $2, $3, $4, 0, 0)";
    app.app.store.run(sql, args![bluecast::id::new(), "aula", "Aula", "Lectures from the main hall."]).await.unwrap();
    for language in ["en", "hi", "de"] {
        let stranger = app.stranger();
        let page = get(&stranger, "/watch/aula", &[("accept-language", language)]).await.text;
        let packed = get(&stranger, "/watch/aula", &[("accept-language", language), ("accept-encoding", "gzip")]).await;
        assert_eq!(text(&packed, "content-encoding"), "gzip");
        let mut assets: Vec<&str> = page.split('"').filter(|piece| piece.starts_with("/assets/")).collect();
        assets.sort_unstable();
        assets.dedup();
        let player = assets.iter().filter(|asset| asset.starts_with("/assets/Player-")).count();
        assert_eq!(player, 2, "the player's script and style have their names: {assets:?}");
        let mut bytes = text(&packed, "content-length").parse::<usize>().unwrap();
        for asset in assets.iter().filter(|asset| !asset.starts_with("/assets/Player-")) {
            let answer = get(&stranger, asset, &[("accept-encoding", "gzip, deflate, br")]).await;
            assert_eq!(answer.status, 200, "{asset}");
            bytes += answer.headers["content-length"].to_str().unwrap().parse::<usize>().unwrap();
        }
        assert!(bytes > 30_000, "something was weighed: {bytes}");
        assert!(bytes <= ROOM_PAGE_BYTES, "the room's page weighs {bytes} bytes in {language}: {assets:?}");
    }
    app.stop().await;
}

/// Two viewers and a moderator in three browsers; the steps are in `web/e2e/talk`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_in_a_room() {
    let app = TestApp::start().await;
    app.admin.post("/rooms", json!({"key": "aula", "title": "Aula"})).await.expect(201);
    app.admin.patch("/rooms/aula/rules", json!({"links": "allow"})).await.expect(200);
    let url = format!("http://{}", app.address);
    let environment = [("BLUECAST_URL", url.as_str()), ("BLUECAST_USER", "admin"), ("BLUECAST_PASSWORD", PASSWORD)];
    playwright("e2e/playwright.talk.config.ts", &environment).await;
    app.stop().await;
}
