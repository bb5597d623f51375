//! What moderators do, by the socket and by the API, and who is one.

use reqwest::Method;
use serde_json::{Value, json};

use super::{items, moderator, room, texts};
use crate::support::app::{BOTH, PASSWORD, TestApp, send};
use crate::support::socket::Socket;
use crate::support::wait::until;

#[tokio::test]
async fn moderators_messages_are_theirs_alone() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({ "mode": "approve" })).await;
    let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
    let (id, _) = anna.post("Hello").await.unwrap();
    for forged in [
        json!({ "t": "approve", "id": id }),
        json!({ "t": "reject", "id": id }),
        json!({ "t": "pin", "id": id }),
        json!({ "t": "unpin", "id": id }),
        json!({ "t": "ban", "id": id }),
        json!({ "t": "ban", "range": "127.0.0.1" }),
        json!({ "t": "rules", "mode": "open" }),
        json!({ "t": "queue" }),
    ] {
        anna.say(forged.clone()).await;
        assert_eq!(anna.until("error").await["code"], "forbidden", "{forged}");
    }
    assert_eq!(anna.post_with(json!({ "text": "I am the host", "as_host": true })).await, Err("forbidden".to_owned()));
    let stranger = test.stranger();
    for (method, path) in [
        (Method::GET, "comments"),
        (Method::POST, "comments"),
        (Method::GET, "bans"),
        (Method::POST, "bans"),
        (Method::GET, "rules"),
        (Method::PATCH, "rules"),
        (Method::GET, "viewers"),
        (Method::GET, "presence"),
        (Method::GET, "comments.csv"),
        (Method::GET, "sessions.csv"),
    ] {
        let request = |client: &crate::support::app::Client| {
            client.request(method.clone(), &format!("/api/v1/rooms/hall/{path}")).header("content-type", "application/json").body("{}")
        };
        send(request(&stranger)).await.problem(401, "not_authenticated");
        let viewer = test.token(&["broadcast.view", "room.manage"]).await;
        send(request(&viewer)).await.problem(403, "forbidden");
    }
    let (state,): (String,) = test.app.store.one("SELECT state FROM comments", bluecast::args![]).await.unwrap();
    assert_eq!(state, "held");
}

