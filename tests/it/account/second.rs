//! The second factor: codes of a device, once each, and recovery codes.

use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::support::app::{BOTH, Client, PASSWORD, TestApp};

/// A device that was told the secret.
fn device(enrolment: &Value) -> Totp {
    let secret = Secret::try_from_base32(enrolment["secret"].as_str().unwrap()).unwrap();
    Builder::new().with_secret(secret).build().unwrap()
}

/// What the device shows so many steps from now.
fn code(device: &Totp, steps: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    device.generate(now.checked_add_signed(steps * 30).unwrap()).to_string()
}

async fn enrol(client: &Client) -> (Totp, Vec<String>) {
    let enrolment = client.post("/account/second-factor", json!({"password": PASSWORD})).await.expect(201);
    assert!(enrolment["address"].as_str().unwrap().starts_with("otpauth://totp/Bluecast"), "{enrolment}");
    let picture = enrolment["qr_svg"].as_str().unwrap();
    assert!(picture.contains("<svg") && picture.contains("<path"), "{picture}");
    let device = device(&enrolment);
    // The step before this one, so that logins find unused ones whenever the clock moves on.
    let confirm = async || client.post("/account/second-factor/confirm", json!({"code": code(&device, -1)})).await;
    let mut confirmed = confirm().await;
    if confirmed.status == 403 {
        // The clock has moved on just now.
        confirmed = confirm().await;
    }
    let confirmed = confirmed.expect(200);
    let codes = confirmed["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    (device, codes)
}

fn login(code: Option<&str>) -> Value {
    json!({"username": "ada", "password": PASSWORD, "code": code})
}

#[tokio::test]
async fn with_a_second_factor_a_password_alone_opens_nothing() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let user = test.user("ada", &[]).await;
        user.post("/account/second-factor", json!({"password": "wrong"})).await.problem(403, "wrong_password");
        user.post("/account/second-factor", json!({"password": PASSWORD})).await.expect(201);
        // Begun is not on: whoever closes the page now is not locked out.
        test.stranger().post("/session", login(None)).await.expect(204);
        user.post("/account/second-factor/confirm", json!({"code": "000000"})).await.problem(403, "wrong_code");
        let (device, recovery) = enrol(&user).await;
        assert_eq!(recovery.len(), 10);
        let own = user.get("/account").await.expect(200);
        assert_eq!((&own["second_factor"], &own["recovery_codes"]), (&json!(true), &json!(10)));
        user.post("/account/second-factor", json!({"password": PASSWORD})).await.problem(409, "second_factor_on");

        let stranger = test.stranger();
        stranger.post("/session", login(None)).await.problem(401, "code_needed");
        // Whether a code is asked for, only whoever knows the password learns.
        let wrong = json!({"username": "ada", "password": "wrong", "code": "123456"});
        stranger.post("/session", wrong).await.problem(401, "wrong_credentials");
        stranger.post("/session", login(Some("12345"))).await.problem(401, "wrong_code");
        let now = code(&device, 0);
        stranger.post("/session", login(Some(&now))).await.expect(204);
        stranger.get("/session").await.expect(200);
        // The same code again, and any of an earlier step, are used.
        test.stranger().post("/session", login(Some(&now))).await.problem(401, "wrong_code");
        test.stranger().post("/session", login(Some(&code(&device, -1)))).await.problem(401, "wrong_code");

        // A recovery code works once, however it is written.
        let written = recovery[0].to_lowercase().replace('-', " ");
        test.stranger().post("/session", login(Some(&written))).await.expect(204);
        test.stranger().post("/session", login(Some(&recovery[0]))).await.problem(401, "wrong_code");
        assert_eq!(user.get("/account").await.expect(200)["recovery_codes"], 9);
        let renewed = user.post("/account/second-factor/recovery-codes", json!({"password": PASSWORD})).await.expect(200);
        test.stranger().post("/session", login(Some(&recovery[1]))).await.problem(401, "wrong_code");
        let fresh = renewed["recovery_codes"][0].as_str().unwrap();
        test.stranger().post("/session", login(Some(fresh))).await.expect(204);

        // Neither secret nor codes are kept as they are, or written down.
        let kept: Vec<(String,)> = test.app.store.all("SELECT code_hash FROM recovery_codes", Vec::new()).await.unwrap();
        assert!(kept.iter().all(|(hash,)| hash.len() == 64) && kept.len() == 9);
        let sealed: Vec<(String,)> = test.app.store.all("SELECT secret_sealed FROM second_factors", Vec::new()).await.unwrap();
        assert!(sealed[0].0.starts_with("v1."));
        let log = test.admin.get("/activity?limit=500").await.text;
        assert!(log.contains("password and recovery code") && !log.contains(&recovery[0]) && !log.contains(&now));

        user.post("/account/second-factor/remove", json!({"password": PASSWORD})).await.expect(204);
        test.stranger().post("/session", login(None)).await.expect(204);
        test.stop().await;
    }
}

#[tokio::test]
async fn codes_cannot_be_guessed_and_an_admin_helps_who_has_lost_all() {
    let test = TestApp::start().await;
    let user = test.user("ada", &[]).await;
    let (device, _) = enrol(&user).await;
    // Whoever knows the password gets a handful of codes to try; asking without one does not win back any.
    let right = code(&device, 0);
    let ask = async |code: Option<&str>| test.stranger().post("/session", login(code)).await;
    for wrong in 0..5 {
        ask(None).await.problem(401, "code_needed");
        ask(Some(&format!("{wrong:06}"))).await.problem(401, "wrong_code");
    }
    // One is slowed for a second at first, which a busy machine may take for the question alone; longer after that, and a code counts once.
    let mut slowed = ask(Some(&right)).await;
    for wrong in 0..10 {
        if slowed.status == 429 {
            break;
        }
        ask(None).await;
        ask(Some(&format!("{wrong:06}"))).await;
        if wrong % 5 == 4 {
            slowed = ask(Some(&right)).await;
        }
    }
    slowed.problem(429, "too_many_attempts");

    let path = format!("/users/{}/second-factor", user.get("/session").await.expect(200)["user"]["id"].as_str().unwrap());
    user.delete(&path).await.problem(403, "forbidden");
    test.admin.delete(&path).await.expect(204);
    test.admin.delete(&path).await.problem(409, "second_factor_off");
    assert_eq!(user.get("/account").await.expect(200)["second_factor"], false);
    test.stop().await;
}

#[tokio::test]
async fn of_two_logins_with_one_code_one_succeeds() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let user = test.user("ada", &[]).await;
        let (device, recovery) = enrol(&user).await;
        for code in [code(&device, 0), recovery[0].clone()] {
            let (one, two) = (test.stranger(), test.stranger());
            let (one, two) = tokio::join!(one.post("/session", login(Some(&code))), two.post("/session", login(Some(&code))));
            let mut statuses = [one.status, two.status];
            statuses.sort();
            assert_eq!(statuses, [204, 401], "{} {}", one.text, two.text);
        }
        test.stop().await;
    }
}
