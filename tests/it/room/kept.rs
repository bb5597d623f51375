//! What is said about a room over the API.

use serde_json::{Value, json};

use super::{form, get, room};
use crate::support::app::{BOTH, On, TestApp};

fn everything() -> Value {
    json!({
        "description": "**Welcome** to [us](https://example.org).", "language": "hi", "accent": "teal", "logo_link": "https://example.org/#about",
        "links": [{"kind": "youtube", "url": "https://youtube.com/@us"}, {"kind": "other", "url": "https://list.example/", "label": "List"}],
        "promoted": true, "indexed": false,
        "playback": {"webrtc": "wss://edge.example.org/{app}/{name}", "llhls": "https://edge.example.org/{app}/{name}/llhls.m3u8"},
        "matomo_site": 7, "starts_at": "2031-01-02T10:30:00+05:30", "sites": ["https://www.example.org"], "form": form(),
    })
}

#[tokio::test]
async fn all_of_it_is_kept_and_shown() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let made = room(&test, "hall", everything()).await;
        let shown = test.admin.get("/rooms/hall").await.expect(200);
        assert_eq!(made, shown);
        let mut expected = everything();
        expected["starts_at"] = json!("2031-01-02T05:00:00Z");
        expected["form"]["fields"] = form()["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| {
                let mut field = field.clone();
                field["required"] = json!(field["required"].as_bool().unwrap_or(false));
                field
            })
            .collect();
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&shown[name], value, "{name}");
        }
        assert_eq!((&shown["cover"], &shown["logo"], &shown["has_password"]), (&json!(null), &json!(null), &json!(false)));
        let listed = test.admin.get("/rooms").await.expect(200);
        assert_eq!(listed["items"][0], shown);
        test.stop().await;
    }
}

#[tokio::test]
async fn a_change_keeps_what_is_absent_and_null_clears() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let before = room(&test, "hall", everything()).await;
        let after = test.admin.patch("/rooms/hall", json!({"title": "Great hall"})).await.expect(200);
        for (name, value) in before.as_object().unwrap() {
            if !["title", "changed_at"].contains(&name.as_str()) {
                assert_eq!(&after[name], value, "{name}");
            }
        }
        let nothing = json!({"language": null, "logo_link": null, "playback": {"webrtc": null, "llhls": null}, "matomo_site": null,
            "starts_at": null, "form": null, "links": [], "sites": []});
        let cleared = test.admin.patch("/rooms/hall", nothing).await.expect(200);
        for name in ["language", "logo_link", "matomo_site", "starts_at", "form"] {
            assert_eq!(cleared[name], json!(null), "{name}");
        }
        assert_eq!((&cleared["links"], &cleared["sites"]), (&json!([]), &json!([])));
        assert_eq!(cleared["playback"], json!({"webrtc": null, "llhls": null}));
        assert_eq!((&cleared["accent"], &cleared["promoted"]), (&json!("teal"), &json!(true)));
        // One address goes, the other stays.
        test.admin
            .patch("/rooms/hall", json!({"playback": {"webrtc": "wss://a.example/x", "llhls": "https://a.example/x"}}))
            .await
            .expect(200);
        let one = test.admin.patch("/rooms/hall", json!({"playback": {"llhls": null}})).await.expect(200);
        assert_eq!(one["playback"], json!({"webrtc": "wss://a.example/x", "llhls": null}));
        test.stop().await;
    }
}

#[tokio::test]
async fn two_who_edit_at_once_both_count() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        room(&test, "hall", json!({})).await;
        for round in 0..10 {
            let title = format!("Title {round}");
            let (one, other) = tokio::join!(
                test.admin.patch("/rooms/hall", json!({"title": title})),
                test.admin.patch("/rooms/hall", json!({"description": title}))
            );
            one.expect(200);
            other.expect(200);
            let now = test.admin.get("/rooms/hall").await.expect(200);
            assert_eq!((&now["title"], &now["description"]), (&json!(title), &json!(title)));
        }
        test.stop().await;
    }
}

