//! Playback signalling as OME speaks it, over a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, header};
use bluecast::media::packet::Track;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;

use super::super::decode::unix_ms;
use super::access::{self, Admitted, Asked, Way};
use super::front::{Answer, Call, text};
use super::offer::{self, Offered};
use super::stream::{Stream, ViewerSeen};
use super::viewer::Viewing;
use super::world::{Fault, World};
use super::{api, sdp};

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;
/// A code and a sentence; the socket is closed after them.
type Refusal = (u16, String);

/// Accepts the upgrade and talks.
pub(super) fn upgrade(world: &Arc<World>, call: Call, upgrade: OnUpgrade, fault: Fault) -> Answer {
    let Some(key) = call.header("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes())) else { return text(400, "") };
    let world = Arc::clone(world);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        match fault {
            Fault::Never => while let Some(Ok(_)) = socket.next().await {},
            Fault::Garbage => drop(socket.send(Message::text("{\"command\":\"offer\",\"sdp\":7,")).await),
            Fault::Huge => drop(socket.send(Message::text("[".repeat(16 << 20))).await),
            _ => Talk { world, call, over: CancellationToken::new(), session: None }.run(socket).await,
        }
    });
    Response::builder()
        .status(101)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, key)
        .body(Body::empty())
        .unwrap()
}

struct Talk {
    world: Arc<World>,
    call: Call,
    /// The viewer is gone, or is to go.
    over: CancellationToken,
    session: Option<Session>,
}

struct Session {
    id: u32,
    stream: Arc<Stream>,
    offered: Option<Offered>,
    asked: Asked,
    admitted: Admitted,
}

impl Talk {
    async fn run(mut self, mut socket: Socket) {
        let ended = CancellationToken::new();
        loop {
            let message = tokio::select! {
                // OME closes the connection, without a closing frame.
                () = ended.cancelled() => break,
                message = socket.next() => message,
            };
            let said = match message {
                Some(Ok(Message::Text(said))) => said,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                _ => break,
            };
            // What is no command is not answered; the connection is closed.
            let Some((value, command)) = parse(&said) else { break };
            match self.obey(&command, &value, &ended).await {
                Ok(answers) => {
                    for answer in answers {
                        if socket.send(Message::text(answer.to_string())).await.is_err() {
                            break;
                        }
                    }
                }
                Err((code, error)) => {
                    let _ = socket.send(Message::text(json!({"code": code, "error": error}).to_string())).await;
                    break;
                }
            }
        }
        self.over.cancel();
    }

    async fn obey(&mut self, command: &str, value: &Value, ended: &CancellationToken) -> Result<Vec<Value>, Refusal> {
        if command == "request_offer" {
            // Asked for anew it is admitted anew.
            return self.offer().await.map(|offer| vec![offer]).ok_or_else(|| (404, "Cannot create offer".to_owned()));
        }
        let session = self.session.as_mut().filter(|session| value["id"] == session.id).ok_or((400, "Invalid ID".to_owned()))?;
        match command {
            "answer" => {
                let text = value["sdp"]["sdp"].as_str().ok_or((400, "There is no SDP".to_owned()))?.to_owned();
                if value["sdp"]["type"] != "answer" {
                    return Err((400, "Invalid SDP type".to_owned()));
                }
                let offered = session.offered.take().ok_or((403, "Forbidden".to_owned()))?;
                let (peer, mids) = offered.accept(&text).ok_or((400, "Could not parse SDP".to_owned()))?;
                let stream = Arc::clone(&session.stream);
                let viewing =
                    Viewing { world: Arc::clone(&self.world), stream: Arc::clone(&stream), peer, mids, until: session.admitted.until };
                let (world, asked, meant) = (Arc::clone(&self.world), session.asked.clone(), session.admitted.url.clone());
                let (seen, over, ended) = (self.seen(text), self.over.clone(), ended.clone());
                tokio::spawn(async move {
                    let stream = Arc::clone(&viewing.stream);
                    viewing.run(seen, over).await;
                    ended.cancel();
                    if !stream.stop.is_cancelled() {
                        access::close(&world, Way::Out, &asked, Some(&meant)).await;
                    }
                });
                Ok(vec![playlist(&stream), rendition()])
            }
            "change_rendition" => Ok(vec![rendition()]),
            "candidate" if value["candidates"].is_array() => Ok(Vec::new()),
            "candidate" => Err((400, "There is no candidate list".to_owned())),
            "stop" => {
                self.over.cancel();
                Ok(Vec::new())
            }
            other => Err((400, format!("Unknown command: {other}"))),
        }
    }

