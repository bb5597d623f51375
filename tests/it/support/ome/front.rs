//! The doors: one port for WHIP and playback, one for the API. Every request is logged, and answered as the test wants.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, Response, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::super::decode::unix_ms;
use super::world::{Fault, Logged, World};
use super::{api, signalling, whip};

const LONGEST_BODY: usize = 1 << 20;
const LOGGED_BODY: usize = 64 << 10;
const LOGGED: usize = 10_000;

pub(super) type Answer = Response<Body>;

/// Which port a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Signalling,
    Api,
}

/// A request that was read.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: String,
    pub(super) from: SocketAddr,
}

impl Call {
    /// A value of the query.
    pub(super) fn query(&self, key: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes()).find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
    }

    /// The path with the query.
    pub(super) fn full_path(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An answer of plain text.
pub(super) fn text(status: u16, body: &str) -> Answer {
    Response::builder().status(status).header(header::CONTENT_TYPE, "text/plain").body(Body::from(body.to_owned())).unwrap()
}

pub(super) async fn serve(world: Arc<World>, listener: TcpListener, door: Door) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((stream, from)) = listener.accept().await {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let world = Arc::clone(&world);
                async move { respond(&world, door, from, request).await.ok_or_else(|| io::Error::other("closed")) }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that goes away.
            let _ = connection.with_upgrades().await;
        });
    }
}

/// `None` closes the connection.
async fn respond(world: &Arc<World>, door: Door, from: SocketAddr, mut request: Request<Incoming>) -> Option<Answer> {
    let is_socket = door == Door::Signalling && request.headers().contains_key("sec-websocket-key");
    let upgrade = is_socket.then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), LONGEST_BODY).await.ok()?;
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        from,
    };
    let logged = log(world, &call);
    let fault = {
        let mut state = world.lock();
        let faults = &mut state.faults;
        due(match door {
            Door::Api => &mut faults.api,
            Door::Signalling if is_socket => &mut faults.signalling,
            Door::Signalling => &mut faults.whip,
        })
    };
    let answer = match (fault, upgrade) {
        // What is said on the socket is the socket's.
        (fault @ (Fault::None | Fault::Slow(_) | Fault::Never | Fault::Garbage | Fault::Huge), Some(upgrade)) => {
            signalling::wait(&fault).await;
            signalling::upgrade(world, call, upgrade, fault)
        }
        (fault, _) => answer(world, door, &call, fault).await?,
    };
    if let Some(entry) = world.lock().requests.get_mut(logged) {
        entry.status = answer.status().as_u16();
    }
    Some(answer)
}

async fn answer(world: &Arc<World>, door: Door, call: &Call, fault: Fault) -> Option<Answer> {
    Some(match fault {
        Fault::None => handle(world, door, call).await,
        Fault::Slow(by) => {
            tokio::time::sleep(by).await;
            handle(world, door, call).await
        }
        Fault::Never => std::future::pending().await,
        Fault::Closed => return None,
        Fault::Garbage => text(if call.method == Method::POST { 201 } else { 200 }, "\u{fffd}<<{{ no such thing"),
        Fault::Huge => huge(),
        Fault::Redirect(status, to) => Response::builder().status(status).header(header::LOCATION, to).body(Body::empty()).unwrap(),
        Fault::Refuse(status, why, _) => text(status, &why),
    })
}

/// What to do now; a refusal wears off.
fn due(fault: &mut Fault) -> Fault {
    let now = fault.clone();
    match fault {
        Fault::Refuse(_, _, 0) => {
            *fault = Fault::None;
            return Fault::None;
        }
        Fault::Refuse(_, _, left) => *left -= 1,
        _ => {}
    }
    now
}

fn log(world: &World, call: &Call) -> usize {
    let headers = call.headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let entry = Logged {
        at_ms: unix_ms(),
        method: call.method.to_string(),
        path: call.full_path(),
        headers: headers.collect(),
        body: call.body.chars().take(LOGGED_BODY).collect(),
        status: 0,
    };
    let mut state = world.lock();
    assert!(state.requests.len() < LOGGED, "a test that asks OME so often is wrong");
    state.requests.push(entry);
    state.requests.len() - 1
}

async fn handle(world: &Arc<World>, door: Door, call: &Call) -> Answer {
    match door {
        Door::Api => api::answer(world, call),
        Door::Signalling if call.query("direction").as_deref() == Some("whip") => whip::answer(world, call).await,
        Door::Signalling => text(404, ""),
    }
}

fn huge() -> Answer {
    let chunk = Bytes::from(vec![b'['; 64 << 10]);
    let chunks = futures_util::stream::iter((0..1024).map(move |_| Ok::<_, Infallible>(chunk.clone())));
    Response::builder().status(200).header(header::CONTENT_TYPE, "application/json").body(Body::from_stream(chunks)).unwrap()
}
