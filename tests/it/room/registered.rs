//! Rooms for those who have registered.

use reqwest::Method;
use serde_json::{Value, json};

use super::{fill_in, filled, form, get, room};
use crate::support::app::{BOTH, Client, On, TestApp, send};

async fn members(test: &TestApp) -> Value {
    room(test, "members", json!({"title": "Members", "visibility": "registered", "form": form(), "description": "For **members**."})).await
}

async fn whep(client: &Client) -> crate::support::app::Answer {
    send(client.request(Method::POST, "/whep/members").header("content-type", "application/sdp").body("v=0")).await
}

#[tokio::test]
async fn the_form_stands_before_everything_in_the_room() {
    for on in BOTH {
        let test = TestApp::start_with(on, &[("BLUECAST_PHONE_REGION", "IN")]).await;
        members(&test).await;
        let viewer = test.stranger();
        let door = get(&viewer, "/watch/members").await.text;
        assert!(
            door.contains("action=\"/watch/members/register\"") && door.contains("<strong>members</strong>") && !door.contains("data-page"),
            "{door}"
        );
        let embed = get(&viewer, "/embed/members").await.text;
        assert!(
            embed.contains("for those who have registered") && embed.contains("href=\"/watch/members\"") && !embed.contains("data-page"),
            "{embed}"
        );
        for path in ["/watch/members/events", "/watch/members/playback", "/watch/members/thumbnail.jpg"] {
            get(&viewer, path).await.problem(403, "registration_needed");
        }
        whep(&viewer).await.problem(403, "registration_needed");

        assert_eq!(fill_in(&viewer, "members", &filled("Asha", "98450 12345", "a@example.org")).await.status, 303);
        assert!(get(&viewer, "/watch/members").await.text.contains("data-page"));
        get(&viewer, "/watch/members/playback").await.problem(409, "not_on_air");
        whep(&viewer).await.problem(409, "not_on_air");
        // For this room and this browser alone.
        get(&test.stranger(), "/watch/members/playback").await.problem(403, "registration_needed");
        room(&test, "others", json!({"visibility": "registered", "form": form()})).await;
        get(&viewer, "/watch/others/playback").await.problem(403, "registration_needed");
        get(&test.admin, "/watch/members/playback").await.problem(409, "not_on_air");

        let list = test.admin.get("/rooms/members/registrations").await.expect(200);
        test.admin.delete(&format!("/rooms/members/registrations/{}", list["items"][0]["id"].as_str().unwrap())).await.expect(204);
        get(&viewer, "/watch/members/playback").await.problem(403, "registration_needed");
        test.stop().await;
    }
}

#[tokio::test]
async fn a_password_comes_before_the_form_that_is_behind_it() {
    let test = TestApp::start_with(On::Sqlite, &[("BLUECAST_PHONE_REGION", "IN")]).await;
    room(
        &test,
        "hall",
        json!({"visibility": "password", "password": "open sesame", "form": form(), "description": "Nobody else's business"}),
    )
    .await;
    let viewer = test.stranger();
    let door = get(&viewer, "/watch/hall/register").await.text;
    assert!(door.contains("asks for a password") && !door.contains("name=\"mobile\"") && !door.contains("Nobody else"), "{door}");
    fill_in(&viewer, "hall", &filled("Asha", "98450 12345", "a@example.org")).await.problem(403, "password_needed");
    let body = json!({"password": "open sesame"}).to_string();
    let entered = send(viewer.request(Method::POST, "/watch/hall/enter").header("content-type", "application/json").body(body)).await;
    assert_eq!(entered.status, 204);
    assert!(get(&viewer, "/watch/hall/register").await.text.contains("name=\"mobile\""));
    assert_eq!(fill_in(&viewer, "hall", &filled("Asha", "98450 12345", "a@example.org")).await.status, 303);
}
