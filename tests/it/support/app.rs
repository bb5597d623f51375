//! The program itself, started inside the test process on a free port with a data folder of its own, and a small client to talk to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bluecast::app::{App, Running};
use bluecast::config::Settings;
use reqwest::cookie::Jar;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::postgres;

/// Password of the first admin, and of every user that tests make.
pub const PASSWORD: &str = "correct horse battery";

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// Both, for tests that must hold on both.
pub const BOTH: [On; 2] = [On::Sqlite, On::Postgres];

/// A serving program and its admin.
pub struct TestApp {
    pub app: App,
    pub address: SocketAddr,
    /// A client that is logged in as the first admin, by cookie.
    pub admin: Client,
    pub data: TempDir,
    running: Running,
}

/// Settings for a test: a free port, a temporary data folder, the database, and what the test adds or overrides.
pub async fn settings(on: On, data: &TempDir, extra: &[(&str, &str)]) -> Settings {
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
    set("BLUECAST_LISTEN", "127.0.0.1:0");
    set("BLUECAST_DATA_DIR", data.path().to_str().unwrap());
    set("BLUECAST_ADMIN_PASSWORD", PASSWORD);
    // What a broadcast costs is measured, and the tests beside this one would count.
    set("BLUECAST_NODE_CAPACITY", "64");
    if on == On::Postgres {
        set("BLUECAST_DATABASE_URL", &postgres::database().await);
        set("BLUECAST_SECRET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    }
    for (name, value) in extra {
        set(name, value);
    }
    Settings::from_map(&environment).unwrap()
}

impl TestApp {
    /// Starts on `SQLite` with default settings.
    pub async fn start() -> Self {
        Self::start_with(On::Sqlite, &[]).await
    }

    /// Starts on either database.
    pub async fn start_on(on: On) -> Self {
        Self::start_with(on, &[]).await
    }

    /// Starts with more settings.
    pub async fn start_with(on: On, extra: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = settings(on, &data, extra).await;
        Self::start_in(data, settings).await
    }

    /// Starts in a data folder that may hold something already.
    pub async fn start_in(data: TempDir, settings: Settings) -> Self {
        let running = Running::start(settings).await.unwrap();
        let admin = Client::new(running.address);
        admin.log_in("admin", PASSWORD).await;
        Self { app: running.app.clone(), address: running.address, admin, data, running }
    }

    /// Ends in order, and gives the data folder back.
    pub async fn stop(self) -> TempDir {
        drop((self.app, self.admin));
        self.running.stop().await;
        self.data
    }

    /// A client without credentials.
    pub fn stranger(&self) -> Client {
        Client::new(self.address)
    }

    /// A client logged in as a new user with these permissions.
    pub async fn user(&self, name: &str, permissions: &[&str]) -> Client {
        let new = json!({"name": name, "password": PASSWORD, "permissions": permissions});
        self.admin.post("/users", new).await.expect(201);
        let client = self.stranger();
        client.log_in(name, PASSWORD).await;
        client
    }

    /// A client that uses a new token of the admin.
    pub async fn token(&self, scopes: &[&str]) -> Client {
        let made = self.admin.post("/tokens", json!({"name": "test", "scopes": scopes})).await.expect(201);
        self.stranger().with_token(made["token"].as_str().unwrap())
    }
}

/// Talks to the program. Paths are below `/api/v1` unless they are given with [`Client::request`].
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    token: Option<String>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let jar = Arc::new(Jar::default());
        let http = reqwest::Client::builder().cookie_provider(jar).no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { http: http.build().unwrap(), address, token: None }
    }

    /// Where the program is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub async fn log_in(&self, name: &str, password: &str) {
        self.post("/session", json!({"username": name, "password": password})).await.expect(204);
    }

    /// A request to any path of the site, not yet sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("/api/v1{path}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.api(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(with_json(self.api(Method::POST, path), &body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        send(with_json(self.api(Method::PATCH, path), &body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.api(Method::DELETE, path)).await
    }

    /// A POST whose body is these bytes, as JSON or not.
    pub async fn post_bytes(&self, path: &str, body: Vec<u8>) -> Answer {
        send(self.api(Method::POST, path).header("content-type", "application/json").body(body)).await
    }
}

fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header("content-type", "application/json").body(body.to_string())
}

/// Sends a request and reads the whole answer.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Answer { status, headers, text, body }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

impl Answer {
    /// The body of an answer that must have this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The body of a problem that must have this status and code.
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {}", self.text);
        }
        self.body
    }
}

/// Asks until it is told to slow down: the first waits are a second long, and on a busy machine over when the next question comes.
pub async fn until_slowed(ask: impl AsyncFn() -> Answer) -> Answer {
    for _ in 0..8 {
        let answer = ask().await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("nobody is slowed down")
}
