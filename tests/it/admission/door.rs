//! The doors of rooms.

use bluecast::args;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::json;

use super::{enter, get, start};
use crate::support::app::{Answer, BOTH, Client, On, TestApp, send};
use crate::support::wait::until;

const PASSWORD: &str = "open sesame";

async fn closed(test: &TestApp, key: &str) {
    let room = json!({"key": key, "title": "Große <Halle>", "description": "Nobody else's business", "visibility": "password", "password": PASSWORD});
    let made = test.admin.post("/rooms", room).await.expect(201);
    assert_eq!((&made["visibility"], &made["has_password"]), (&json!("password"), &json!(true)));
    assert!(!made.to_string().contains(PASSWORD) && !made.to_string().contains("argon2"), "{made}");
}

async fn by_form(client: &Client, path: &str, body: &'static str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(body)).await
}

async fn whep(client: &Client, key: &str) -> Answer {
    send(client.request(Method::POST, &format!("/whep/{key}")).header("content-type", "application/sdp").body("v=0")).await
}

#[tokio::test]
async fn a_room_with_a_password_tells_its_title_and_nothing_else() {
    for on in BOTH {
        let test = start(on).await;
        closed(&test, "hall").await;
        let stranger = test.stranger();
        for path in ["/watch/hall", "/embed/hall"] {
            let page = get(&stranger, path).await;
            assert_eq!(page.status, 200);
            assert!(page.text.contains("Große &#60;Halle&#62;") && page.text.contains("asks for a password"), "{}", page.text);
            for hidden in ["Nobody else", "data-page", "Nothing is on the air", "argon2"] {
                assert!(!page.text.contains(hidden), "{path} tells {hidden}: {}", page.text);
            }
        }
        get(&stranger, "/watch/hall/events").await.problem(403, "password_needed");
        get(&stranger, "/watch/hall/playback").await.problem(403, "password_needed");
        whep(&stranger, "hall").await.problem(403, "password_needed");

        enter(&stranger, "hall", PASSWORD).await.expect(204);
        let page = get(&stranger, "/watch/hall").await;
        assert!(page.text.contains("Nobody else") && page.text.contains("data-page"), "{}", page.text);
        get(&stranger, "/watch/hall/playback").await.problem(409, "not_on_air");
        whep(&stranger, "hall").await.problem(409, "not_on_air");
        test.stop().await;
    }
}

#[tokio::test]
async fn the_form_works_without_a_script() {
    let test = start(On::Sqlite).await;
    closed(&test, "hall").await;
    let viewer = test.stranger();
    let form = get(&viewer, "/watch/hall").await.text;
    assert!(
        form.contains("<form") && form.contains("method=\"post\" action=\"/watch/hall/enter\"") && form.contains("name=\"password\""),
        "{form}"
    );
    let wrong = by_form(&viewer, "/watch/hall/enter", "password=open+barley", &[("accept-language", "de")]).await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text.contains("Das ist nicht das Passwort dieses Raums.") && wrong.text.contains("<form"), "{}", wrong.text);
    assert!(!wrong.text.contains("barley"));
    for body in ["", "password=", "passwort=open+sesame"] {
        assert_eq!(by_form(&viewer, "/watch/hall/enter", body, &[]).await.status, 403, "{body}");
    }
    let right = by_form(&viewer, "/watch/hall/enter", "password=open+sesame", &[]).await;
    assert_eq!((right.status, right.headers["location"].to_str().unwrap()), (303, "/watch/hall"));
    assert!(get(&viewer, "/watch/hall").await.text.contains("data-page"));
    by_form(&viewer, "/watch/nowhere/enter", "password=open+sesame", &[]).await.problem(404, "not_found");
    // Another site cannot make a browser enter.
    let from = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    by_form(&test.stranger(), "/watch/hall/enter", "password=open+sesame", &from).await.problem(403, "bad_origin");
}

