//! What hostile people send, each with its answer. Pictures have theirs in `picture.rs`, tables in `registration.rs`.

use reqwest::Method;
use serde_json::json;

use super::{fill_in, filled, form, get, room};
use crate::support::app::{On, TestApp, send};

const INDIA: (&str, &str) = ("BLUECAST_PHONE_REGION", "IN");

#[tokio::test]
async fn markdown_runs_nothing() {
    let test = TestApp::start_on(On::Sqlite).await;
    let description = "<script>alert(1)</script>\n\nLook: <img src=x onerror=alert(1)> [click](javascript:alert(1)) ![x](https://evil.example/pixel.gif)\n\n\
                       <iframe src=\"https://evil.example\"></iframe>\n\n[a](https://a.example/\"onmouseover=\"alert(1)) &#60;b&#62;";
    room(&test, "hall", json!({"description": description})).await;
    let page = get(&test.stranger(), "/watch/hall").await.text;
    let text = page.split("room-text").nth(1).unwrap().split("</div>").next().unwrap();
    for harm in ["<script", "<img", "<iframe", "javascript:alert(1)\"", "\" onmouseover", "\"onmouseover"] {
        assert!(!text.contains(harm), "{harm} in {text}");
    }
    assert!(text.contains("&lt;script&gt;") && text.contains("<a href=\"https://evil.example/pixel.gif\""), "{text}");
}

