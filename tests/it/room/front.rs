//! The front page, the pages of rooms, and what others are told of them.

use bluecast::args;
use reqwest::Method;
use serde_json::json;

use super::{form, get, png, put, room};
use crate::support::app::{BOTH, On, TestApp, send};
use crate::support::wait::until;

/// Something is on the air in the room; nothing runs for it here.
async fn on_air(test: &TestApp, key: &str) {
    let sql = "INSERT INTO broadcasts (id, meeting_id, meeting_name, source, profile, overrides, room_key, bot_name, bot_role, layout, announce, \
               voice_filter, again, desired, phase, paused, node, started_by, started_ms, epoch, owner, lease_ms, lease_until_ms) \
               VALUES ($1, '', 'Test', 'test', '720p30', '{}', $2, 'bot', 'viewer', '', 0, 0, 0, 1, 'live', 0, 'elsewhere', 'admin', 0, 1, \
               'elsewhere', 600000, $3)";
    test.app.store.run(sql, args![bluecast::id::new(), key, bluecast::moment::now_ms() + 600_000]).await.unwrap();
}

#[tokio::test]
async fn the_front_page_lists_what_is_on_and_what_is_promoted() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "quiet", json!({})).await;
        room(&test, "later", json!({"promoted": true, "starts_at": "2031-05-06T07:08:00Z", "description": "About *later*."})).await;
        room(&test, "sooner", json!({"promoted": true, "starts_at": "2030-05-06T07:08:00Z"})).await;
        let secret =
            json!({"promoted": true, "visibility": "password", "password": "open sesame", "description": "Nobody else's business"});
        room(&test, "closed", secret).await;
        room(&test, "live", json!({})).await;
        room(&test, "hidden", json!({"visibility": "unlisted"})).await;
        room(&test, "members", json!({"visibility": "registered", "form": form()})).await;
        let cover = put(&test.admin, "/rooms/live/cover", png(30, 20, [1, 2, 3, 255])).await.expect(200)["cover"].clone();
        for key in ["live", "hidden", "members"] {
            on_air(&test, key).await;
        }
        let front = get(&test.stranger(), "/").await.text;
        let place = |key: &str| front.find(&format!("href=\"/watch/{key}\""));
        assert!(place("live") < place("sooner") && place("sooner") < place("later") && place("later").is_some(), "{front}");
        // What is on stands above what is not, each under its own heading.
        let (on_air, more) = (front.find("On the air now"), front.find("More rooms"));
        assert!(on_air < place("live") && place("live") < more && more < place("sooner"), "{front}");
        assert!(place("closed").is_some() && !front.contains("Nobody else"), "a promoted room with a password tells its title: {front}");
        for key in ["quiet", "hidden", "members"] {
            assert_eq!(place(key), None, "{key}");
        }
        assert!(
            front.contains(cover.as_str().unwrap()) && front.contains("2031-05-06 07:08 UTC") && front.contains("About later."),
            "{front}"
        );
        test.stop().await;
    }
}

#[tokio::test]
async fn a_room_may_stand_in_the_place_of_the_front_page() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_HOME_ROOM", "home")]).await;
    assert!(get(&test.stranger(), "/").await.text.contains("Watch it as it happens"), "there is no such room yet");
    room(&test, "home", json!({"title": "Our <home>", "visibility": "password", "password": "open sesame"})).await;
    let door = get(&test.stranger(), "/").await.text;
    assert!(door.contains("Our &#60;home&#62;") && door.contains("action=\"/watch/home/enter\""), "{door}");
    test.admin.patch("/rooms/home", json!({"visibility": "public"})).await.expect(200);
    let page = get(&test.stranger(), "/").await.text;
    assert!(page.contains("&#34;roomKey&#34;:&#34;home&#34;") && page.contains("data-page"), "{page}");
}