#[tokio::test]
async fn losing_the_right_ends_it_within_seconds() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({ "mode": "approve" })).await;
    let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
    let (id, _) = anna.post("Waiting").await.unwrap();
    let user = test.user("mod", &["room.moderate"]).await;
    let made = user.post("/tokens", json!({ "name": "socket", "scopes": ["room.moderate"] })).await.expect(201);
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let (mut host, welcome) = Socket::enter_with(&test, "hall", &[("authorization", &bearer)], json!({})).await;
    assert_eq!((&welcome["you"]["moderator"], items(&welcome), &welcome["waiting"]), (&json!(true), vec!["Waiting"], &json!(1)));
    user.delete(&format!("/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
    host.until("resync").await;
    let welcome = host.until("welcome").await;
    assert_eq!((&welcome["you"]["moderator"], items(&welcome)), (&json!(false), Vec::<&str>::new()));
    host.say(json!({ "t": "approve", "id": id })).await;
    assert_eq!(host.until("error").await["code"], "forbidden");
    anna.post("More").await.unwrap();
    assert_eq!(texts(&host.all().await), Vec::<&str>::new());
}

#[tokio::test]
async fn what_is_pinned_stands_above_and_every_act_is_written_down() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        let (mut host, _) = moderator(&test, "hall").await;
        let (id, _) = anna.post("Read this").await.unwrap();
        let (other, _) = anna.post("And this").await.unwrap();
        host.say(json!({ "t": "pin", "id": id })).await;
        assert_eq!(anna.until("changed").await["pinned"], true);
        let (_, welcome) = Socket::enter(&test, "hall").await;
        assert_eq!((welcome["pinned"][0]["text"].as_str(), welcome["pinned"].as_array().unwrap().len()), (Some("Read this"), 1));
        host.say(json!({ "t": "unpin", "id": id })).await;
        assert_eq!(anna.until("changed").await["pinned"], false);
        // The same by the API.
        let path = |id: &str| format!("/rooms/hall/comments/{id}");
        let pinned = test.admin.patch(&path(&other), json!({ "pinned": true })).await.expect(200);
        assert_eq!((&pinned["pinned"], &pinned["text"]), (&json!(true), &json!("And this")));
        assert_eq!(anna.until("changed").await["pinned"], true);
        let rejected = test.admin.patch(&path(&other), json!({ "state": "rejected" })).await.expect(200);
        assert_eq!((&rejected["state"], &rejected["pinned"]), (&json!("rejected"), &json!(false)));
        test.admin.patch(&path(&other), json!({ "state": "held" })).await.problem(422, "invalid_field");
        test.admin.patch(&path("nothing"), json!({ "pinned": true })).await.problem(404, "not_found");
        test.admin.delete(&path(&id)).await.expect(204);
        test.admin.delete(&path(&id)).await.problem(404, "not_found");
        assert_eq!(anna.until("gone").await["id"], id.as_str());
        let answer = test.admin.post("/rooms/hall/comments", json!({ "text": "I answer", "reply_to": other })).await.expect(201);
        assert_eq!((&answer["host"], &answer["name"]), (&json!(true), &json!("admin")));
        assert_eq!(anna.find("it", |message| message["text"] == "I answer").await["host"], true);
        test.admin.post("/rooms/hall/comments", json!({ "text": "  " })).await.problem(422, "empty");
        let listed = test.admin.get("/rooms/hall/comments?limit=1").await.expect(200);
        assert_eq!((&listed["items"][0]["text"], &listed["items"][0]["address"]), (&json!("I answer"), &json!("127.0.0.1")));
        let rest = test.admin.get(&format!("/rooms/hall/comments?before={}", listed["next"].as_str().unwrap())).await.expect(200);
        assert_eq!((&rest["items"][0]["state"], &rest["next"]), (&json!("rejected"), &Value::Null));
        test.admin.patch("/rooms/hall/rules", json!({ "slow_s": 5 })).await.expect(200);
        test.admin.patch(&path(&other), json!({ "state": "shown" })).await.expect(200);
        let ban = test.admin.post("/rooms/hall/bans", json!({ "comment": other, "minutes": 5 })).await.expect(201);
        test.admin.delete(&format!("/rooms/hall/bans/{}", ban["id"].as_str().unwrap())).await.expect(204);
        let log = test.admin.get("/activity").await.expect(200);
        let actions: Vec<&str> = log["items"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
        for action in [
            "comment.approve",
            "comment.pin",
            "comment.unpin",
            "comment.reject",
            "comment.delete",
            "comment.answer",
            "comment.ban",
            "comment.unban",
            "room.rules",
        ] {
            assert!(actions.contains(&action), "{action} in {actions:?}");
        }
        assert!(!log.to_string().contains("Read this"), "the log holds no text: {log}");
        test.stop().await;
    }
}

#[tokio::test]
async fn the_banned_write_no_more_until_it_is_over() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        let mut bo = Socket::enter(&test, "hall").await.0.named("Bo").await;
        let (mut host, _) = moderator(&test, "hall").await;
        let (id, _) = anna.post("Bad").await.unwrap();
        host.say(json!({ "t": "ban", "id": id, "minutes": 10, "reason": "Be kind" })).await;
        let told = anna.until("banned").await;
        assert!(told["reason"] == "Be kind" && told["until"].is_string(), "{told}");
        assert_eq!(anna.post("Again").await, Err("banned".to_owned()));
        anna.say(json!({ "t": "name", "name": "Anna B" })).await;
        assert_eq!(anna.until("you").await["banned"]["until"], told["until"]);
        bo.post("I may").await.unwrap();
        let (mut back, welcome) = Socket::again(&test, "hall", &anna.cookie, None).await;
        assert_eq!(welcome["you"]["banned"]["until"], told["until"]);
        let bans = test.admin.get("/rooms/hall/bans").await.expect(200);
        let ban = &bans["items"][0];
        assert_eq!((&ban["name"], &ban["reason"], &ban["quiet"]), (&json!("Anna"), &json!("Be kind"), &json!(false)));
        test.admin.delete(&format!("/rooms/hall/bans/{}", ban["id"].as_str().unwrap())).await.expect(204);
        assert_eq!(anna.until("you").await["name"], "Anna B");
        back.post("Better").await.unwrap();

        // Quietly: they write on and read it, and nobody else does.
        let viewer = welcome["viewer"].clone();
        let made = test.admin.post("/rooms/hall/bans", json!({ "viewer": viewer, "quiet": true })).await.expect(201);
        assert_eq!(made["until"], Value::Null);
        assert_eq!(back.post("Can you hear me").await.unwrap().1, "shown");
        assert_eq!(anna.find("their own", |message| message["text"] == "Can you hear me").await["state"], "shown");
        assert_eq!(host.find("it", |message| message["text"] == "Can you hear me").await["state"], "rejected");
        assert!(!texts(&bo.all().await).contains(&"Can you hear me"));
        // Their emoji are taken, and count for nothing.
        let (other, _) = bo.post("Mine").await.unwrap();
        back.say(json!({ "t": "react", "id": other, "emoji": "👍" })).await;
        assert!(!back.all().await.iter().any(|message| message["t"] == "error"));
        let (given,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM comment_reactions", bluecast::args![]).await.unwrap();
        assert_eq!(given, 0);
        let (_, welcome) = Socket::again(&test, "hall", &anna.cookie, None).await;
        assert!(items(&welcome).contains(&"Can you hear me") && welcome["you"].get("banned").is_none(), "{welcome}");
        let (_, welcome) = Socket::enter(&test, "hall").await;
        assert!(!items(&welcome).contains(&"Can you hear me"));

        for (wrong, code) in [
            (json!({}), "bad_message"),
            (json!({ "viewer": viewer, "range": "192.0.2.1" }), "bad_message"),
            (json!({ "range": "0.0.0.0/0" }), "bad_message"),
            (json!({ "viewer": viewer, "minutes": 0 }), "bad_message"),
            (json!({ "viewer": viewer, "reason": "x".repeat(500) }), "bad_message"),
        ] {
            test.admin.post("/rooms/hall/bans", wrong).await.problem(422, code);
        }
        test.admin.post("/rooms/hall/bans", json!({ "viewer": "nobody" })).await.problem(404, "not_found");
        test.admin.post("/rooms/nowhere/bans", json!({})).await.problem(404, "not_found");
        test.stop().await;
    }
}