#[tokio::test]
async fn a_program_gets_problems_instead() {
    let test = start(On::Sqlite).await;
    closed(&test, "hall").await;
    let viewer = test.stranger();
    let wrong = enter(&viewer, "hall", "open barley").await.problem(403, "wrong_password");
    assert_eq!(wrong["field"], "password");
    enter(&viewer, "nowhere", PASSWORD).await.problem(404, "not_found");
    let json = |body: String| send(viewer.request(Method::POST, "/watch/hall/enter").header("content-type", "application/json").body(body));
    json("{}".to_owned()).await.problem(422, "missing_field");
    json("{\"password\":7}".to_owned()).await.problem(422, "invalid_field");
    json("{\"password\":\"\\u0000\"}".to_owned()).await.problem(422, "nul_character");
    json(format!("{{\"password\":\"{}\"}}", "x".repeat(9000))).await.problem(413, "body_too_large");
    get(&viewer, "/watch/hall/playback").await.problem(403, "password_needed");
}

#[tokio::test]
async fn one_password_opens_one_room_until_it_is_changed() {
    for on in BOTH {
        let test = start(on).await;
        closed(&test, "hall").await;
        closed(&test, "cellar").await;
        let viewer = test.stranger();
        enter(&viewer, "hall", PASSWORD).await.expect(204);
        get(&viewer, "/watch/hall/playback").await.problem(409, "not_on_air");
        get(&viewer, "/watch/cellar/playback").await.problem(403, "password_needed");
        // A title does not change the door.
        test.admin.patch("/rooms/hall", json!({"title": "Hall"})).await.expect(200);
        get(&viewer, "/watch/hall/playback").await.problem(409, "not_on_air");
        test.admin.patch("/rooms/hall", json!({"password": "another sesame"})).await.expect(200);
        get(&viewer, "/watch/hall/playback").await.problem(403, "password_needed");
        enter(&viewer, "hall", PASSWORD).await.problem(403, "wrong_password");
        enter(&viewer, "hall", "another sesame").await.expect(204);
        get(&viewer, "/watch/hall/playback").await.problem(409, "not_on_air");
        test.admin.patch("/rooms/hall", json!({"visibility": "public", "password": null})).await.expect(200);
        get(&test.stranger(), "/watch/hall/playback").await.problem(409, "not_on_air");
        test.stop().await;
    }
}

#[tokio::test]
async fn who_somebody_is_cannot_be_made_up() {
    let test = start(On::Sqlite).await;
    closed(&test, "hall").await;
    let entered = enter(&test.stranger(), "hall", PASSWORD).await;
    let cookie = entered.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let with = async |cookie: &str| send(test.stranger().request(Method::GET, "/watch/hall/playback").header("cookie", cookie)).await;
    with(&cookie).await.problem(409, "not_on_air");
    with(&format!("lang=de; {cookie}; theme=dark")).await.problem(409, "not_on_air");
    let (name, value) = cookie.split_once('=').unwrap();
    let mut letters = value.to_owned().into_bytes();
    letters[5] = if letters[5] == b'A' { b'B' } else { b'A' };
    let (viewer_id,): (String,) = test.app.store.one("SELECT viewer_id FROM room_grants", args![]).await.unwrap();
    for forged in [String::from_utf8(letters).unwrap(), value[..value.len() - 1].to_owned(), String::new(), viewer_id] {
        with(&format!("{name}={forged}")).await.problem(403, "password_needed");
    }
}

#[tokio::test]
async fn over_https_the_cookie_is_of_this_host_alone() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_PUBLIC_URL", "https://cast.example.org")]).await;
    closed(&test, "hall").await;
    let entered = enter(&test.stranger(), "hall", PASSWORD).await;
    let cookie = entered.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-bluecast-viewer="), "{cookie}");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
}

#[tokio::test]
async fn guessers_are_slowed_down_and_others_are_not() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_TRUSTED_PROXIES", "127.0.0.1")]).await;
    closed(&test, "hall").await;
    let from = async |address: &str, password: &str| {
        let request = test.stranger().request(Method::POST, "/watch/hall/enter").header("content-type", "application/json");
        send(request.header("x-forwarded-for", address).body(json!({"password": password}).to_string())).await
    };
    let mut slowed = None;
    for guess in 0..70 {
        let answer = from("203.0.113.7", &format!("guess number {guess}")).await;
        if answer.status == 429 {
            slowed = Some(answer);
            break;
        }
        answer.problem(403, "wrong_password");
    }
    let slowed = slowed.expect("a guesser to be slowed down");
    assert!(slowed.headers.contains_key("retry-after"));
    slowed.problem(429, "too_many_attempts");
    from("203.0.113.8", PASSWORD).await.expect(204);
}