#[tokio::test]
async fn odd_letters_stay_in_their_place() {
    let test = TestApp::start_with(On::Sqlite, &[INDIA]).await;
    let zalgo = format!("Z{}algo", "\u{0336}\u{0489}\u{0315}".repeat(60));
    let title = format!("😀 {zalgo} \u{202e}gnp.exe \u{2066}x\u{2069}");
    room(&test, "hall", json!({"title": title, "form": form()})).await;
    let shown = test.admin.get("/rooms/hall").await.expect(200)["title"].as_str().unwrap().to_owned();
    assert!(shown.starts_with("😀 Z") && shown.ends_with("gnp.exe x") && shown.chars().count() < 40, "{shown:?}");
    let page = get(&test.stranger(), "/watch/hall").await.text;
    assert!(!page.contains('\u{202e}') && !page.contains('\u{2066}') && page.contains("dir=\"auto\">😀"), "{page}");

    let name = format!("\u{202e}{zalgo}👩‍👩‍👧 श्री");
    assert_eq!(fill_in(&test.stranger(), "hall", &filled(&name, "98450 12345", "a@example.org")).await.status, 303);
    let kept = test.admin.get("/rooms/hall/registrations").await.expect(200)["items"][0]["name"].as_str().unwrap().to_owned();
    assert!(kept.ends_with("👩‍👩‍👧 श्री") && kept.chars().count() < 30 && !kept.contains('\u{202e}'), "{kept:?}");
    for nothing in ["\u{202e}\u{200b}", "\u{3164}", "...", "\u{301}\u{301}"] {
        let refused = fill_in(&test.stranger(), "hall", &filled(nothing, "98450 12346", "b@example.org")).await;
        assert_eq!(refused.status, 422, "{nothing:?}");
    }
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_register() {
    let test = TestApp::start_with(On::Sqlite, &[INDIA]).await;
    room(&test, "hall", json!({"form": form(), "sites": ["https://www.example.org"]})).await;
    for (origin, site) in [
        ("https://evil.example", "cross-site"),
        ("https://www.example.org", "cross-site"),
        ("null", "cross-site"),
        ("https://a.evil.example", "same-site"),
    ] {
        let body = "name=Asha&mobile=9845012345&-consent=yes";
        let request =
            test.stranger().request(Method::POST, "/watch/hall/register").header("content-type", "application/x-www-form-urlencoded");
        send(request.header("origin", origin).header("sec-fetch-site", site).body(body)).await.problem(403, "bad_origin");
    }
    assert_eq!(test.admin.get("/rooms/hall/registrations").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn forged_keys_and_cookies_open_nothing() {
    let test = TestApp::start_with(On::Sqlite, &[INDIA]).await;
    room(&test, "hall", json!({"visibility": "registered", "form": form()})).await;
    let viewer = test.stranger();
    let sent = fill_in(&viewer, "hall", &filled("Asha", "98450 12345", "a@example.org")).await;
    let cookie = sent.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let with = async |cookie: &str| send(test.stranger().request(Method::GET, "/watch/hall/register").header("cookie", cookie)).await.text;
    assert!(with(&cookie).await.contains("value=\"Asha\""));
    let (name, value) = cookie.split_once('=').unwrap();
    let mut letters = value.to_owned().into_bytes();
    letters[7] = if letters[7] == b'A' { b'B' } else { b'A' };
    for forged in [String::from_utf8(letters).unwrap(), value[1..].to_owned(), String::new(), "x".repeat(5000)] {
        assert!(!with(&format!("{name}={forged}")).await.contains("Asha"), "{forged}");
    }
    for key in ["Hall", "hall%20", "..", "%2e%2e%2fadmin", "hall'--", "hall%00", "%ff", &"h".repeat(300)] {
        let answer = get(&viewer, &format!("/watch/{key}/register")).await;
        assert!([404, 422].contains(&answer.status), "{key}: {}", answer.status);
    }
    for key in ["Hall", "a b", "", "ä", "a/b", "../x", &"h".repeat(65)] {
        test.admin.post("/rooms", json!({"key": key, "title": "x"})).await.problem(422, "invalid_field");
    }
}

#[tokio::test]
async fn a_flood_from_one_address_waits_whatever_it_says_of_itself() {
    let test = TestApp::start_with(On::Sqlite, &[INDIA]).await;
    room(&test, "hall", json!({"form": form()})).await;
    let client = test.stranger();
    let pairs = filled("Asha", "98450 12345", "a@example.org");
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let (mut kept, mut waited) = (0, None);
    for index in 0..2000u32 {
        let request = client.request(Method::POST, "/watch/hall/register").header("content-type", "application/x-www-form-urlencoded");
        let forwarded = format!("203.0.{}.{}", index / 250, index % 250);
        let answer = send(request.header("x-forwarded-for", forwarded).body(body.clone())).await;
        match answer.status {
            303 => kept += 1,
            429 => {
                assert!(answer.text.contains("Many people are registering from your network") && answer.text.contains("value=\"Asha\""));
                waited = Some(index);
                break;
            }
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert!(waited.is_some() && kept >= 120, "{kept} were kept");
    assert_eq!(test.admin.get("/rooms/hall/registrations").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_read() {
    let test = TestApp::start_with(On::Sqlite, &[INDIA]).await;
    room(&test, "hall", json!({"form": form()})).await;
    let viewer = test.stranger();
    let long = "x".repeat(140 * 1024);
    fill_in(&viewer, "hall", &[("name", &long)]).await.problem(413, "body_too_large");
    let many: Vec<(String, String)> = (0..5000).map(|index| (format!("f{index}"), "x".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fill_in(&viewer, "hall", &many).await.status, 422);
    let mut nul = filled("Asha\0", "98450 12345", "a@example.org");
    fill_in(&viewer, "hall", &nul).await.problem(422, "nul_character");
    nul[0] = ("name", "Asha");
    let long_name = "a".repeat(61);
    let refused = fill_in(&viewer, "hall", &filled(&long_name, "98450 12345", "a@example.org")).await;
    assert!(refused.status == 422 && refused.text.contains("This is too long."), "{}", refused.text);
    test.admin.patch("/rooms/hall", json!({"description": "x".repeat(20_001)})).await.problem(422, "invalid_field");
    test.admin.patch("/rooms/hall", json!({"description": "x".repeat(300_000)})).await.problem(413, "body_too_large");
}