#[tokio::test]
async fn an_address_is_banned_without_being_told() {
    let test = TestApp::start_with(crate::support::app::On::Sqlite, &[("BLUECAST_TRUSTED_PROXIES", "127.0.0.1")]).await;
    room(&test, "hall", json!({})).await;
    let from = async |address: &str| Socket::enter_with(&test, "hall", &[("x-forwarded-for", address)], json!({})).await.0.named("N").await;
    let (mut anna, mut neighbour, mut other) = (from("203.0.113.7").await, from("203.0.113.7").await, from("203.0.113.8").await);
    let (id, _) = anna.post("Bad").await.unwrap();
    let moderator = test.user("mod", &["room.moderate"]).await;
    let made = moderator.post("/rooms/hall/bans", json!({ "comment": id, "address": true })).await.expect(201);
    assert!(made["of_address"] == true && !made.to_string().contains("203.0.113"), "{made}");
    assert!(!moderator.get("/rooms/hall/bans").await.text.contains("203.0.113"));
    assert!(test.admin.get("/rooms/hall/bans").await.text.contains("203.0.113.7/32"));
    assert_eq!(neighbour.post("Me too").await, Err("banned".to_owned()));
    other.post("I may").await.unwrap();
    test.admin.post("/rooms/hall/bans", json!({ "range": "203.0.113.0/24" })).await.expect(201);
    assert_eq!(other.post("I may").await, Err("banned".to_owned()));
    // What a client says of its own address counts for nothing where no proxy is trusted, and the proxy's word counts last.
    let (mut spoofed, _) = Socket::enter_with(&test, "hall", &[("x-forwarded-for", "192.0.2.1, 203.0.113.9")], json!({})).await;
    assert_eq!(spoofed.post_with(json!({ "text": "Hi", "name": "X" })).await, Err("banned".to_owned()));
}

