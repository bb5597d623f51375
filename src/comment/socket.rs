//! `GET /ws/rooms/{key}`: from a request to a connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::net::TcpStream;
use url::Url;
use uuid::Uuid;

use super::frame::{self, Broken, Decoder, Heard, code};
use super::limits::{self, Counted, Crowd, MESSAGES};
use super::message::too_fast;
use super::pacing::Bucket;
use super::registry::Guest;
use super::wire::{Newcomer, SILENT, Turn, Viewer};
use super::{hub, may, speak};
use crate::account::Permission;
use crate::app::App;
use crate::http::address::ClientAddress;
use crate::http::{Answer, Path, Problem};
use crate::moment::now_ms;
use crate::room::{self, Room, Visitor, viewer};

/// What the kernel may hold for one viewer, who would otherwise be megabytes behind before it is noticed; it takes twice as much for itself.
const SEND_BYTES: usize = 64 * 1024;
/// What every WebSocket key is hashed with (RFC 6455, 1.3).
const SALT: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The time for the first message.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Messages beyond the pace that are answered with a refusal; then the connection ends.
const REFUSALS: u32 = 100;
/// Seconds until those who were full are asked back.
const RETRY_S: u64 = 30;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/ws/rooms/{key}", get(upgrade))
}

/// Whether a page of this origin may open a room's socket: our own pages, and those of sites that the room names. `host` is what the browser
/// takes for our name.
fn allowed_origin(room: &Room, origin: &str, public_url: Option<&Url>, host: &str) -> bool {
    let is_public = public_url.is_some_and(|url| url.origin().ascii_serialization() == origin);
    let origin_host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    is_public || room::sites(room).iter().any(|site| site == origin) || (!host.is_empty() && origin_host == Some(host))
}

async fn upgrade(
    State(app): State<App>,
    visitor: Visitor,
    ClientAddress(address): ClientAddress,
    Path(key): Path<String>,
    mut request: Request,
) -> Answer<Response> {
    if app.stopping.is_cancelled() {
        return Err(Problem::unavailable("restarting", "The server restarts. Come back in a moment."));
    }
    let room = room::find(&app.store, &key).await?.ok_or_else(|| Problem::not_found("room"))?;
    refuse_foreign(&app, &room, request.headers())?;
    room::pass(&app, &room, &visitor).await?;
    let accept = accept(request.headers())?;
    let counted = app.comments.0.limits.connect(address).map_err(|crowd| match crowd {
        Crowd::Address => Problem::too_many("too_many_connections", "There are too many connections from your address.", RETRY_S),
        Crowd::Process => Problem::unavailable("full", "There is no room for more viewers on this server."),
    })?;
    let guest = app.comments.0.registry.open(&app.store, &app.supervisor, &room).await?;
    let upgraded = hyper::upgrade::on(&mut request);
    let newcomer = newcomer(&app, &room, &guest, &visitor, address).await?;
    let is_new = visitor.viewer_id.is_none();
    let mut response = (
        StatusCode::SWITCHING_PROTOCOLS,
        [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ],
    )
        .into_response();
    if is_new {
        response.headers_mut().append(header::SET_COOKIE, viewer::set(&app.settings, &app.vault, newcomer.viewer_id));
    }
    let tasks = app.comments.0.tasks.clone();
    tasks.spawn(connection(app, guest, counted, upgraded, newcomer, is_new));
    Ok(response)
}

/// Cookies come along from every site; pages of others must not speak for our viewers.
fn refuse_foreign(app: &App, room: &Room, headers: &HeaderMap) -> Answer<()> {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match text(header::ORIGIN) {
        Some(origin) if !allowed_origin(room, origin, app.settings.public_url.as_ref(), text(header::HOST).unwrap_or_default()) => {
            Err(Problem::forbidden("bad_origin", "Pages of other sites may not use this room."))
        }
        _ => Ok(()),
    }
}

/// The answer to a WebSocket's key, where the request is one.
fn accept(headers: &HeaderMap) -> Answer<HeaderValue> {
    let has = |name: header::HeaderName, wanted: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "no_websocket", "This address is for WebSockets."));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Problem::bad_request("websocket_version", "Only version 13 of the WebSocket protocol is spoken."));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16) {
        let digest = Sha1::new().chain_update(key).chain_update(SALT).finalize();
        return HeaderValue::try_from(STANDARD.encode(digest)).map_err(Problem::internal);
    }
    Err(Problem::bad_request("websocket_key", "The request has no WebSocket key."))
}