    async fn offer(&mut self) -> Option<Value> {
        let asked = Asked::by(&self.call, "ws", self.world.port());
        let admitted = access::admit(&self.world, Way::Out, &asked).await.ok()?;
        let segments = admitted.segments();
        let (app, name) = (segments.first()?, segments.get(1)?);
        let file = segments.get(2).map_or("", String::as_str);
        let stream = self.world.find(&format!("{app}/{name}")).filter(|stream| stream.is_playable())?;
        if !["", "webrtc_default"].contains(&file) {
            return None;
        }
        let ingest = stream.ingest();
        let tracks: Vec<Track> = ingest.tracks.iter().map(|seen| seen.track).collect();
        let stereo = ingest.track(Track::Opus).is_none_or(|seen| seen.channels == 2);
        let offered = offer::make(self.world.options.address, &tracks, stereo, self.world.options.rtx).await?;
        let id = getrandom::u32().unwrap() >> 1;
        let mut value = json!({
            "command": "offer",
            "id": id,
            "peer_id": 0,
            "code": 200,
            "candidates": [{"candidate": sdp::candidate(offered.peer.local), "sdpMLineIndex": 0}],
            "sdp": {"sdp": offered.text, "type": "offer"},
        });
        if self.call.query("transport").is_some_and(|transport| transport.eq_ignore_ascii_case("tcp")) {
            let urls = json!([format!("turn:{}:3478?transport=tcp", self.world.options.address)]);
            value["iceServers"] = json!([{"credential": "airen", "urls": urls, "username": "ome"}]);
            value["ice_servers"] = json!([{"credential": "airen", "urls": urls, "user_name": "ome"}]);
        }
        self.session = Some(Session { id, stream, offered: Some(offered), asked, admitted });
        Some(value)
    }

    fn seen(&self, answer: String) -> ViewerSeen {
        ViewerSeen {
            path: self.call.full_path(),
            user_agent: self.call.header("user-agent").unwrap_or_default().to_owned(),
            answer,
            since_ms: unix_ms(),
            connected: false,
            packets: 0,
            key_frames_asked: 0,
            nacks: 0,
        }
    }
}

fn parse(said: &str) -> Option<(Value, String)> {
    let value: Value = serde_json::from_str(said).ok()?;
    let command = value["command"].as_str()?.to_owned();
    Some((value, command))
}

fn playlist(stream: &Stream) -> Value {
    let mut rendition = json!({"name": "default"});
    for track in api::tracks(stream, true).as_array().into_iter().flatten() {
        let key = if track["type"] == "Video" { "video_track" } else { "audio_track" };
        rendition[key] = track.clone();
    }
    let message = json!({"auto": false, "file_name": "webrtc_default", "name": "webrtc_default", "renditions": [rendition]});
    json!({"command": "notification", "type": "playlist", "message": message})
}

fn rendition() -> Value {
    json!({"command": "notification", "type": "rendition_changed", "message": {"auto": false, "rendition_name": "default"}})
}

/// How long a slow door takes to open.
pub(super) async fn wait(fault: &Fault) {
    if let Fault::Slow(by) = fault {
        tokio::time::sleep(Duration::min(*by, Duration::from_secs(600))).await;
    }
}