#[tokio::test]
async fn what_would_make_no_room_is_refused_at_its_field() {
    let test = TestApp::start_on(On::Sqlite).await;
    room(&test, "hall", json!({})).await;
    let name = json!({"id": "name", "type": "name", "label": "Name", "required": true});
    let too_many: Vec<Value> = (0..13).map(|_| json!({"kind": "x", "url": "https://x.com/a"})).collect();
    for (body, field) in [
        (json!({"title": "\u{202e}"}), "title"),
        (json!({"description": "a\u{1b}b"}), "description"),
        (json!({"language": "klingon language"}), "language"),
        (json!({"accent": "#ff0000"}), "accent"),
        (json!({"logo_link": "javascript:alert(1)"}), "logo_link"),
        (json!({"links": [{"kind": "x", "url": "https://x.com/a"}, {"kind": "x", "url": "data:text/html,x"}]}), "links[1].url"),
        (json!({"links": [{"kind": "myspace", "url": "https://x.com/a"}]}), "links[0].kind"),
        (json!({"links": too_many}), "links"),
        (json!({"playback": {"webrtc": "file:///etc/passwd"}}), "playback.webrtc"),
        (json!({"playback": {"llhls": "https://a.example/{secret}"}}), "playback.llhls"),
        (json!({"matomo_site": 0}), "matomo_site"),
        (json!({"starts_at": "tomorrow"}), "starts_at"),
        (json!({"starts_at": "9999-01-01T00:00:00Z"}), "starts_at"),
        (json!({"sites": ["https://a.example/page"]}), "sites[0]"),
        (json!({"sites": ["https://a.example; script-src *"]}), "sites[0]"),
        (json!({"visibility": "registered"}), "form"),
        (json!({"visibility": "unlisted", "promoted": true}), "promoted"),
        (json!({"form": {"fields": []}}), "form.fields"),
        (json!({"form": {"fields": [name, name]}}), "form.fields[1].id"),
        (json!({"form": {"fields": [name, {"id": "x", "type": "choice", "label": "X"}]}}), "form.fields[1].choices"),
        (json!({"form": {"fields": [name, {"id": "x", "type": "colour", "label": "X"}]}}), "form.fields[1].type"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let answer = test.admin.patch("/rooms/hall", body.clone()).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (422, Some(field)), "{body}: {}", answer.text);
    }
    let now = test.admin.get("/rooms/hall").await.expect(200);
    assert_eq!((&now["title"], &now["visibility"]), (&json!("Room hall"), &json!("public")));
}

#[tokio::test]
async fn a_form_that_is_needed_cannot_be_taken_away() {
    let test = TestApp::start_on(On::Sqlite).await;
    room(&test, "hall", json!({"visibility": "registered", "form": form()})).await;
    test.admin.patch("/rooms/hall", json!({"form": null})).await.problem(422, "invalid_field");
    test.admin.patch("/rooms/hall", json!({"form": null, "visibility": "public"})).await.expect(200);
    assert_eq!(get(&test.stranger(), "/watch/hall/register").await.status, 404);
}

#[tokio::test]
async fn rooms_are_for_those_who_may_manage_them() {
    let test = TestApp::start_on(On::Sqlite).await;
    room(&test, "hall", json!({"form": form()})).await;
    let exporter = test.user("exporter", &["room.export"]).await;
    exporter.patch("/rooms/hall", json!({"title": "Mine"})).await.problem(403, "forbidden");
    exporter.get("/rooms/hall/registrations").await.expect(200);
    exporter.delete("/rooms/hall/registrations?before=2030-01-01T00:00:00Z").await.problem(403, "forbidden");
    let manager = test.user("manager", &["room.manage"]).await;
    manager.get("/rooms/hall/registrations").await.problem(403, "forbidden");
    assert_eq!(manager.get("/rooms/hall/registrations.csv").await.status, 403);
    assert_eq!(super::put(&exporter, "/rooms/hall/cover", super::png(2, 2, [0; 4])).await.status, 403);
    for path in ["/rooms/hall/registrations", "/rooms/hall/registrations.csv"] {
        assert_eq!(test.stranger().get(path).await.status, 401, "{path}");
    }
}
