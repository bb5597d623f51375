//! A viewer's socket, as a browser would hold it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::app::TestApp;

/// How long anything may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(40);

/// An open socket.
pub struct Socket {
    inner: WebSocketStream<TcpStream>,
    heard: VecDeque<Value>,
    /// The cookie that names this viewer.
    pub cookie: String,
    /// The highest number that was heard.
    pub seq: i64,
    references: u32,
}

/// The end of a connection: its close code, or none where it broke off.
pub type End = Option<u16>;

impl Socket {
    /// Opens a socket with these headers; otherwise the status and code of the refusal.
    pub async fn open(address: SocketAddr, key: &str, headers: &[(&str, &str)]) -> Result<Self, (u16, String)> {
        let mut request = format!("ws://{address}/ws/rooms/{key}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        match tokio::time::timeout(PATIENCE, tokio_tungstenite::client_async(request, stream)).await.expect("an answer in time") {
            Ok((inner, response)) => {
                let given = headers.iter().find(|(name, _)| *name == "cookie").map(|(_, value)| (*value).to_owned());
                let set = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned());
                Ok(Self { inner, heard: VecDeque::new(), cookie: set.or(given).unwrap_or_default(), seq: 0, references: 0 })
            }
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
                Err((response.status().as_u16(), problem["code"].as_str().unwrap_or_default().to_owned()))
            }
            Err(error) => panic!("no socket: {error}"),
        }
    }

    /// Opens a socket and says hello; gives what was answered, too.
    pub async fn enter(test: &TestApp, key: &str) -> (Self, Value) {
        Self::enter_with(test, key, &[], json!({})).await
    }

    /// The same with headers and fields of the hello.
    pub async fn enter_with(test: &TestApp, key: &str, headers: &[(&str, &str)], hello: Value) -> (Self, Value) {
        let mut socket = Self::open(test.address, key, headers).await.expect("a socket");
        let welcome = socket.hello(hello).await;
        (socket, welcome)
    }

    /// Comes as a viewer who was here before, perhaps with a number to take up from.
    pub async fn again(test: &TestApp, key: &str, cookie: &str, since: Option<i64>) -> (Self, Value) {
        let hello = since.map_or(json!({}), |since| json!({ "since": since }));
        Self::enter_with(test, key, &[("cookie", cookie)], hello).await
    }

    pub async fn hello(&mut self, mut hello: Value) -> Value {
        hello["t"] = json!("hello");
        self.say(hello).await;
        let welcome = self.until("welcome").await;
        self.seq = welcome["seq"].as_i64().unwrap();
        welcome
    }

    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Sends a frame of any kind; whether the other side is still there is seen when it is listened to.
    pub async fn send(&mut self, message: Message) {
        let _ = self.inner.send(message).await;
    }

    /// Says that one is called so.
    pub async fn named(mut self, name: &str) -> Self {
        self.say(json!({ "t": "name", "name": name })).await;
        assert_eq!(self.until("you").await["name"], name);
        self
    }

    /// Writes a comment and waits until it is written down: its id and state, or the error's code.
    pub async fn post(&mut self, text: &str) -> Result<(String, String), String> {
        self.post_with(json!({ "text": text })).await
    }

    pub async fn post_with(&mut self, mut post: Value) -> Result<(String, String), String> {
        self.references += 1;
        let reference = format!("r{}", self.references);
        post["t"] = json!("post");
        if post.get("ref").is_none() {
            post["ref"] = json!(reference);
        }
        let reference = post["ref"].clone();
        self.say(post).await;
        let word = |message: &Value, field: &str| message[field].as_str().unwrap().to_owned();
        let answer = self
            .find("an answer to a post", |message| {
                ["ack", "error"].contains(&message["t"].as_str().unwrap()) && message["ref"] == reference
            })
            .await;
        if answer["t"] == "ack" { Ok((word(&answer, "id"), word(&answer, "state"))) } else { Err(word(&answer, "code")) }
    }

    /// The next message, or the end.
    pub async fn next(&mut self) -> Result<Value, End> {
        // Pings are no messages: they do not make the wait longer.
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(message) = self.heard.pop_front() {
                if let Some(seq) = message["seq"].as_i64() {
                    self.seq = self.seq.max(seq);
                }
                return Ok(message);
            }
            match tokio::time::timeout_at(deadline, self.inner.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text).unwrap() {
                    Value::Array(messages) => self.heard.extend(messages),
                    message => self.heard.push_back(message),
                },
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The next message of a type; counts are skipped, anything else before it stays to be heard.
    pub async fn until(&mut self, kind: &str) -> Value {
        self.find(kind, |message| message["t"] == kind).await
    }

    /// The next message like this; what came before it stays to be heard.
    pub async fn find(&mut self, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        let mut others = VecDeque::new();
        let found = loop {
            match self.next().await {
                Ok(message) if like(&message) => break message,
                Ok(message) if message["t"] == "count" => {}
                Ok(message) => others.push_back(message),
                Err(end) => panic!("the connection ended with {end:?} before {what}; heard {others:?}"),
            }
        };
        while let Some(message) = others.pop_back() {
            self.heard.push_front(message);
        }
        found
    }

    /// All that was said up to now: asks, and gives what comes before the answer, without counts.
    pub async fn all(&mut self) -> Vec<Value> {
        self.say(json!({ "t": "ping" })).await;
        let mut all = Vec::new();
        loop {
            match self.next().await {
                Ok(message) if message["t"] == "pong" => return all,
                Ok(message) if message["t"] == "count" => {}
                Ok(message) => all.push(message),
                Err(end) => panic!("the connection ended with {end:?}; heard {all:?}"),
            }
        }
    }

    /// Reads to the end, and gives its code.
    pub async fn end(mut self) -> End {
        loop {
            if let Err(end) = self.next().await {
                return end;
            }
        }
    }

    /// Breaks off without a word.
    pub fn cut(self) {}
}
