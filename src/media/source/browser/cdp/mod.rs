//! A client for Chromium's debugging protocol over a pipe: no port that others could open, and the pipe's end is the browser's end.

mod frame;
pub(super) mod page;
pub(super) mod watch;

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::frame::Frames;
use self::watch::Watch;

/// Requests that may wait to be written; a browser that reads nothing gets no more.
const OUTGOING: usize = 64;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CdpError {
    #[error("the browser is gone")]
    Gone,
    #[error("the browser did not answer {0} in time")]
    Silent(&'static str),
    #[error("the browser refused {0}: {1}")]
    Refused(&'static str, String),
}

type Answer = Result<Value, String>;

struct Shared {
    outgoing: mpsc::Sender<Vec<u8>>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    next: AtomicU64,
    watch: Mutex<Watch>,
    changed: tokio::sync::Notify,
    gone: CancellationToken,
}

/// A connection to a browser. Clones share it.
#[derive(Clone)]
pub(super) struct Cdp(Arc<Shared>);

impl Cdp {
    /// Speaks over the two pipes until the browser closes them.
    pub(super) fn open(from_browser: OwnedFd, to_browser: OwnedFd) -> io::Result<Self> {
        let mut from = pipe::Receiver::from_owned_fd(from_browser)?;
        let mut to = pipe::Sender::from_owned_fd(to_browser)?;
        let (outgoing, mut work) = mpsc::channel::<Vec<u8>>(OUTGOING);
        let cdp = Self(Arc::new(Shared {
            outgoing,
            waiting: Mutex::default(),
            next: AtomicU64::new(1),
            watch: Mutex::default(),
            changed: tokio::sync::Notify::new(),
            gone: CancellationToken::new(),
        }));
        let gone = cdp.0.gone.clone();
        tokio::spawn(async move {
            let write = async {
                while let Some(message) = work.recv().await {
                    if to.write_all(&message).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! { () = write => {}, () = gone.cancelled() => {} }
        });
        let reader = cdp.clone();
        tokio::spawn(async move {
            let read = async {
                let (mut frames, mut chunk) = (Frames::default(), vec![0; 64 * 1024]);
                while let Ok(count @ 1..) = from.read(&mut chunk).await {
                    frames.push(&chunk[..count], |message| reader.take(message));
                }
            };
            tokio::select! { () = read => {}, () = reader.0.gone.cancelled() => {} }
            reader.close();
        });
        Ok(cdp)
    }

    /// Ends the connection; every request that waits is answered with [`CdpError::Gone`].
    pub(super) fn close(&self) {
        self.0.gone.cancel();
        self.waiting().clear();
        self.0.changed.notify_waiters();
    }

    /// Returns when the browser has closed its end, or we ours.
    pub(super) async fn gone(&self) {
        self.0.gone.cancelled().await;
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &'static str,
        params: Value,
        deadline: Duration,
    ) -> Result<Value, CdpError> {
        let (answer, answered) = oneshot::channel();
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.waiting().insert(id, answer);
        let outcome = tokio::time::timeout(deadline, async {
            if self.0.gone.is_cancelled() {
                return Err(CdpError::Gone);
            }
            self.0.outgoing.send(message(id, session, method, &params)).await.map_err(|_| CdpError::Gone)?;
            answered.await.map_err(|_| CdpError::Gone)?.map_err(|error| CdpError::Refused(method, error))
        });
        let outcome = outcome.await;
        self.waiting().remove(&id);
        outcome.unwrap_or(Err(CdpError::Silent(method)))
    }

    /// Looks at what the browser has told so far.
    pub(super) fn watched<T>(&self, look: impl FnOnce(&mut Watch) -> T) -> T {
        look(&mut self.0.watch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the browser has told what `look` is after. Does not end by itself when the browser goes.
    pub(super) async fn until<T>(&self, mut look: impl FnMut(&mut Watch) -> Option<T>) -> T {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = self.watched(&mut look) {
                return found;
            }
            changed.await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, text: &[u8]) {
        let Ok(mut message) = serde_json::from_slice::<Value>(text) else { return };
        if let Some(id) = message["id"].as_u64() {
            let Some(answer) = self.waiting().remove(&id) else { return };
            let error = message["error"]["message"].as_str().map(str::to_owned);
            let _ = answer.send(error.map_or_else(|| Ok(message["result"].take()), Err));
        } else if let Some(method) = message["method"].as_str() {
            let reactions = self.watched(|watch| watch.event(method, message["sessionId"].as_str(), &message["params"]));
            for reaction in reactions {
                let id = self.0.next.fetch_add(1, Ordering::Relaxed);
                // Where the browser reads nothing this fails, and so do the requests that somebody waits for.
                let _ = self.0.outgoing.try_send(self::message(id, reaction.session.as_deref(), reaction.method, &reaction.params));
            }
            self.0.changed.notify_waiters();
        }
    }
}

fn message(id: u64, session: Option<&str>, method: &str, params: &Value) -> Vec<u8> {
    let mut message = json!({ "id": id, "method": method, "params": params });
    if let Some(session) = session {
        message["sessionId"] = session.into();
    }
    let mut text = message.to_string().into_bytes();
    text.push(0);
    text
}
