//! Passwords: rules, one's own, links for new ones, sessions, and their end.

use reqwest::Method;
use serde_json::{Value, json};

use super::listed;
use crate::support::app::{BOTH, Client, On, PASSWORD, TestApp, send, until_slowed};
use crate::support::smtp::Smtp;
use crate::support::wait::until;

const OTHER: &str = "zebra stapler 42";

async fn id(client: &Client) -> String {
    client.get("/session").await.expect(200)["user"]["id"].as_str().unwrap().to_owned()
}

fn token(text: &str) -> String {
    let at = text.find("#reset=").unwrap() + "#reset=".len();
    text[at..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect()
}

#[tokio::test]
async fn passwords_of_accounts_keep_to_the_rules_wherever_they_are_set() {
    let test = TestApp::start().await;
    let user = test.user("hannah.schmidt", &[]).await;
    let path = format!("/users/{}", id(&user).await);
    let link = test.admin.post(&format!("{path}/reset"), json!({})).await.expect(201);
    let link = token(link["url"].as_str().unwrap());
    for weak in ["1234567", "80273649150283", "password1", "hannahschmidt", "Schmidt1", &"x9".repeat(600)] {
        test.admin.post("/users", json!({"name": "hannah.schmidt2", "password": weak})).await.problem(422, "weak_password");
        test.admin.patch(&path, json!({"password": weak})).await.problem(422, "weak_password");
        let own = user.post("/account/password", json!({"old_password": PASSWORD, "new_password": weak})).await;
        assert_eq!(own.problem(422, "weak_password")["field"], "new_password");
        test.stranger().post("/password-resets/use", json!({"token": link, "password": weak})).await.problem(422, "weak_password");
    }
    // A link is not used up by a password that is refused.
    test.stranger().post("/password-resets/use", json!({"token": link, "password": OTHER})).await.expect(204);
    test.stop().await;
}

#[tokio::test]
async fn ones_own_password_takes_the_old_one_and_ends_the_other_sessions() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let user = test.user("ada", &["broadcast.view"]).await;
        let elsewhere = test.stranger();
        elsewhere.log_in("ada", PASSWORD).await;
        let change = |old: &str, new: &str| json!({"old_password": old, "new_password": new});
        let wrong = user.post("/account/password", change("wrong", OTHER)).await.problem(403, "wrong_password");
        assert_eq!(wrong["field"], "old_password");
        elsewhere.get("/session").await.expect(200);

        // A program's token has nothing to do with passwords.
        let made = user.post("/tokens", json!({"name": "t"})).await.expect(201);
        let robot = test.stranger().with_token(made["token"].as_str().unwrap());
        robot.post("/account/password", change(PASSWORD, OTHER)).await.problem(403, "session_needed");

        user.post("/account/password", change(PASSWORD, OTHER)).await.expect(204);
        user.get("/session").await.expect(200);
        elsewhere.get("/session").await.problem(401, "not_authenticated");
        robot.get("/session").await.expect(200);
        test.stranger().post("/session", json!({"username": "ada", "password": PASSWORD})).await.problem(401, "wrong_credentials");
        elsewhere.log_in("ada", OTHER).await;
        let log = test.admin.get("/activity?action=account.password").await;
        assert_eq!(log.body["items"].as_array().unwrap().len(), 1);
        assert!(!log.text.contains(OTHER) && !log.text.contains(PASSWORD));

        // Guessing the old one is slowed down as logins are.
        let slowed = until_slowed(async || {
            for _ in 0..5 {
                assert!([403, 429].contains(&user.post("/account/password", change("wrong", OTHER)).await.status));
            }
            let right = user.post("/account/password", change(OTHER, PASSWORD)).await;
            if right.status == 204 {
                user.post("/account/password", change(PASSWORD, OTHER)).await.expect(204);
            }
            right
        });
        slowed.await.problem(429, "too_many_attempts");
        test.stop().await;
    }
}

#[tokio::test]
async fn people_see_where_they_are_logged_in_and_leave_everywhere() {
    let test = TestApp::start().await;
    let user = test.user("ada", &[]).await;
    let phone = test.stranger();
    let login = phone.request(Method::POST, "/api/v1/session").header("user-agent", "A telephone/1.0");
    let login = login.header("content-type", "application/json").body(json!({"username": "ada", "password": PASSWORD}).to_string());
    send(login).await.expect(204);
    let places = user.get("/account/sessions").await.expect(200);
    let items = places["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let phones: Vec<&Value> = items.iter().filter(|place| place["agent"] == "A telephone/1.0").collect();
    assert_eq!((phones.len(), &phones[0]["current"], &phones[0]["address"]), (1, &json!(false), &json!("127.0.0.1")));
    assert_eq!(items.iter().filter(|place| place["current"] == true).count(), 1);

    user.delete("/account/sessions").await.expect(204);
    for client in [&user, &phone] {
        client.get("/session").await.problem(401, "not_authenticated");
    }
    // An admin does the same for somebody.
    phone.log_in("ada", PASSWORD).await;
    let path = format!("/users/{}/sessions", id(&phone).await);
    test.admin.delete(&path).await.expect(204);
    phone.get("/session").await.problem(401, "not_authenticated");
    test.stop().await;
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_for_good() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let user = test.user("ada", &["broadcast.view"]).await;
        let path = format!("/users/{}", id(&user).await);
        let made = user.post("/tokens", json!({"name": "t"})).await.expect(201);
        let robot = test.stranger().with_token(made["token"].as_str().unwrap());
        robot.get("/broadcasts").await.expect(200);
        let link = test.admin.post(&format!("{path}/reset"), json!({})).await.expect(201);
        assert_eq!(test.admin.patch(&path, json!({"disabled": true})).await.expect(200)["disabled"], true);
        user.get("/session").await.problem(401, "not_authenticated");
        robot.get("/broadcasts").await.problem(401, "not_authenticated");
        let login = json!({"username": "ada", "password": PASSWORD});
        test.stranger().post("/session", login.clone()).await.problem(401, "wrong_credentials");
        let link = json!({"token": token(link["url"].as_str().unwrap()), "password": OTHER});
        test.stranger().post("/password-resets/use", link).await.problem(403, "reset_spent");
        test.admin.post(&format!("{path}/reset"), json!({})).await.problem(409, "user_disabled");

        // Back again, but what was ended stays ended.
        test.admin.patch(&path, json!({"disabled": false})).await.expect(200);
        test.stranger().post("/session", login).await.expect(204);
        user.get("/session").await.problem(401, "not_authenticated");
        robot.get("/broadcasts").await.problem(401, "not_authenticated");
        test.stop().await;
    }
}

