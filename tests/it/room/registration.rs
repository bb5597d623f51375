//! Who registers: the form, corrections, duplicates, what organisers see, export and delete.

use std::collections::BTreeSet;

use bluecast::args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{fill_in, filled, form, get, room};
use crate::support::app::{BOTH, Client, On, TestApp, send};
use crate::support::socket::Socket;

const INDIA: (&str, &str) = ("BLUECAST_PHONE_REGION", "IN");

async fn start(on: On) -> TestApp {
    let test = TestApp::start_with(on, &[INDIA]).await;
    room(&test, "hall", json!({"form": form()})).await;
    test
}

async fn registered(test: &TestApp, query: &str) -> Vec<Value> {
    let list = test.admin.get(&format!("/rooms/hall/registrations{query}")).await.expect(200);
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_form_works_without_a_script_and_can_be_corrected() {
    for on in BOTH {
        let test = start(on).await;
        let viewer = test.stranger();
        let page = get(&viewer, "/watch/hall/register").await.text;
        for part in [
            "method=\"post\" action=\"/watch/hall/register\"",
            "name=\"mobile\" type=\"tel\"",
            "With its country code.",
            "<option value=\"Kerala\">",
            "We keep this for a year.",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        let sent = fill_in(&viewer, "hall", &filled("Asha Rao", "98450 12345", "Asha@example.org")).await;
        assert_eq!((sent.status, sent.headers["location"].to_str().unwrap()), (303, "/watch/hall"));
        assert!(sent.headers["set-cookie"].to_str().unwrap().contains("HttpOnly"));
        let list = registered(&test, "").await;
        assert_eq!(
            (&list[0]["name"], &list[0]["email"], &list[0]["phone"]),
            (&json!("Asha Rao"), &json!("asha@example.org"), &json!("+919845012345"))
        );
        assert_eq!(list[0]["answers"], json!({"name": "Asha Rao", "mobile": "+919845012345", "email": "Asha@example.org", "state": "Goa"}));
        // What the comments call her.
        let (name, phone): (String, String) = test.app.store.one("SELECT name, phone FROM viewers", args![]).await.unwrap();
        assert_eq!((name.as_str(), phone.as_str()), ("Asha Rao", "+919845012345"));

        let again = get(&viewer, "/watch/hall/register").await.text;
        assert!(again.contains("value=\"Asha Rao\"") && again.contains("<option value=\"Goa\" selected>"), "{again}");
        assert!(get(&viewer, "/watch/hall").await.text.contains("Your registration"));
        let corrected = fill_in(&viewer, "hall", &filled("Asha R. Rao", "+91 98450 12345", "asha@example.org")).await;
        assert_eq!(corrected.status, 303);
        let list = registered(&test, "").await;
        assert_eq!((list.len(), &list[0]["name"]), (1, &json!("Asha R. Rao")));
        test.stop().await;
    }
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_stays() {
    let test = start(On::Sqlite).await;
    let viewer = test.stranger();
    let wrong =
        fill_in(&viewer, "hall", &[("name", "Asha \"<b>\" Rao"), ("mobile", "12"), ("email", "asha@"), ("state", "Atlantis")]).await;
    assert_eq!(wrong.status, 422);
    for part in [
        "value=\"Asha &#34;&#60;b&#62;&#34; Rao\"",
        "value=\"asha@\"",
        "id=\"wrong-mobile\">This is no phone number.",
        "id=\"wrong-email\">This is no e-mail address.",
        "id=\"wrong-state\">Please choose one of these.",
        "id=\"wrong-consent\">Please agree to go on.",
        "aria-invalid=\"true\" aria-describedby=\"wrong-mobile help-mobile\"",
        "role=\"alert\"",
    ] {
        assert!(wrong.text.contains(part), "{part} in {}", wrong.text);
    }
    assert!(!wrong.text.contains("wrong-name") && wrong.headers.get("set-cookie").is_none());
    let body = json!({"name": "Asha", "mobile": "12", "-consent": "yes"}).to_string();
    let program = send(viewer.request(Method::POST, "/watch/hall/register").header("content-type", "application/json").body(body)).await;
    assert_eq!(program.problem(422, "bad_phone")["field"], "mobile");
    assert!(registered(&test, "").await.is_empty());
    fill_in(&viewer, "nowhere", &[]).await.problem(404, "not_found");
    room(&test, "bare", json!({})).await;
    fill_in(&viewer, "bare", &filled("A", "98450 12345", "a@b.in")).await.problem(404, "not_found");
}

#[tokio::test]
async fn the_same_person_from_elsewhere_is_known_and_sees_nothing() {
    for on in BOTH {
        let test = start(on).await;
        let (laptop, telephone, stranger) = (test.stranger(), test.stranger(), test.stranger());
        fill_in(&laptop, "hall", &filled("Asha Rao", "98450 12345", "asha@example.org")).await;
        let first = fill_in(&telephone, "hall", &filled("Asha", "98450 99999", "ASHA@example.org")).await;
        let fresh = fill_in(&stranger, "hall", &filled("Ravi", "98450 55555", "ravi@example.org")).await;
        assert_eq!(
            (first.status, first.headers.get("location")),
            (fresh.status, fresh.headers.get("location")),
            "an address tells nothing"
        );
        // Not doubled, and what was there first is as it was.
        let list = registered(&test, "").await;
        assert_eq!(list.len(), 2, "{list:?}");
        assert_eq!((&list[0]["name"], &list[0]["phone"], &list[0]["browsers"]), (&json!("Asha Rao"), &json!("+919845012345"), &json!(2)));
        let all = registered(&test, "?linked=true").await;
        assert_eq!((all.len(), &all[1]["same_as"]), (3, &list[0]["id"]));
        // Whoever knows the address sees what they typed themselves.
        let seen = get(&telephone, "/watch/hall/register").await.text;
        assert!(seen.contains("+919845099999") && !seen.contains("Asha Rao") && !seen.contains("12345"), "{seen}");
        // By the number, too; and whoever becomes somebody else is on their own again.
        fill_in(&stranger, "hall", &filled("Ravi", "98450 12345", "ravi@example.org")).await;
        assert_eq!(registered(&test, "").await.len(), 1);
        fill_in(&stranger, "hall", &filled("Ravi", "98450 55555", "ravi@example.org")).await;
        assert_eq!(registered(&test, "").await.len(), 2);
        fill_in(&laptop, "hall", &filled("Asha Rao", "98450 77777", "rao@example.org")).await;
        let list = registered(&test, "").await;
        assert_eq!(list.iter().map(|one| one["browsers"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 1, 1], "{list:?}");
        // Nobody hides somebody by taking their address on later, not even an older registration.
        fill_in(&laptop, "hall", &filled("Asha Rao", "98450 77777", "ravi@example.org")).await;
        let list = registered(&test, "").await;
        assert!(list.len() == 2 && list.iter().any(|one| one["name"] == "Ravi" && one["browsers"] == 2), "{list:?}");
        test.stop().await;
    }
}

#[tokio::test]
async fn many_who_send_at_once_are_each_kept_once() {
    for on in BOTH {
        let test = start(on).await;
        let clients: Vec<Client> = (0..12).map(|_| test.stranger()).collect();
        // All of them are the same person, and each sends twice.
        let pairs = filled("Asha Rao", "98450 12345", "asha@example.org");
        for client in &clients {
            get(client, "/watch/hall/register").await;
        }
        let sends = clients.iter().map(|client| async {
            let first = fill_in(client, "hall", &pairs).await.status;
            let (again, once_more) = tokio::join!(fill_in(client, "hall", &pairs), fill_in(client, "hall", &pairs));
            [first, again.status, once_more.status]
        });
        for statuses in futures_util::future::join_all(sends).await {
            assert_eq!(statuses, [303; 3]);
        }
        let list = registered(&test, "").await;
        assert_eq!((list.len(), &list[0]["browsers"]), (1, &json!(12)));
        test.stop().await;
    }
}

#[tokio::test]
async fn lists_have_pages_and_are_searched() {
    let test = start(On::Sqlite).await;
    for index in 0..5 {
        let (name, mobile, email) = (format!("Viewer 10{index}%"), format!("98450 1234{index}"), format!("v{index}@example.org"));
        fill_in(&test.stranger(), "hall", &filled(&name, &mobile, &email)).await;
    }
    let mut names = BTreeSet::new();
    let mut path = "/rooms/hall/registrations?limit=2".to_owned();
    loop {
        let page = test.admin.get(&path).await.expect(200);
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/rooms/hall/registrations?limit=2&cursor={next}");
    }
    assert_eq!(names.len(), 5);
    for (search, count) in [("VIEWER", 5), ("103", 1), ("v2@example", 1), ("%2B919845012344", 1), ("%25", 5), ("_", 0), ("nobody", 0)] {
        assert_eq!(registered(&test, &format!("?search={search}")).await.len(), count, "{search}");
    }
    test.admin.get("/rooms/hall/registrations?sort=name").await.problem(422, "invalid_query");
}

#[tokio::test]
async fn an_export_holds_everybody_and_no_formula() {
    for on in BOTH {
        let test = start(on).await;
        let hostile = ["=HYPERLINK(\"http://evil.example\")", "+1+1", "-2", "@SUM(A1)", "\t=1", "Asha, \"Rao\""];
        for (index, name) in hostile.iter().enumerate() {
            let (mobile, email) = (format!("98450 1234{index}"), format!("v{index}@example.org"));
            let sent = fill_in(&test.stranger(), "hall", &filled(name, &mobile, &email)).await;
            assert_eq!(sent.status, 303, "{name}");
        }
        // A field that was taken out of the form meanwhile is exported all the same.
        let mut shorter = form();
        shorter["fields"].as_array_mut().unwrap().pop();
        test.admin.patch("/rooms/hall", json!({"form": shorter})).await.expect(200);
        // More than one read's worth, with a viewer each.
        let many: i64 = 1100;
        for index in 0..many {
            let sql = "INSERT INTO registrations (id, room_id, viewer_id, name, answers, consent, created_ms, changed_ms) \
                       SELECT $1, id, $1, $2, '{\"name\":\"many\"}', '', $3, $3 FROM rooms";
            test.app.store.run(sql, args![bluecast::id::new(), format!("many {index}"), bluecast::moment::now_ms()]).await.unwrap();
        }
        let answer = test.admin.get("/rooms/hall/registrations.csv").await;
        assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "text/csv; charset=utf-8"));
        assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"hall-registrations.csv\"");
        let text = answer.text.trim_start_matches('\u{feff}');
        let lines: Vec<&str> = text.split("\r\n").filter(|line| !line.is_empty()).collect();
        assert_eq!(lines[0], "\"Registered\",\"Changed\",\"Name\",\"Mobile\",\"E-mail\",\"State\",\"Agreed to\",\"Browsers\",\"Id\"");
        assert_eq!(lines.len(), 1 + hostile.len() + usize::try_from(many).unwrap());
        for line in &lines[1..=5] {
            let name = line.split("\",\"").nth(2).unwrap();
            assert!(name.starts_with('\''), "{line}");
        }
        assert!(
            lines[6].contains("\"Asha, \"\"Rao\"\"\",\"'+919845012345\",\"v5@example.org\",\"Goa\",\"We keep this for a year.\""),
            "{}",
            lines[6]
        );
        let activity = test.admin.get("/activity").await.text;
        assert!(activity.contains("registration.export") && !activity.contains("v5@example.org"), "{activity}");
        test.stop().await;
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone_everywhere() {
    for on in BOTH {
        let test = start(on).await;
        room(&test, "other", json!({"form": form()})).await;
        let (laptop, telephone) = (test.stranger(), test.stranger());
        for (client, key) in [(&laptop, "hall"), (&telephone, "hall"), (&laptop, "other")] {
            fill_in(client, key, &filled("Asha Rao", "98450 12345", "asha@example.org")).await;
        }
        fill_in(&test.stranger(), "hall", &filled("Ravi", "98450 55555", "ravi@example.org")).await;
        let named = async |name: &str| {
            let (count,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM viewers WHERE name = $1", args![name]).await.unwrap();
            count
        };
        // One person of one room, from all of her browsers; her name stays where she is registered elsewhere.
        let all = registered(&test, "?linked=true").await;
        let later = all.iter().find(|one| !one["same_as"].is_null()).unwrap();
        test.admin.delete(&format!("/rooms/hall/registrations/{}", later["id"].as_str().unwrap())).await.expect(204);
        assert_eq!(registered(&test, "?linked=true").await.len(), 1);
        assert_eq!(named("Asha Rao").await, 1);
        test.admin.delete(&format!("/rooms/hall/registrations/{}", later["id"].as_str().unwrap())).await.problem(404, "not_found");
        // Everywhere, by her address.
        let gone = test.admin.post("/registrations/forget", json!({"email": "Asha@Example.org"})).await.expect(200);
        assert_eq!((&gone["deleted"], named("Asha Rao").await), (&json!(1), 0));
        assert_eq!(test.admin.post("/registrations/forget", json!({"phone": "098450 55555"})).await.expect(200)["deleted"], 1);
        for body in [json!({}), json!({"email": "x"}), json!({"phone": "1"}), json!({"email": "a@b.in", "phone": "9845012345"})] {
            assert_eq!(test.admin.post("/registrations/forget", body.clone()).await.status, 422, "{body}");
        }
        assert!(get(&laptop, "/watch/hall").await.text.contains(">Register<"), "she is a stranger again");
        // By age.
        fill_in(&laptop, "hall", &filled("Asha Rao", "98450 12345", "asha@example.org")).await;
        assert_eq!(test.admin.delete("/rooms/hall/registrations?before=2020-01-01T00:00:00Z").await.expect(200)["deleted"], 0);
        assert_eq!(test.admin.delete("/rooms/hall/registrations?before=2090-01-01T00:00:00Z").await.expect(200)["deleted"], 1);
        test.admin.delete("/rooms/hall/registrations").await.problem(422, "invalid_query");
        let activity = test.admin.get("/activity").await.text;
        assert_eq!(activity.matches("registration.remove").count(), 5, "{activity}");
        for personal in ["asha@", "Asha", "9845012345", "9845055555"] {
            assert!(!activity.to_lowercase().contains(&personal.to_lowercase()), "{personal} in {activity}");
        }
        test.stop().await;
    }
}

/// Who is forgotten is forgotten with all that they said and did in the rooms, whether they registered or not.
#[tokio::test]
async fn a_person_is_forgotten_with_what_they_wrote() {
    for on in BOTH {
        let test = start(on).await;
        let sent = fill_in(&test.stranger(), "hall", &filled("Asha Rao", "98450 12345", "asha@example.org")).await;
        // Her name goes to the comments: she is not asked for it again.
        let cookie = sent.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let (asha, welcome) = Socket::again(&test, "hall", &cookie, None).await;
        assert_eq!(welcome["you"], json!({"name": "Asha Rao", "has_phone": true, "moderator": false}));
        asha.cut();
        // Bo never registered: the number was said before the first comment. Cem is somebody else.
        let mut bo = Socket::enter(&test, "hall").await.0;
        let mut cem = Socket::enter(&test, "hall").await.0;
        bo.post_with(json!({"text": "By Bo", "name": "Bo", "phone": "98450 77777"})).await.unwrap();
        bo.post_with(json!({"text": "By Bo again"})).await.unwrap();
        cem.post_with(json!({"text": "By Cem", "name": "Cem", "phone": "98450 88888"})).await.unwrap();
        bo.cut();
        let sql =
            "SELECT COUNT(*) FROM viewer_sessions s JOIN viewers v ON v.id = s.viewer_id WHERE v.name = 'Bo' AND s.ended_ms IS NOT NULL";
        crate::support::wait::until("the end of Bo's session", async || {
            let (ended,): (i64,) = test.app.store.one(sql, args![]).await.unwrap();
            (ended == 1).then_some(())
        })
        .await;
        let gone = test.admin.post("/registrations/forget", json!({"phone": "98450 77777"})).await.expect(200);
        assert_eq!(gone, json!({"deleted": 0, "comments": 2}));
        let heard: Vec<_> = cem.all().await.into_iter().filter(|message| message["t"] == "gone").collect();
        assert_eq!(heard.len(), 2, "whoever is there sees them go");
        let csv = test.admin.get("/rooms/hall/comments.csv").await.text;
        assert!(csv.contains("By Cem") && !csv.contains("By Bo") && !csv.contains("9845077777"), "{csv}");
        let (sessions,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM viewer_sessions", args![]).await.unwrap();
        let (named,): (i64,) = test.app.store.one("SELECT COUNT(*) FROM viewers WHERE name = 'Bo'", args![]).await.unwrap();
        assert_eq!((sessions, named), (2, 0), "those of Asha and Cem");
        assert_eq!(test.admin.post("/registrations/forget", json!({"phone": "98450 77777"})).await.expect(200)["comments"], 0);
        let activity = test.admin.get("/activity").await.text;
        assert!(activity.contains("\"comments\":2") && !activity.contains("9845077777") && !activity.contains("By Bo"), "{activity}");
        assert_eq!(registered(&test, "").await.len(), 1, "Asha stays");
        test.stop().await;
    }
}

#[tokio::test]
async fn somebody_takes_back_their_own() {
    let test = start(On::Sqlite).await;
    let (viewer, other) = (test.stranger(), test.stranger());
    for client in [&viewer, &other] {
        fill_in(client, "hall", &filled("Asha Rao", "98450 12345", "asha@example.org")).await;
    }
    assert_eq!(fill_in(&test.stranger(), "hall", &[("-withdraw", "yes")]).await.status, 303);
    assert_eq!(registered(&test, "?linked=true").await.len(), 2, "nobody else's");
    let back = fill_in(&viewer, "hall", &[("-withdraw", "yes")]).await;
    assert_eq!((back.status, back.headers["location"].to_str().unwrap()), (303, "/watch/hall/register"));
    let left = registered(&test, "?linked=true").await;
    assert_eq!((left.len(), &left[0]["same_as"], &left[0]["browsers"]), (1, &json!(null), &json!(1)), "the other one stands on its own");
    assert!(!get(&viewer, "/watch/hall/register").await.text.contains("Asha"));
}

#[tokio::test]
async fn old_registrations_go_by_themselves() {
    for on in BOTH {
        let data = tempfile::tempdir().unwrap();
        let settings = crate::support::app::settings(on, &data, &[INDIA, ("BLUECAST_REGISTRATION_DAYS", "30")]).await;
        let test = TestApp::start_in(data, settings.clone()).await;
        room(&test, "hall", json!({"form": form()})).await;
        fill_in(&test.stranger(), "hall", &filled("Asha Rao", "98450 12345", "asha@example.org")).await;
        fill_in(&test.stranger(), "hall", &filled("Ravi", "98450 55555", "ravi@example.org")).await;
        let old_ms = bluecast::moment::now_ms() - 31 * 24 * 3600 * 1000;
        test.app.store.run("UPDATE registrations SET changed_ms = $1 WHERE name = 'Ravi'", args![old_ms]).await.unwrap();
        let data = test.stop().await;
        // The first sweep is right after a start.
        let test = TestApp::start_in(data, settings).await;
        crate::support::wait::until("the old one to go", async || (registered(&test, "").await.len() == 1).then_some(())).await;
        assert_eq!(registered(&test, "").await[0]["name"], "Asha Rao");
        let activity = test.admin.get("/activity").await.text;
        assert!(activity.contains("\"after_days\":30") && activity.contains("\"deleted\":1"), "{activity}");
        test.stop().await;
    }
}
