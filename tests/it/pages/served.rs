//! What the server writes: languages, redirects, faults, assets. Nothing here needs a browser.

use bluecast::args;
use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::support::app::{Answer, Client, PASSWORD, TestApp, send};

async fn get(client: &Client, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = client.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = send(request).await;
    assert!(!answer.text.contains("make web"), "the pages are not built: run scripts/web-build");
    answer
}

async fn room(app: &TestApp, key: &str, title: &str, description: &str) {
    let sql = "INSERT INTO rooms (id, key, title, description, created_ms, changed_ms) VALUES ($1, $2, $3, $4, 0, 0)";
    app.app.store.run(sql, args![bluecast::id::new(), key, title, description]).await.unwrap();
}

/// The addresses below `/assets/` that a page names.
fn assets(page: &str) -> Vec<String> {
    page.split('"').filter(|piece| piece.starts_with("/assets/")).map(str::to_owned).collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_front_page_speaks_the_readers_language() {
    let app = TestApp::start().await;
    let stranger = app.stranger();
    for (language, words) in [("en", "Watch it as it happens"), ("hi", "उसी पल देखें"), ("de-AT, en;q=0.3", "während es geschieht")]
    {
        let answer = get(&stranger, "/", &[("accept-language", language)]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains(words), "{language}: {}", answer.text);
        assert!(answer.text.contains(&format!("<html lang=\"{}\"", &language[..2])));
        assert_eq!(text(&answer.headers, "cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_chosen_language_is_remembered() {
    let app = TestApp::start().await;
    let stranger = app.stranger();
    let chosen = get(&stranger, "/login?next=/admin&lang=hi", &[("accept-language", "de")]).await;
    assert!(chosen.text.contains("<html lang=\"hi\""));
    assert!(text(&chosen.headers, "set-cookie").starts_with("lang=hi;"));
    assert!(chosen.text.contains("/login?next=%2Fadmin&#38;lang=de"), "the menu keeps the address: {}", chosen.text);
    let later = get(&stranger, "/", &[("accept-language", "de")]).await;
    assert!(later.text.contains("<html lang=\"hi\""), "the cookie counts more than the browser's list");
    let unknown = get(&app.stranger(), "/?lang=xx", &[("accept-language", "de")]).await;
    assert!(unknown.text.contains("<html lang=\"de\"") && unknown.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn the_theme_is_in_the_page_before_any_script_runs() {
    let app = TestApp::start().await;
    let stranger = app.stranger();
    assert!(get(&stranger, "/", &[("cookie", "theme=dark")]).await.text.contains("data-theme=\"dark\""));
    let odd = get(&stranger, "/", &[("cookie", "theme=\"><script>")]).await;
    assert!(!odd.text.contains("data-theme"), "only known themes are written");
}

#[tokio::test]
async fn the_control_room_is_for_those_who_are_logged_in() {
    let app = TestApp::start().await;
    let away = get(&app.stranger(), "/admin", &[]).await;
    assert_eq!((away.status, text(&away.headers, "location")), (303, "/login?next=%2Fadmin"));
    let inside = get(&app.admin, "/admin", &[]).await;
    assert_eq!(inside.status, 200);
    for profile in ["480p30", "720p30", "1080p30"] {
        assert!(inside.text.contains(profile), "{profile} can be chosen");
    }
    assert!(inside.text.contains("data-logout"));
}

#[tokio::test]
async fn a_login_never_leads_to_a_stranger() {
    let app = TestApp::start().await;
    for (next, to) in [
        ("/watch/aula", "/watch/aula"),
        ("//evil.example/", "/admin"),
        ("/%5Cevil.example", "/admin"),
        ("/%09/evil.example", "/admin"),
        ("https://evil.example/", "/admin"),
        ("", "/admin"),
    ] {
        let answer = get(&app.admin, &format!("/login?next={next}"), &[]).await;
        assert_eq!((answer.status, text(&answer.headers, "location")), (303, to), "{next}");
        let page = get(&app.stranger(), &format!("/login?next={next}"), &[]).await;
        assert!(page.text.contains(&format!("&#34;next&#34;:&#34;{to}&#34;")), "{next}: {}", page.text);
    }
    let client = app.stranger();
    client.log_in("admin", PASSWORD).await;
    assert_eq!(get(&client, "/login", &[]).await.status, 303);
}

#[tokio::test]
async fn what_a_person_typed_is_text() {
    let app = TestApp::start().await;
    room(&app, "aula", "<b>Aula</b> & \"more\"", "First.\n\n<script>alert(1)</script>\n\n\n").await;
    for path in ["/watch/aula", "/embed/aula"] {
        let page = get(&app.stranger(), path, &[]).await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("<b>") && !page.text.contains("<script>"), "{}", page.text);
        assert!(page.text.contains("&#60;b&#62;Aula"), "{}", page.text);
    }
    let page = get(&app.stranger(), "/watch/aula", &[]).await.text;
    assert_eq!(page.matches("<p>").count(), 2, "empty paragraphs are left out: {page}");
    assert!(page.contains("Nothing is on the air yet") && page.contains("&#34;state&#34;:&#34;none&#34;"));
}

#[tokio::test]
async fn addresses_that_lead_nowhere_get_a_page_of_their_own() {
    let app = TestApp::start().await;
    for path in ["/watch/none", "/embed/none", "/nothing/here", "/watch/%ff", "/watch/a/b"] {
        let answer = get(&app.stranger(), path, &[("accept-language", "de")]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text.contains("Hier ist nichts"), "{path}: {}", answer.text);
    }
    get(&app.stranger(), "/api/v1/none", &[]).await.problem(404, "not_found");
    assert_eq!(get(&app.stranger(), "/assets/none.js", &[]).await.status, 404);
    for hidden in ["/assets/manifest.json", "/assets/..%2Fmanifest.json", "/assets/..%2F..%2FCargo.toml"] {
        assert_eq!(get(&app.stranger(), hidden, &[]).await.status, 404, "{hidden}");
    }
}

#[tokio::test]
async fn every_page_keeps_the_content_policy_and_finds_its_assets() {
    let app = TestApp::start().await;
    room(&app, "aula", "Aula", "").await;
    for path in ["/", "/login", "/watch/aula", "/embed/aula", "/none", "/admin"] {
        let client = if path == "/admin" { &app.admin } else { &app.stranger() };
        let page = get(client, path, &[]).await;
        let policy = text(&page.headers, "content-security-policy");
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(policy.contains("frame-ancestors 'none'"), path != "/embed/aula");
        for banned in ["<style", " style=", "<script>", "javascript:", " onclick", " onload"] {
            assert!(!page.text.contains(banned), "{path} has {banned}");
        }
        let assets = assets(&page.text);
        assert!(assets.len() >= 2, "{path}: {}", page.text);
        for asset in assets {
            let answer = get(client, &asset, &[("accept-encoding", "gzip, br")]).await;
            assert_eq!(answer.status, 200, "{path} wants {asset}");
            assert!(text(&answer.headers, "cache-control").contains("immutable"));
        }
    }
}

#[tokio::test]
async fn pages_come_compressed_to_those_who_say_so() {
    let app = TestApp::start().await;
    for path in ["/", "/login"] {
        let plain = app.stranger().request(Method::GET, path).send().await.unwrap();
        assert!(plain.headers().get("content-encoding").is_none(), "{path}");
        let vary: Vec<_> = plain.headers().get_all("vary").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        assert!(
            vary.iter().any(|value| value.contains("cookie")) && vary.iter().any(|value| value.contains("accept-encoding")),
            "{vary:?}"
        );
        let page = plain.bytes().await.unwrap();
        let packed = app.stranger().request(Method::GET, path).header("accept-encoding", "br;q=1, gzip;q=0.8").send().await.unwrap();
        assert_eq!(packed.headers()["content-encoding"], "gzip", "{path}");
        let mut read = Vec::new();
        let packed = packed.bytes().await.unwrap();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut read).unwrap();
        assert!(packed.len() < page.len() * 2 / 3 && read == page, "{path}: {} of {}", packed.len(), page.len());
        let none = app.stranger().request(Method::GET, path).header("accept-encoding", "gzip;q=0").send().await.unwrap();
        assert!(none.headers().get("content-encoding").is_none(), "{path}");
    }
    app.stop().await;
}

#[tokio::test]
async fn assets_come_compressed_to_those_who_say_so() {
    let app = TestApp::start().await;
    let page = get(&app.stranger(), "/", &[]).await.text;
    let style = assets(&page).into_iter().find(|asset| asset.rsplit('.').next() == Some("css")).unwrap();
    let plain = get(&app.stranger(), &style, &[]).await;
    assert!(plain.text.contains("--brand") && plain.headers.get("content-encoding").is_none());
    assert_eq!(text(&plain.headers, "content-type"), "text/css; charset=utf-8");
    for (accepted, coding) in [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")] {
        let answer = get(&app.stranger(), &style, &[("accept-encoding", accepted)]).await;
        assert_eq!(text(&answer.headers, "content-encoding"), coding);
        assert_eq!(text(&answer.headers, "vary"), "accept-encoding");
    }
    let mark = get(&app.stranger(), "/favicon.svg", &[]).await;
    assert!(mark.text.starts_with("<svg") && text(&mark.headers, "content-type") == "image/svg+xml");
}

#[tokio::test]
async fn a_rooms_page_lets_in_the_origins_hosts_and_no_others() {
    let app = TestApp::start().await;
    room(&app, "aula", "Aula", "").await;
    let playback =
        serde_json::json!({"webrtc": "wss://edge.example:3334/{app}/{name}", "llhls": "https://edge.example/{app}/{name}/llhls.m3u8"});
    let origin = serde_json::json!({"name": "Edge", "app": "app", "rtmp_url": "rtmp://origin.example/app", "playback": playback});
    app.admin.post("/origins", origin).await.expect(201);
    for path in ["/watch/aula", "/embed/aula"] {
        let page = get(&app.stranger(), path, &[]).await;
        let policy = text(&page.headers, "content-security-policy");
        assert!(policy.contains("connect-src 'self' https://edge.example wss://edge.example:3334;"), "{policy}");
        assert!(policy.contains("media-src 'self' blob: https://edge.example;") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(policy.contains("frame-ancestors *"), path == "/embed/aula");
        assert!(page.text.contains("wss://edge.example:3334"), "the script knows whom it may call: {}", page.text);
    }
    for path in ["/", "/login", "/none"] {
        let page = get(&app.stranger(), path, &[]).await;
        assert!(!text(&page.headers, "content-security-policy").contains("edge.example"), "{path}");
    }
}
