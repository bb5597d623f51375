//! A permission works on what one's groups hold.

use bluecast::account::{Caller, Kind, Sight, scope};
use reqwest::Method;
use serde_json::{Value, json};

use super::{OPERATOR, Two, listed};
use crate::support::app::{BOTH, Client, On, PASSWORD, TestApp};
use crate::support::wait::until;

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// A broadcast of the test source.
async fn broadcast(client: &Client, extra: Value) -> String {
    let mut body = json!({"source": "test", "profile": "480p30", "overrides": {"width": 426, "height": 240, "fps": 15}});
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    id(&client.post("/broadcasts", body).await.expect(201))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_group_sees_its_own_and_what_is_nobodys_and_admins_see_all() {
    for on in BOTH {
        let Two { test, a, b } = Two::start(on).await;
        let open = id(&test.admin.post("/servers", json!({"name": "Open", "url": "http://127.0.0.1:9/", "secret": "s"})).await.expect(201));
        assert_eq!(listed(&a.client, "/servers", "id").await, [a.server.clone(), open.clone()]);
        assert_eq!(listed(&b.client, "/servers", "name").await, ["Server b", "Open"]);
        assert_eq!(listed(&test.admin, "/servers", "name").await, ["Server a", "Server b", "Open"]);
        assert_eq!(listed(&a.client, "/origins", "id").await, std::slice::from_ref(&a.origin));
        assert_eq!(listed(&b.client, "/rooms", "key").await, ["room-b"]);
        assert_eq!(listed(&a.client, "/groups", "id").await, std::slice::from_ref(&a.group));
        // The admin is in no group, so everybody who manages users sees that there is one.
        assert_eq!(listed(&a.client, "/users", "name").await, ["admin", "user-a"]);
        assert_eq!(a.client.get("/session").await.expect(200)["groups"], json!([a.group]));

        // One by one or together, the same is seen, however many are asked about.
        let caller = Caller::of_user(&test.app.store, &a.user).await.unwrap().unwrap();
        let sight = Sight::of(&caller);
        let mut asked = vec![b.server.clone(); 150];
        asked.extend([a.server.clone(), open.clone()]);
        let seen = scope::seen_of(&test.app.store, &sight, Kind::Server, &asked).await.unwrap();
        assert_eq!(seen, [a.server.clone(), open.clone()].into());
        assert!(!scope::sees(&test.app.store, &sight, Kind::Server, &b.server).await.unwrap());
        assert_eq!(scope::seen_of(&test.app.store, &sight, Kind::Server, &[]).await.unwrap(), [].into());

        // A page is full although what is not seen lies between.
        let page = b.client.get("/servers?limit=1").await.expect(200);
        assert_eq!((page["items"][0]["name"].as_str(), page["next"].is_string()), (Some("Server b"), true));
        let next = format!("/servers?limit=1&cursor={}", page["next"].as_str().unwrap());
        assert_eq!(listed(&b.client, &next, "name").await, ["Open"]);

        // A thing of both groups is seen by both, and nobody learns of a group that is not theirs.
        let shared = json!({"groups": [a.group, b.group]});
        test.admin.patch(&format!("/servers/{}", a.server), shared).await.expect(200);
        let seen = b.client.get(&format!("/servers/{}", a.server)).await.expect(200);
        assert_eq!(seen["groups"], json!([b.group]));
        // What b says of groups leaves those that b does not see as they are.
        b.client.patch(&format!("/servers/{}", a.server), json!({"name": "Shared", "groups": [b.group]})).await.expect(200);
        let both = test.admin.get(&format!("/servers/{}", a.server)).await.expect(200);
        assert_eq!(both["groups"].as_array().unwrap().len(), 2, "{both}");
        b.client.patch(&format!("/servers/{}", a.server), json!({"groups": []})).await.expect(200);
        b.client.get(&format!("/servers/{}", a.server)).await.problem(404, "not_found");
        a.client.get(&format!("/servers/{}", a.server)).await.expect(200);
        test.stop().await;
    }
}

#[tokio::test]
async fn nobody_gives_to_groups_or_takes_from_them_what_is_not_theirs() {
    let Two { test, a, b } = Two::start(On::Sqlite).await;
    let path = format!("/servers/{}", a.server);
    for groups in [json!([b.group]), json!(["Group b"]), json!(["nonsense"]), json!([a.group, b.group])] {
        a.client.patch(&path, json!({"groups": groups})).await.problem(422, "no_such_group");
    }
    // To everybody, or from everybody, is for admins.
    a.client.patch(&path, json!({"groups": []})).await.problem(403, "beyond_own_permissions");
    let open = id(&test.admin.post("/servers", json!({"name": "Open", "url": "http://127.0.0.1:9/", "secret": "s"})).await.expect(201));
    a.client.patch(&format!("/servers/{open}"), json!({"groups": [a.group]})).await.problem(403, "beyond_own_permissions");
    let new = |groups: Value| json!({"name": "New", "url": "http://127.0.0.1:9/", "secret": "s", "groups": groups});
    a.client.post("/servers", new(json!([]))).await.problem(403, "beyond_own_permissions");
    a.client.post("/servers", new(json!([b.group]))).await.problem(422, "no_such_group");
    // Where nothing is said, it belongs to whoever makes it.
    let made = a.client.post("/rooms", json!({"key": "own", "title": "Own"})).await.expect(201);
    assert_eq!(made["groups"], json!([a.group]));
    b.client.get("/rooms/own").await.problem(404, "not_found");

    // What belongs to another group cannot be used by its id either.
    let start = |extra: Value| {
        let mut body = json!({"source": "test"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    b.client.post("/broadcasts", start(json!({"room": a.room}))).await.problem(422, "no_such_room");
    let target = json!({"origin_id": a.origin, "stream_name": "x"});
    b.client.post("/broadcasts", start(json!({"targets": [target]}))).await.problem(422, "no_such_origin");
    let meeting = json!({"source": "browser", "server_id": a.server, "meeting_id": "m"});
    b.client.post("/broadcasts", meeting).await.problem(422, "no_such_server");
    b.client.post("/rooms", json!({"key": "x", "title": "X", "origin_id": a.origin})).await.problem(422, "no_such_origin");
    b.client.patch(&format!("/rooms/{}", b.room), json!({"origin_id": a.origin})).await.problem(422, "no_such_origin");
    // A group that is not one's own is none.
    b.client.patch(&format!("/groups/{}", a.group), json!({"name": "Mine"})).await.problem(404, "not_found");
    test.stop().await;
}

#[tokio::test]
async fn a_group_goes_when_it_is_empty_and_whoever_makes_one_is_in_it() {
    for on in BOTH {
        let Two { test, a, .. } = Two::start(on).await;
        let refused = test.admin.delete(&format!("/groups/{}", a.group)).await.problem(409, "group_in_use");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("servers: 1") && detail.contains("users: 1"), "{detail}");
        let holds = test.admin.get(&format!("/groups/{}", a.group)).await.expect(200)["holds"].clone();
        assert_eq!(holds, json!({"origin": 1, "room": 1, "server": 1, "user": 1}));

        let own = id(&a.client.post("/groups", json!({"name": "Own"})).await.expect(201));
        a.client.post("/groups", json!({"name": "oWN"})).await.problem(409, "name_taken");
        assert_eq!(listed(&a.client, "/groups", "name").await, ["Group a", "Own"]);
        let renamed = a.client.patch(&format!("/groups/{own}"), json!({"name": "Ours"})).await.expect(200);
        assert_eq!(renamed["name"], "Ours");
        a.client.delete(&format!("/groups/{own}")).await.expect(204);
        assert_eq!(listed(&a.client, "/groups", "name").await, ["Group a"]);
        test.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_belongs_to_the_groups_of_what_it_uses_or_of_who_starts_it() {
    for on in BOTH {
        let Two { test, a, b } = Two::start(on).await;
        let sees = async |client: &Client, id: &str| {
            let status = client.get(&format!("/broadcasts/{id}")).await.status;
            assert!([200, 404].contains(&status), "{status}");
            let in_list = listed(client, "/broadcasts", "id").await.iter().any(|other| other == id);
            assert_eq!(in_list, status == 200);
            status == 200
        };
        let in_room = broadcast(&test.admin, json!({"room": a.room})).await;
        assert!(sees(&a.client, &in_room).await && !sees(&b.client, &in_room).await);
        b.client.post(&format!("/broadcasts/{in_room}/stop"), json!({})).await.problem(404, "not_found");
        // Where its room goes, an open broadcast goes too.
        test.admin.patch(&format!("/rooms/{}", a.room), json!({"groups": [b.group]})).await.expect(200);
        assert!(!sees(&a.client, &in_room).await && sees(&b.client, &in_room).await);
        b.client.post(&format!("/broadcasts/{in_room}/stop"), json!({})).await.expect(202);
        test.admin.patch(&format!("/rooms/{}", a.room), json!({"groups": [a.group]})).await.expect(200);

        // Without room, server or origin it belongs to the groups of who starts it, who sees it in any case.
        let colleague = json!({"name": "colleague", "password": PASSWORD, "permissions": OPERATOR, "groups": [a.group]});
        test.admin.post("/users", colleague).await.expect(201);
        let colleague = test.stranger();
        colleague.log_in("colleague", PASSWORD).await;
        let own = broadcast(&a.client, json!({})).await;
        assert!(
            sees(&a.client, &own).await && sees(&colleague, &own).await && !sees(&b.client, &own).await && sees(&test.admin, &own).await
        );
        test.admin.patch(&format!("/users/{}", a.user), json!({"groups": [b.group]})).await.expect(200);
        assert!(sees(&a.client, &own).await && sees(&colleague, &own).await);
        // With a target at an origin of another group, that group sees it too.
        assert!(!sees(&b.client, &own).await);
        let target = json!({"origin_id": b.origin, "stream_name": "shared"});
        test.admin.post(&format!("/broadcasts/{own}/targets"), target).await.expect(201);
        assert!(sees(&b.client, &own).await);
        test.admin.post(&format!("/broadcasts/{own}/stop"), json!({})).await.expect(202);

        // An admin's that uses nothing of a group is everybody's, as in a house without groups.
        let open = broadcast(&test.admin, json!({})).await;
        assert!(sees(&colleague, &open).await && sees(&b.client, &open).await);
        test.admin.post(&format!("/broadcasts/{open}/stop"), json!({})).await.expect(202);
        test.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_stream_tells_of_what_one_sees_and_ends_with_the_right_to_it() {
    let Two { test, a, b } = Two::start(On::Sqlite).await;
    let mut heard = String::new();
    let mut stream = b.client.request(Method::GET, "/api/v1/events").send().await.unwrap();
    let theirs = broadcast(&test.admin, json!({"room": a.room})).await;
    let ours = broadcast(&test.admin, json!({"room": b.room})).await;
    let live = format!("\"id\":\"{ours}\",\"paused\":false,\"phase\":\"live\"");
    until("news of one's own broadcast", async || {
        heard += &String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap());
        (heard.contains(&live) && heard.contains("\"id\":\"room-b\"")).then_some(())
    })
    .await;
    // The other one was started before, and is on the air just as well.
    let seen = test.admin.get(&format!("/broadcasts/{theirs}")).await.expect(200);
    assert_eq!(seen["ended_at"], Value::Null);
    assert!(!heard.contains(&theirs) && !heard.contains("room-a"), "{heard}");

    // Pictures, which a page asks for again and again, are for the same people.
    let picture = async |who: &Client, id: &str| {
        let answer = who.request(Method::GET, &format!("/api/v1/broadcasts/{id}/snapshot.jpg")).send().await.unwrap();
        answer.status().as_u16()
    };
    until("one's own picture", async || (picture(&b.client, &ours).await == 200).then_some(())).await;
    for _ in 0..3 {
        // It may take longer than a page would wait.
        assert!(matches!(picture(&b.client, &ours).await, 200 | 500));
        assert_eq!(picture(&b.client, &theirs).await, 404);
        assert_eq!([picture(&a.client, &ours).await, picture(&test.stranger(), &ours).await], [404, 401]);
    }

    // Rights that are taken away end it at once, and so does the end of the session.
    test.admin.patch(&format!("/users/{}", b.user), json!({"permissions": ["server.use"]})).await.expect(200);
    until("the end of the stream", async || stream.chunk().await.unwrap_or(None).is_none().then_some(())).await;
    b.client.get("/events").await.problem(403, "forbidden");
    assert_eq!(picture(&b.client, &ours).await, 403);
    until("the other's picture", async || (picture(&a.client, &theirs).await == 200).then_some(())).await;
    let mut stream = a.client.request(Method::GET, "/api/v1/events").send().await.unwrap();
    test.admin.patch(&format!("/users/{}", a.user), json!({"disabled": true})).await.expect(200);
    until("the end of the stream", async || stream.chunk().await.unwrap_or(None).is_none().then_some(())).await;
    a.client.get("/events").await.problem(401, "not_authenticated");
    assert_eq!(picture(&a.client, &theirs).await, 401);
    test.stop().await;
}

#[tokio::test]
async fn staff_of_another_group_watch_a_closed_room_with_its_password_only() {
    let Two { test, a, b } = Two::start(On::Sqlite).await;
    let closed = json!({"visibility": "password", "password": "a room's password"});
    a.client.patch(&format!("/rooms/{}", a.room), closed).await.expect(200);
    let playback = async |client: &Client| crate::support::app::send(client.request(Method::GET, "/watch/room-a/playback")).await;
    playback(&b.client).await.problem(403, "password_needed");
    playback(&a.client).await.problem(409, "not_on_air");
    playback(&test.admin).await.problem(409, "not_on_air");
    test.stop().await;
}

#[tokio::test]
async fn a_token_sees_no_further_than_its_scopes() {
    let Two { test, a, .. } = Two::start(On::Sqlite).await;
    // Of an admin, but not for everything: what groups hold is not in it.
    let token: Client = test.token(&["server.use"]).await;
    assert_eq!(listed(&token, "/servers", "name").await, Vec::<String>::new());
    token.get(&format!("/servers/{}", a.server)).await.problem(404, "not_found");
    let whole = test.token(&["system.admin"]).await;
    assert_eq!(listed(&whole, "/servers", "name").await, ["Server a", "Server b"]);
    test.stop().await;
}

/// Without groups everything is as it was.
#[tokio::test]
async fn a_small_house_needs_no_groups() {
    let test = TestApp::start().await;
    let user = test.user("operator", OPERATOR).await;
    let made = user.post("/servers", json!({"name": "Ours", "url": "http://127.0.0.1:9/", "secret": "s"})).await.expect(201);
    assert_eq!(made["groups"], json!([]));
    let other = test.user("other", OPERATOR).await;
    other.patch(&format!("/servers/{}", id(&made)), json!({"name": "Renamed"})).await.expect(200);
    test.stop().await;
}