#[tokio::test]
async fn a_room_shows_what_its_organiser_says() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_PUBLIC_URL", "https://cast.example.org")]).await;
    let more = json!({"title": "Physik", "description": "**Bring** [questions](https://q.example).", "language": "de", "accent": "violet",
        "links": [{"kind": "fediverse", "url": "https://social.example/@us"}], "logo_link": "https://example.org/",
        "starts_at": "2031-01-02T10:30:00Z", "form": form()});
    room(&test, "physics", more).await;
    let picture = async |slot: &str| {
        let made = put(&test.admin, &format!("/rooms/physics/{slot}"), png(30, 20, [7, 2, 3, 255])).await.expect(200);
        made[slot].as_str().unwrap().to_owned()
    };
    let (cover, logo) = (picture("cover").await, picture("logo").await);
    let page = get(&test.stranger(), "/watch/physics").await.text;
    for part in [
        "<html lang=\"de\"",
        "data-accent=\"violet\"",
        "<p><strong>Bring</strong> <a href=\"https://q.example\" rel=\"noopener noreferrer nofollow\">questions</a>.</p>",
        "lang=\"de\">",
        "href=\"https://social.example/@us\"",
        "social.example</span>",
        "href=\"https://example.org/\"",
        &format!("src=\"{logo}\""),
        "datetime=\"2031-01-02T10:30:00Z\"",
        "2031-01-02 10:30 UTC",
        "href=\"/watch/physics/register\"",
        "<meta property=\"og:title\" content=\"Physik\">",
        "<meta property=\"og:description\" content=\"Bring questions.\">",
        "<meta property=\"og:url\" content=\"https://cast.example.org/watch/physics\">",
        &format!("<meta property=\"og:image\" content=\"https://cast.example.org{cover}\">"),
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("noindex") && !page.contains("id=\"visits\""));
    // Whoever has chosen a language keeps it.
    let hindi = send(test.stranger().request(Method::GET, "/watch/physics").header("cookie", "lang=hi")).await.text;
    assert!(hindi.contains("<html lang=\"hi\""), "{hindi}");
}

#[tokio::test]
async fn search_engines_are_let_in_where_the_organiser_says_so() {
    let test = TestApp::start_on(On::Sqlite).await;
    room(&test, "open", json!({})).await;
    room(&test, "shy", json!({"indexed": false})).await;
    room(&test, "hidden", json!({"visibility": "unlisted", "description": "Known to few"})).await;
    room(&test, "members", json!({"visibility": "registered", "form": form()})).await;
    for (key, hides) in [("open", false), ("shy", true), ("hidden", true), ("members", true)] {
        let page = get(&test.stranger(), &format!("/watch/{key}")).await.text;
        assert_eq!(page.contains("<meta name=\"robots\" content=\"noindex, nofollow\">"), hides, "{key}: {page}");
    }
    let hidden = get(&test.stranger(), "/watch/hidden").await.text;
    assert!(!hidden.contains("og:description") && !hidden.contains("og:image"), "{hidden}");
}

#[tokio::test]
async fn matomo_is_let_in_where_it_is_set_up_and_the_room_has_a_number() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_MATOMO_URL", "https://stats.example.org/matomo")]).await;
    room(&test, "counted", json!({"matomo_site": 7})).await;
    room(&test, "alone", json!({})).await;
    let counted = get(&test.stranger(), "/watch/counted").await;
    assert!(counted.text.contains("data-url=\"https://stats.example.org/matomo/\" data-site=\"7\""), "{}", counted.text);
    assert!(!counted.text.contains("matomo.js"), "nothing of it is loaded before somebody agrees");
    let policy = |answer: &crate::support::app::Answer| answer.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy(&counted).contains("script-src 'self' https://stats.example.org;"), "{}", policy(&counted));
    let alone = get(&test.stranger(), "/watch/alone").await;
    assert!(!alone.text.contains("stats.example.org") && !policy(&alone).contains("stats.example.org"));
}