#[tokio::test]
async fn a_lecture_hall_enters_in_a_moment() {
    let test = start(On::Sqlite).await;
    closed(&test, "hall").await;
    enter(&test.stranger(), "hall", PASSWORD).await.expect(204);
    let students: Vec<Client> = (0..200).map(|_| test.stranger()).collect();
    let entered = futures_util::stream::iter(&students).map(|student| enter(student, "hall", PASSWORD)).buffer_unordered(50);
    let statuses: Vec<u16> = entered.map(|answer| answer.status).collect().await;
    assert!(statuses.iter().all(|status| *status == 204), "{statuses:?}");
    let (grants,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM room_grants", args![]).await.unwrap();
    assert_eq!(grants, 201);
}

#[tokio::test]
async fn rooms_that_nobody_could_enter_are_refused() {
    let test = start(On::Sqlite).await;
    let new = |more: serde_json::Value| {
        let mut room = json!({"key": "hall", "title": "Hall"});
        more.as_object().unwrap().iter().for_each(|(key, value)| room[key] = value.clone());
        room
    };
    let refused = test.admin.post("/rooms", new(json!({"visibility": "password"}))).await.problem(422, "invalid_field");
    assert_eq!(refused["field"], "password");
    let weak = test.admin.post("/rooms", new(json!({"visibility": "password", "password": "1234567"}))).await.problem(422, "weak_password");
    assert_eq!(weak["field"], "password");
    test.admin.post("/rooms", new(json!({"visibility": "friends"}))).await.problem(422, "invalid_field");
    test.admin.post("/rooms", new(json!({"origin_id": "none"}))).await.problem(422, "no_such_origin");
    let made = test.admin.post("/rooms", new(json!({}))).await.expect(201);
    assert_eq!((&made["visibility"], &made["has_password"], &made["origin_id"]), (&json!("public"), &json!(false), &json!(null)));
    test.admin.patch("/rooms/hall", json!({"visibility": "password"})).await.problem(422, "invalid_field");
    test.admin.patch("/rooms/hall", json!({"visibility": "password", "password": PASSWORD})).await.expect(200);
    test.admin.patch("/rooms/hall", json!({"password": null})).await.problem(422, "invalid_field");
    let activity = test.admin.get("/activity").await.text;
    assert!(activity.contains("\"password\":\"•••\"") && !activity.contains(PASSWORD), "{activity}");
}

#[tokio::test]
async fn the_front_page_shows_rooms_for_everybody_only() {
    let test = start(On::Sqlite).await;
    for (key, visibility) in [("open", "public"), ("hidden", "unlisted"), ("closed", "password")] {
        test.admin.post("/rooms", json!({"key": key, "title": key, "visibility": visibility, "password": PASSWORD})).await.expect(201);
        super::on_air(&test, key, key).await;
    }
    let front = get(&test.admin, "/").await.text;
    assert!(front.contains("/watch/open") && !front.contains("/watch/hidden") && !front.contains("/watch/closed"), "{front}");
    assert!(get(&test.stranger(), "/watch/hidden").await.text.contains("data-page"));
}

#[tokio::test]
async fn those_who_listen_are_turned_out_with_the_rest() {
    let test = start(On::Sqlite).await;
    test.admin.post("/rooms", json!({"key": "hall", "title": "Hall"})).await.expect(201);
    super::on_air(&test, "hall", "hall").await;
    let viewer = test.stranger();
    let mut events = viewer.request(Method::GET, "/watch/hall/events").send().await.unwrap();
    let mut told = String::new();
    let mut hear = async |what: &str| {
        until(what, async || {
            told += &String::from_utf8_lossy(&events.chunk().await.unwrap()?);
            told.contains(what).then_some(())
        })
        .await;
    };
    hear("\"playback_live\":true").await;
    hear("\"playback\":\"").await;
    test.admin.patch("/rooms/hall", json!({"visibility": "password", "password": PASSWORD})).await.expect(200);
    let end = tokio::time::timeout(std::time::Duration::from_secs(10), async { while events.chunk().await.unwrap().is_some() {} });
    end.await.expect("the stream to end");
    get(&viewer, "/watch/hall/events").await.problem(403, "password_needed");
}