#[tokio::test]
async fn rules_change_for_everybody_at_once() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
        let (mut host, welcome) = moderator(&test, "hall").await;
        assert_eq!(welcome["rules"]["words"], json!([]));
        host.say(json!({ "t": "rules", "mode": "closed", "words": ["klopfer"] })).await;
        assert_eq!(host.until("rules").await["words"], json!(["klopfer"]));
        let told = anna.until("rules").await;
        assert_eq!((&told["mode"], &told["words"]), (&json!("closed"), &Value::Null));
        assert_eq!(anna.post("Hello").await, Err("closed".to_owned()));
        host.post("Closed for today").await.unwrap();
        host.say(json!({ "t": "rules", "max_chars": 0 })).await;
        assert_eq!(host.until("error").await["code"], "bad_message");
        let rules = test.admin.get("/rooms/hall/rules").await.expect(200);
        assert_eq!((&rules["mode"], &rules["max_chars"], &rules["shares"]), (&json!("closed"), &json!(1000), &Value::Null));
        test.admin.patch("/rooms/hall/rules", json!({ "mode": "open", "slow_s": 3600, "max_chars": 5 })).await.expect(200);
        anna.find("the new rules", |message| message["t"] == "rules" && message["slow_s"] == 3600).await;
        assert_eq!(anna.post("Too long").await, Err("too_long".to_owned()));
        anna.post("Short").await.unwrap();
        anna.say(json!({ "t": "post", "ref": "slow", "text": "Again" })).await;
        let slow = anna.until("error").await;
        assert!(slow["code"] == "too_fast" && slow["ref"] == "slow" && slow["retry_ms"].as_i64() > Some(3_000_000), "{slow}");
        for _ in 0..3 {
            host.post("Hosts").await.unwrap();
        }
        test.stop().await;
    }
}

#[tokio::test]
async fn who_moderates_one_room_is_a_viewer_in_another() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({ "mode": "approve" })).await;
    room(&test, "cellar", json!({ "mode": "approve" })).await;
    let grants = json!([{ "room": "hall", "permissions": ["room.moderate"] }]);
    test.admin.post("/users", json!({ "name": "helper", "password": PASSWORD, "grants": grants })).await.expect(201);
    let helper = test.stranger();
    let login = helper
        .request(Method::POST, "/api/v1/session")
        .header("content-type", "application/json")
        .body(json!({ "username": "helper", "password": PASSWORD }).to_string());
    let cookie = send(login).await.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut anna = Socket::enter(&test, "cellar").await.0.named("Anna").await;
    let (waits, _) = anna.post("Waiting").await.unwrap();

    let rooms = helper.get("/moderation").await.expect(200);
    assert_eq!(rooms["items"].as_array().unwrap().iter().map(|room| &room["key"]).collect::<Vec<_>>(), ["hall"]);
    let (_, welcome) = Socket::enter_with(&test, "hall", &[("cookie", &cookie)], json!({})).await;
    assert_eq!(welcome["you"]["moderator"], true);
    let (mut there, welcome) = Socket::enter_with(&test, "cellar", &[("cookie", &cookie)], json!({})).await;
    assert_eq!((&welcome["you"]["moderator"], items(&welcome).len()), (&json!(false), 0));
    there.say(json!({ "t": "approve", "id": waits })).await;
    assert_eq!(there.until("error").await["code"], "forbidden");
    helper.get("/rooms/hall/comments").await.expect(200);
    helper.get("/rooms/cellar/comments").await.problem(403, "forbidden");
    helper.patch(&format!("/rooms/cellar/comments/{waits}"), json!({ "state": "shown" })).await.problem(403, "forbidden");
    helper.post("/rooms/hall/comments", json!({ "text": "Mine" })).await.expect(201);
}

#[tokio::test]
async fn those_who_moderate_see_all_their_rooms() {
    let test = TestApp::start().await;
    room(&test, "hall", json!({ "mode": "approve" })).await;
    room(&test, "cellar", json!({})).await;
    let mut anna = Socket::enter(&test, "hall").await.0.named("Anna").await;
    anna.post("Waiting").await.unwrap();
    let moderator = test.user("mod", &["room.moderate"]).await;
    let rooms = moderator.get("/moderation").await.expect(200);
    let [hall, cellar] = &rooms["items"].as_array().unwrap()[..] else { panic!("{rooms}") };
    assert_eq!((&hall["key"], &hall["waiting"], &hall["viewers"], &hall["phase"]), (&json!("hall"), &json!(1), &json!(1), &json!("none")));
    assert_eq!((&cellar["key"], &cellar["waiting"], &cellar["viewers"]), (&json!("cellar"), &json!(0), &json!(0)));
    test.user("other", &["room.export"]).await.get("/moderation").await.problem(403, "forbidden");
    // Who is here, by name.
    let present = until("Anna to be written down", async || {
        let present = moderator.get("/rooms/hall/viewers").await.expect(200);
        (present["items"][0]["name"] == "Anna").then_some(present)
    })
    .await;
    assert!(present["items"][0].get("address").is_none() && present["items"][0]["since"].is_string(), "{present}");
    assert_eq!(test.admin.get("/rooms/hall/viewers").await.expect(200)["items"][0]["address"], "127.0.0.1");
}
