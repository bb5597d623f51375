//! WHIP as OME speaks it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use str0m::change::SdpOffer;

use super::access::{self, Asked, Way};
use super::front::{Answer, Call, text};
use super::ingest::Ingestion;
use super::peer::{self, Peer};
use super::sdp;
use super::stream::{Source, Stream};
use super::world::{Taken, World};

/// The path that ends a session.
pub(super) fn location(app: &str, stream: &str, session: &str) -> String {
    format!("/{app}/{stream}/{session}?direction=whip")
}

/// Answers a request with `?direction=whip`.
pub(super) async fn answer(world: &Arc<World>, call: &Call) -> Answer {
    let segments: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
    let mut answer = match (&call.method, segments.as_slice()) {
        (&Method::OPTIONS, _) => {
            let mut answer = text(200, "");
            answer.headers_mut().insert("access-control-allow-methods", HeaderValue::from_static("OPTIONS, POST, PATCH, DELETE"));
            answer.headers_mut().insert("access-control-allow-private-network", HeaderValue::from_static("true"));
            answer
        }
        (&Method::POST, [app, stream, ..]) if !app.is_empty() && !stream.is_empty() => post(world, call, app, stream).await,
        (&Method::POST, _) => text(400, "Invalid URI"),
        (&Method::DELETE, [_, _, session]) => delete(world, call, session).await,
        // Trickled candidates are not read.
        (&Method::PATCH, [app, _, _]) if world.options.apps.iter().any(|known| known == app) => text(204, ""),
        (&Method::PATCH, [_, _, _]) => text(404, ""),
        _ => text(400, ""),
    };
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

async fn post(world: &Arc<World>, call: &Call, app: &str, name: &str) -> Answer {
    let Some(sections) = sdp::read(&call.body) else { return text(400, "") };
    let asked = Asked::by(call, "http", world.port());
    let admitted = match access::admit(world, Way::In, &asked).await {
        Ok(admitted) => admitted,
        Err(refused) => return text(401, &refused),
    };
    let segments = admitted.segments();
    let (Some(into), Some(named)) = (segments.first(), segments.get(1)) else { return text(404, "Could not find application") };
    if !world.options.apps.contains(into) {
        return text(404, "Could not find application");
    }
    let mut stream = Stream::new(into, named, Source::WebRtc { remote: call.from });
    stream.urls = (asked.url, admitted.url);
    let stream = match world.publish(stream) {
        Ok(stream) => stream,
        Err(Taken::WebRtc) => return text(409, "Stream is already exist"),
        Err(Taken::Other) => return text(500, "Could not publish stream"),
    };
    let Some((peer, answer)) = agree(world, &call.body, &sections).await else {
        world.end_stream(&stream);
        return text(500, "Could not create answer SDP");
    };
    let at = location(app, name, &stream.session);
    let tag = stream.session.chars().rev().take(8).collect::<String>();
    tokio::spawn(Ingestion::new(stream, &sections).run(Arc::clone(world), peer, admitted.until));
    Response::builder()
        .status(StatusCode::CREATED)
        .header(header::CONTENT_TYPE, "application/sdp")
        .header(header::LOCATION, at)
        .header(header::ETAG, tag)
        .header("access-control-allow-methods", "POST")
        .header(header::ACCESS_CONTROL_EXPOSE_HEADERS, "Location, Link, ETag")
        .body(Body::from(answer))
        .unwrap()
}

/// OME learns a pusher's addresses from its checks: those in the offer are nothing to it.
async fn agree(world: &World, offer: &str, sections: &[sdp::Section]) -> Option<(Peer, String)> {
    let plain: String = offer.lines().filter(|line| !line.starts_with("a=candidate:")).flat_map(|line| [line.trim_end(), "\r\n"]).collect();
    let parsed = SdpOffer::from_sdp_string(&plain).ok()?;
    let mut peer = Peer::bind(world.options.address, sdp::with_codecs(peer::config(), sections)).await;
    peer.rtc.sdp_api().accept_offer(parsed).ok()?;
    let local: SocketAddr = peer.local;
    let answer = sdp::answer(sections, &sdp::Transport::of(&mut peer.rtc), local)?;
    Some((peer, answer))
}

async fn delete(world: &World, call: &Call, session: &str) -> Answer {
    match world.find_session(session) {
        Some(stream) => {
            let (requested, meant) = stream.urls.clone();
            let asked = Asked { url: requested, ..Asked::by(call, "http", world.port()) };
            access::close(world, Way::In, &asked, Some(&meant)).await;
            world.end_stream(&stream);
            text(200, "")
        }
        None => text(404, ""),
    }
}
