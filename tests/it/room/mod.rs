//! Rooms as organisers make them: what they say, how they look, who registers.

mod bad_input;
mod front;
mod kept;
mod picture;
mod registered;
mod registration;

use std::io::Cursor;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{Answer, Client, TestApp, send};

async fn get(client: &Client, path: &str) -> Answer {
    send(client.request(Method::GET, path)).await
}

/// A room with these fields besides its key and title.
async fn room(test: &TestApp, key: &str, more: Value) -> Value {
    let mut room = json!({"key": key, "title": format!("Room {key}")});
    more.as_object().unwrap().iter().for_each(|(name, value)| room[name] = value.clone());
    test.admin.post("/rooms", room).await.expect(201)
}

/// A form that asks for a name, a number, an e-mail address and where somebody is from.
fn form() -> Value {
    json!({"fields": [
        {"id": "name", "type": "name", "label": "Name", "required": true},
        {"id": "mobile", "type": "phone", "label": "Mobile", "required": true, "help": "With its country code."},
        {"id": "email", "type": "email", "label": "E-mail"},
        {"id": "state", "type": "choice", "label": "State", "choices": ["Kerala", "Goa"]},
    ], "consent": "We keep this for a year."})
}

/// Sends a form as a browser without a script does.
async fn fill_in(client: &Client, key: &str, pairs: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = client.request(Method::POST, &format!("/watch/{key}/register"));
    send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

/// What somebody would fill in.
fn filled<'a>(name: &'a str, mobile: &'a str, email: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("name", name), ("mobile", mobile), ("email", email), ("state", "Goa"), ("-consent", "yes")]
}

async fn put(client: &Client, path: &str, body: Vec<u8>) -> Answer {
    send(client.request(Method::PUT, &format!("/api/v1{path}")).header("content-type", "image/png").body(body)).await
}

/// A PNG of one colour.
fn png(width: u32, height: u32, colour: [u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = image::RgbaImage::from_pixel(width, height, image::Rgba(colour));
    picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}
