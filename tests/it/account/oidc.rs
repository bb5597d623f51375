//! Logins at a provider that signs real tokens.

use reqwest::Method;
use serde_json::{Value, json};

use super::listed;
use crate::support::app::{Answer, BOTH, Client, On, TestApp, send};
use crate::support::oidc::{Lie, Oidc};

const MAP: &str = "lecturers -> Lecture hall; CN=ops,OU=it -> role:Operators; admins -> role:Admins";

async fn start(on: On, oidc: &Oidc, map: &str) -> TestApp {
    let mut settings = oidc.settings();
    settings.push(("BLUECAST_OIDC_GROUP_MAP", map.to_owned()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    TestApp::start_with(on, &settings).await
}

fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// The way to the provider and back, up to the address to go back to.
async fn out(client: &Client, next: &str) -> String {
    let there = location(&send(client.request(Method::GET, &format!("/login/oidc?next={next}"))).await);
    let back = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let back = back.get(&there).send().await.unwrap();
    assert_eq!(back.status(), 303, "{there}");
    let back: url::Url = back.headers()["location"].to_str().unwrap().parse().unwrap();
    assert_eq!(back.path(), "/login/oidc/callback");
    back[url::Position::BeforePath..].to_owned()
}

/// Logs in, and says where that led.
async fn log_in(client: &Client) -> String {
    let back = out(client, "%2Fadmin").await;
    location(&send(client.request(Method::GET, &back)).await)
}

#[tokio::test]
async fn whoever_the_provider_names_is_let_in_with_the_groups_and_roles_of_the_map() {
    for on in BOTH {
        let oidc = Oidc::start().await;
        let test = start(on, &oidc, MAP).await;
        test.admin.post("/roles", json!({"name": "Operators", "permissions": ["broadcast.view", "server.use"]})).await.expect(201);
        oidc.is(json!({"sub": "7", "preferred_username": "ada", "email": "ada@example.org", "email_verified": true, "groups": ["lecturers", "CN=ops,OU=it", "more"]}));
        let client = test.stranger();
        let back = out(&client, "%2Fadmin%23%2Frooms").await;
        assert_eq!(location(&send(client.request(Method::GET, &back)).await), "/admin#/rooms");
        let session = client.get("/session").await.expect(200);
        assert_eq!((&session["user"]["name"], &session["permissions"]), (&json!("ada"), &json!(["broadcast.view", "server.use"])));
        assert_eq!(listed(&client, "/groups", "name").await, ["Lecture hall"]);
        let own = client.get("/account").await.expect(200);
        assert_eq!((&own["has_password"], &own["email"]), (&json!(false), &json!("ada@example.org")));
        // There is no password to guess, and none to confirm anything with.
        test.stranger().post("/session", json!({"username": "ada", "password": "!"})).await.problem(401, "wrong_credentials");
        client.post("/account/password", json!({"old_password": "!", "new_password": "x"})).await.problem(409, "no_password");

        // The same person is the same user, with what the provider says now; what the map does not name stays.
        let user = format!("/users/{}", session["user"]["id"].as_str().unwrap());
        let kept = test.admin.post("/groups", json!({"name": "By hand"})).await.expect(201)["id"].as_str().unwrap().to_owned();
        let mut groups: Vec<Value> = test.admin.get(&user).await.expect(200)["groups"].as_array().unwrap().clone();
        groups.push(json!(kept));
        test.admin.patch(&user, json!({"groups": groups})).await.expect(200);
        oidc.is(json!({"sub": "7", "preferred_username": "ada.lovelace", "groups": ["CN=ops,OU=it"]}));
        assert_eq!(log_in(&client).await, "/admin");
        assert_eq!(client.get("/session").await.expect(200)["user"]["name"], "ada");
        assert_eq!(listed(&client, "/groups", "name").await, ["By hand"]);

        // Whoever has none of the words is not one of us; whoever is disabled here is not let in either.
        oidc.is(json!({"sub": "8", "preferred_username": "student", "groups": ["students"]}));
        assert_eq!(log_in(&test.stranger()).await, "/login?fault=oidc_no_access");
        assert!(!listed(&test.admin, "/users", "name").await.contains(&"student".to_owned()));
        test.admin.patch(&user, json!({"disabled": true})).await.expect(200);
        oidc.is(json!({"sub": "7", "groups": ["lecturers"]}));
        assert_eq!(log_in(&test.stranger()).await, "/login?fault=oidc_no_access");

        // A name that is taken here is never taken over.
        oidc.is(json!({"sub": "9", "preferred_username": "admin", "groups": ["lecturers"]}));
        let other = test.stranger();
        assert_eq!(log_in(&other).await, "/admin");
        let session = other.get("/session").await.expect(200);
        assert_eq!((&session["user"]["name"], &session["permissions"]), (&json!("admin-2"), &json!([])));
        let log = test.admin.get("/activity?action=session.begin&who=admin-2").await.expect(200);
        assert_eq!(log["items"][0]["detail"]["how"], "OpenID");
        test.stop().await;
    }
}

#[tokio::test]
async fn a_token_that_proves_nothing_opens_nothing() {
    let oidc = Oidc::start().await;
    let test = start(On::Sqlite, &oidc, "").await;
    oidc.is(json!({"sub": "7", "preferred_username": "ada"}));
    for lie in [
        Lie::Issuer,
        Lie::Audience,
        Lie::Nonce,
        Lie::NoNonce,
        Lie::Expired,
        Lie::AlgNone,
        Lie::AlgHs256,
        Lie::Key,
        Lie::Forged,
        Lie::AccessToken,
    ] {
        oidc.lies(lie);
        let client = test.stranger();
        assert_eq!(log_in(&client).await, "/login?fault=oidc_failed", "{lie:?}");
        client.get("/session").await.problem(401, "not_authenticated");
    }
    assert_eq!(listed(&test.admin, "/users", "name").await, ["admin"]);
    let refused = test.admin.get("/activity?action=session.refuse").await.expect(200);
    assert_eq!(refused["items"].as_array().unwrap().len(), 10);
    oidc.lies(Lie::None);
    assert_eq!(log_in(&test.stranger()).await, "/admin");
    test.stop().await;
}

#[tokio::test]
async fn a_login_ends_once_in_the_browser_in_which_it_was_begun() {
    let oidc = Oidc::start().await;
    let test = start(On::Sqlite, &oidc, "").await;
    oidc.is(json!({"sub": "7", "preferred_username": "ada"}));
    let (client, thief) = (test.stranger(), test.stranger());
    let fault = async |client: &Client, path: &str| location(&send(client.request(Method::GET, path)).await);
    // Another browser, even one with a login of its own under way.
    out(&thief, "").await;
    let back = out(&client, "").await;
    assert_eq!(fault(&thief, &back).await, "/login?fault=oidc_expired");
    // It was tried, so it is over for its own browser too.
    assert_eq!(fault(&client, &back).await, "/login?fault=oidc_expired");
    // Used, and used again.
    let back = out(&client, "").await;
    assert_eq!(fault(&client, &back).await, "/admin");
    assert_eq!(fault(&client, &back).await, "/login?fault=oidc_expired");
    // Made up, cut short, or refused there.
    for (path, expected) in [
        ("/login/oidc/callback?code=x&state=made-up", "oidc_expired"),
        ("/login/oidc/callback?code=x", "oidc_expired"),
        ("/login/oidc/callback", "oidc_expired"),
    ] {
        assert_eq!(fault(&client, path).await, format!("/login?fault={expected}"), "{path}");
    }
    let back = out(&client, "").await;
    let state = back.split('&').find(|part| part.starts_with("state=")).unwrap().to_owned();
    assert_eq!(fault(&client, &format!("/login/oidc/callback?error=access_denied&{state}")).await, "/login?fault=oidc_refused");
    let back = out(&client, "").await;
    assert_eq!(fault(&client, &format!("{back}&iss=https%3A%2F%2Felsewhere.example")).await, "/login?fault=oidc_refused");
    // A code of another login does not fit the verifier of this one.
    let (one, two) = (out(&client, "").await, out(&client, "").await);
    let part = |back: &str, name: &str| back.split(['?', '&']).find(|part| part.starts_with(name)).unwrap().to_owned();
    let mixed = format!("/login/oidc/callback?{}&{}", part(&one, "code="), part(&two, "state="));
    assert_eq!(fault(&client, &mixed).await, "/login?fault=oidc_failed");
    // Where it leads is on this site.
    let back = out(&client, "https%3A%2F%2Fevil.example").await;
    assert_eq!(fault(&client, &back).await, "/admin");
    test.stop().await;
}

#[tokio::test]
async fn a_provider_may_be_away_or_not_set_up() {
    let gone = [("BLUECAST_OIDC_ISSUER", "http://127.0.0.1:9"), ("BLUECAST_OIDC_CLIENT_ID", "x")];
    let test = TestApp::start_with(On::Sqlite, &gone).await;
    let answer = send(test.stranger().request(Method::GET, "/login/oidc")).await;
    assert_eq!(location(&answer), "/login?fault=oidc_away");
    test.stop().await;
    let test = TestApp::start().await;
    let answer = send(test.stranger().request(Method::GET, "/login/oidc")).await;
    assert_eq!(location(&answer), "/login?fault=oidc_off");
    test.stop().await;
}