#[tokio::test]
async fn a_link_opens_once_and_only_the_newest_does() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let user = test.user("ada", &[]).await;
        let path = format!("/users/{}", id(&user).await);
        let make = async || test.admin.post(&format!("{path}/reset"), json!({})).await.expect(201);
        let (older, newer) = (make().await, make().await);
        assert!(newer["url"].as_str().unwrap().contains("/login?new#reset=") && newer["expires_at"].is_string());
        let renew = |link: &Value| json!({"token": token(link["url"].as_str().unwrap()), "password": OTHER});
        test.stranger().post("/password-resets/use", renew(&older)).await.problem(403, "reset_spent");
        // Of two at once, one.
        let (one, two) = (test.stranger(), test.stranger());
        let (one, two) = tokio::join!(one.post("/password-resets/use", renew(&newer)), two.post("/password-resets/use", renew(&newer)));
        let mut statuses = [one.status, two.status];
        statuses.sort();
        assert_eq!(statuses, [204, 403]);
        user.get("/session").await.problem(401, "not_authenticated");
        user.log_in("ada", OTHER).await;

        // It is not kept as it is, and it ends.
        let link = make().await;
        let text = token(link["url"].as_str().unwrap());
        let kept: Vec<(String,)> = test.app.store.all("SELECT token_hash FROM password_resets", Vec::new()).await.unwrap();
        assert_eq!(kept.len(), 1);
        assert_ne!(kept[0].0, text);
        assert!(!test.admin.get("/activity").await.text.contains(&text));
        test.app.store.run("UPDATE password_resets SET expires_ms = 1", Vec::new()).await.unwrap();
        test.stranger().post("/password-resets/use", renew(&link)).await.problem(403, "reset_spent");
        test.stranger().post("/password-resets/use", json!({"token": "", "password": OTHER})).await.problem(403, "reset_spent");
        test.stop().await;
    }
}

#[tokio::test]
async fn links_come_by_mail_and_nobody_learns_who_is_there() {
    let smtp = Smtp::start().await;
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let extra = [
        ("BLUECAST_SMTP_URL", url.as_str()),
        ("BLUECAST_MAIL_FROM", "Bluecast <bluecast@example.org>"),
        ("BLUECAST_PUBLIC_URL", "https://cast.example.org"),
    ];
    // Mail is for people outside: the link names the public address.
    let data = tempfile::tempdir().unwrap();
    let settings = crate::support::app::settings(On::Sqlite, &data, &extra).await;
    let running = bluecast::app::Running::start(settings).await.unwrap();
    let token_of_admin = {
        let app = &running.app;
        let sql = "UPDATE users SET email = 'admin@example.org' WHERE name = 'admin'";
        app.store.run(sql, Vec::new()).await.unwrap();
        Client::new(running.address)
    };
    let ask = async |who: &str| token_of_admin.post("/password-resets", json!({"username": who})).await;
    let (known, unknown) = (ask("admin").await, ask("nobody").await);
    assert_eq!((known.status, &known.text), (202, &unknown.text));
    assert_eq!(unknown.status, 202);
    let letter = until("the letter", async || smtp.letters().into_iter().next()).await;
    assert!(letter.contains("To: admin@example.org") && letter.contains("From: Bluecast <bluecast@example.org>"), "{letter}");
    let text = letter.replace("=\n", "").replace("=3D", "=");
    assert!(text.contains("https://cast.example.org/login?new#reset="), "{text}");
    let renew = json!({"token": token(&text), "password": OTHER});
    token_of_admin.post("/password-resets/use", renew.clone()).await.expect(204);
    token_of_admin.post("/password-resets/use", renew).await.problem(403, "reset_spent");
    let login = token_of_admin.post("/session", json!({"username": "admin", "password": OTHER})).await;
    assert_eq!(login.status, 204);

    // By the mail address too; and nobody's box is filled.
    assert_eq!(ask("ADMIN@example.org").await.status, 202);
    until("the second letter", async || (smtp.letters().len() >= 2).then_some(())).await;
    for _ in 0..2 {
        assert_eq!(ask("admin").await.status, 202);
    }
    until_slowed(async || ask("admin").await).await.problem(429, "too_many_attempts");
    let foreign = token_of_admin.request(Method::POST, "/api/v1/password-resets").header("origin", "https://evil.example");
    send(foreign.header("content-type", "application/json").body(r#"{"username":"admin"}"#)).await.problem(403, "bad_origin");
    running.stop().await;

    let without = TestApp::start().await;
    without.stranger().post("/password-resets", json!({"username": "admin"})).await.problem(409, "no_mail");
    assert_eq!(listed(&without.admin, "/users", "name").await, ["admin"]);
    without.stop().await;
}