#[tokio::test]
async fn other_sites_show_a_room_where_it_says_so() {
    let test = TestApp::start_on(On::Sqlite).await;
    room(&test, "anywhere", json!({})).await;
    room(&test, "named", json!({"sites": ["https://www.example.org", "http://localhost:3000"]})).await;
    room(&test, "nowhere", json!({"sites": [], "visibility": "password", "password": "open sesame"})).await;
    let asked = async |key: &str, origin: &str| {
        let answer = send(test.stranger().request(Method::GET, &format!("/embed/{key}")).header("origin", origin)).await;
        assert_eq!(answer.status, 200);
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let policy = header("content-security-policy").unwrap();
        let ancestors = policy.split("; ").find(|part| part.starts_with("frame-ancestors")).unwrap().to_owned();
        (ancestors, header("access-control-allow-origin"))
    };
    assert_eq!(asked("anywhere", "https://evil.example").await, ("frame-ancestors *".into(), Some("*".into())));
    let named = "frame-ancestors 'self' https://www.example.org http://localhost:3000".to_owned();
    assert_eq!(asked("named", "https://www.example.org").await, (named.clone(), Some("https://www.example.org".into())));
    for stranger in ["https://evil.example", "https://www.example.org.evil.example", "null", "https://www.example.org:8443"] {
        assert_eq!(asked("named", stranger).await, (named.clone(), None), "{stranger}");
    }
    assert_eq!(asked("nowhere", "https://www.example.org").await, ("frame-ancestors 'self'".into(), None));
    let page = get(&test.stranger(), "/watch/named").await;
    assert!(
        page.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"),
        "the room itself is framed by nobody"
    );
}

#[tokio::test]
async fn what_a_room_shows_now_is_a_picture_under_its_own_rule() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_PUBLIC_URL", "https://cast.example.org")]).await;
    room(&test, "hall", json!({})).await;
    get(&test.stranger(), "/watch/hall/thumbnail.jpg").await.problem(404, "not_found");
    get(&test.stranger(), "/watch/nowhere/thumbnail.jpg").await.problem(404, "not_found");
    test.admin
        .post(
            "/broadcasts",
            json!({"source": "test", "profile": "480p30", "overrides": {"width": 426, "height": 240, "fps": 15}, "room": "hall"}),
        )
        .await
        .expect(201);
    let picture = until("a picture of the room", async || {
        let response = test.stranger().request(Method::GET, "/watch/hall/thumbnail.jpg").send().await.unwrap();
        if response.status() != 200 {
            return None;
        }
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("public"));
        Some(response.bytes().await.unwrap())
    })
    .await;
    assert!(image::load_from_memory(&picture).unwrap().width() > 100);
    let (front, page) = (get(&test.stranger(), "/").await.text, get(&test.stranger(), "/watch/hall").await.text);
    assert!(front.contains("src=\"/watch/hall/thumbnail.jpg\""), "{front}");
    assert!(page.contains("og:image\" content=\"https://cast.example.org/watch/hall/thumbnail.jpg\""), "{page}");

    test.admin.patch("/rooms/hall", json!({"visibility": "registered", "form": form(), "promoted": true})).await.expect(200);
    get(&test.stranger(), "/watch/hall/thumbnail.jpg").await.problem(403, "registration_needed");
    let (front, door) = (get(&test.stranger(), "/").await.text, get(&test.stranger(), "/watch/hall").await.text);
    assert!(front.contains("href=\"/watch/hall\"") && !front.contains("thumbnail") && !door.contains("thumbnail"), "{front} {door}");
    let staff = test.admin.request(Method::GET, "/watch/hall/thumbnail.jpg").send().await.unwrap();
    assert_eq!((staff.status().as_u16(), staff.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
    test.stop().await;
}

#[tokio::test]
async fn the_page_of_a_room_is_light() {
    let test = TestApp::start_on(On::Sqlite).await;
    let description = "A paragraph of some **length**, with [a link](https://example.org/) in it.\n\n".repeat(100);
    room(&test, "long", json!({"description": description, "form": form()})).await;
    let page = get(&test.stranger(), "/watch/long").await.text;
    // Everything but the player: the page, its styles, and the scripts that are no player's.
    assert!(page.len() < 40_000, "{} bytes", page.len());
}