async fn newcomer(app: &App, room: &Room, guest: &Guest, visitor: &Visitor, address: IpAddr) -> Answer<Newcomer> {
    let viewer_id = visitor.viewer_id.unwrap_or_else(Uuid::now_v7);
    let caller = visitor.caller.clone();
    let is_moderator = match &caller {
        Some(caller) => may(&app.store, caller, room, Permission::RoomModerate).await?,
        None => false,
    };
    Ok(Newcomer {
        viewer_id,
        handle: app.comments.0.handles.of(&guest.thread.id, viewer_id),
        address,
        is_moderator,
        caller: caller.map(Arc::new),
    })
}

async fn connection(app: App, guest: Guest, counted: Counted, upgraded: OnUpgrade, newcomer: Newcomer, is_new: bool) {
    let Ok(upgraded) = upgraded.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        tracing::error!("a connection is no TCP socket");
        return;
    };
    let mut decoder = Decoder::default();
    decoder.push(&parts.read_buf);
    let stream = parts.io.into_inner();
    if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BYTES) {
        tracing::debug!(%error, "a viewer's send buffer stays as the system has it");
    }
    let viewer = Arc::new(Viewer::new(stream, newcomer));
    let talk = Talk { app, guest, viewer, place: None, decoder, pace: limits::messages(now_ms()), refused: 0, is_new, _counted: counted };
    talk.run().await;
}

/// A connection and who is on it.
pub(super) struct Talk {
    pub(super) app: App,
    pub(super) guest: Guest,
    pub(super) viewer: Arc<Viewer>,
    /// Where they are among the others, once they have said hello.
    pub(super) place: Option<hub::Place>,
    decoder: Decoder,
    pace: Bucket,
    refused: u32,
    /// They were never here before: nothing is known of them.
    pub(super) is_new: bool,
    _counted: Counted,
}

impl Talk {
    async fn run(mut self) {
        let stop = self.app.comments.0.stop.clone();
        let greeted = tokio::time::timeout(HELLO_WITHIN, async {
            self.hear().await;
            while self.place.is_none() && self.turn().await {}
        });
        match stop.run_until_cancelled(greeted).await {
            Some(Ok(())) => {}
            Some(Err(_)) => self.viewer.close(SILENT),
            None => self.viewer.close(code::RESTART),
        }
        if stop.is_cancelled() {
            self.viewer.close(code::RESTART);
        }
        while self.turn().await {}
        if let Some(place) = self.place.take() {
            self.guest.part(&self.viewer, &place);
        }
        self.viewer.go().await;
    }

    /// `false`: it is over.
    async fn turn(&mut self) -> bool {
        match self.viewer.turn().await {
            Turn::End => return false,
            Turn::Retell => Box::pin(speak::tell_anew(self)).await,
            Turn::Read => {
                if self.viewer.read(|bytes| self.decoder.push(bytes)).is_none() {
                    return false;
                }
                self.hear().await;
            }
        }
        true
    }

    /// Acts on all that was said.
    async fn hear(&mut self) {
        while !self.viewer.is_ending() {
            match self.decoder.next() {
                Ok(None) => return,
                Ok(Some(Heard::Close)) => self.viewer.close(code::NORMAL),
                Ok(Some(Heard::Pong)) => {}
                Ok(Some(heard)) => {
                    if !self.paced(&heard) {
                        continue;
                    }
                    match heard {
                        Heard::Ping(payload) => self.viewer.send(&frame::pong(&payload)),
                        // Its own allocation, so that a connection that rests holds none of what acting needs.
                        Heard::Text(text) => Box::pin(speak::hear(self, &text)).await,
                        Heard::Pong | Heard::Close => {}
                    }
                }
                Err(Broken(code)) => self.viewer.close(code),
            }
        }
    }

    /// Whether it came at a bearable pace; otherwise it is refused, and after many refusals the connection ends.
    fn paced(&mut self, heard: &Heard) -> bool {
        let Err(retry_ms) = self.pace.take(MESSAGES, now_ms()) else { return true };
        self.refused += 1;
        if self.refused > REFUSALS {
            tracing::info!(address = %self.viewer.address, room = self.guest.key, "a connection was closed that sent too many messages");
            self.viewer.close(code::FLOOD);
        } else if let Heard::Text(text) = heard {
            self.viewer.text(&too_fast(retry_ms, super::message::reference(text).as_deref()));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_standard_has_it() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let good = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        assert_eq!(accept(&headers(&good)).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (left_out, code) in ["no_websocket", "no_websocket", "websocket_version", "websocket_key"].into_iter().enumerate() {
            let mut pairs = good.to_vec();
            pairs.remove(left_out);
            assert_eq!(accept(&headers(&pairs)).unwrap_err().code, code);
        }
    }
}
