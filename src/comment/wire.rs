//! A viewer's connection. Whoever has something to say writes to the socket itself, without waking the viewer's task; what the socket does not
//! take at once waits in a bounded queue, which that task empties.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use uuid::Uuid;

use super::frame::{self, code};
use crate::account::Caller;
use crate::room::people::Said;

/// The most that may wait for a viewer, in bytes, besides one frame of any size; whoever is further behind skips to what is new.
const BEHIND_BYTES: usize = 64 * 1024;
/// How long a connection that was closed may take to go.
pub(super) const GO_WITHIN: Duration = Duration::from_secs(2);
/// Bytes of one read.
const READ_BYTES: usize = 4096;

/// Seconds since this process first asked.
pub(super) fn now_s() -> u32 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    u32::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_secs()).unwrap_or(u32::MAX)
}

/// Somebody in a room.
pub(super) struct Viewer {
    /// Who they are: nobody else learns it.
    pub(super) id: Uuid,
    /// What others know them by.
    pub(super) handle: String,
    /// Where they come from.
    pub(super) address: IpAddr,
    /// Whether they moderate this room.
    pub(super) is_moderator: AtomicBool,
    /// The number of the thread that they were told all up to when they came, or came anew.
    pub(super) joined_seq: AtomicI64,
    /// When they were last heard, and when to ask whether they are there, in seconds of [`now_s`].
    pub(super) heard_s: AtomicU32,
    pub(super) ask_s: AtomicU32,
    /// When they came, Unix milliseconds.
    pub(super) came_ms: i64,
    /// What they have said of themselves.
    pub(super) said: Mutex<Option<Box<Said>>>,
    /// Who they are as a user.
    pub(super) caller: Mutex<Option<Arc<Caller>>>,
    stream: TcpStream,
    out: Mutex<Out>,
    wake: Notify,
}

#[derive(Default)]
struct Out {
    waiting: VecDeque<Bytes>,
    /// How much of the first is written.
    written: usize,
    bytes: usize,
    /// Something was left out: they are to be told anew.
    is_stale: bool,
    /// The close frame was queued, or the connection is broken: nothing more goes out.
    is_ending: bool,
    is_broken: bool,
}

/// What there is to do for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Todo {
    /// Nothing goes out.
    Rest,
    /// Something waits to be written.
    Flush,
    /// All is written and something was left out.
    Retell,
    /// It is over.
    End,
}

/// Who a new connection is.
pub(super) struct Newcomer {
    pub(super) viewer_id: Uuid,
    pub(super) handle: String,
    pub(super) address: IpAddr,
    pub(super) caller: Option<Arc<Caller>>,
    pub(super) is_moderator: bool,
}

impl Viewer {
    pub(super) fn new(stream: TcpStream, new: Newcomer) -> Self {
        Self {
            id: new.viewer_id,
            handle: new.handle,
            address: new.address,
            is_moderator: AtomicBool::new(new.is_moderator),
            joined_seq: AtomicI64::new(0),
            heard_s: AtomicU32::new(now_s()),
            ask_s: AtomicU32::new(u32::MAX),
            came_ms: crate::moment::now_ms(),
            said: Mutex::default(),
            caller: Mutex::new(new.caller),
            stream,
            out: Mutex::default(),
            wake: Notify::new(),
        }
    }

    pub(super) fn moderates(&self) -> bool {
        self.is_moderator.load(Ordering::Relaxed)
    }

    pub(super) fn said(&self) -> Option<Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).as_deref().cloned()
    }

    pub(super) fn say(&self, said: Option<Said>) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = said.map(Box::new);
    }

    /// How they stand here, bans aside.
    pub(super) fn you(&self) -> Value {
        let said = self.said();
        json!({
            "name": said.as_ref().map(|said| &said.name),
            "has_phone": said.is_some_and(|said| said.phone.is_some()),
            "moderator": self.moderates(),
        })
    }

    pub(super) fn caller(&self) -> Option<Arc<Caller>> {
        self.caller.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a frame, now or as soon as the socket takes it. To those who are too far behind it is not sent: they are told anew later.
    pub(super) fn send(&self, frame: &Bytes) {
        let mut out = self.out();
        if out.is_ending || out.is_stale {
            return;
        }
        if out.waiting.is_empty() {
            match self.stream.try_write(frame) {
                Ok(written) if written == frame.len() => return,
                Ok(written) => out.written = written,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => out.written = 0,
                Err(_) => {
                    (out.is_ending, out.is_broken) = (true, true);
                    self.wake.notify_one();
                    return;
                }
            }
            self.wake.notify_one();
        } else if out.bytes + frame.len() > BEHIND_BYTES {
            out.fall_behind();
            return;
        }
        out.bytes += frame.len();
        out.waiting.push_back(frame.clone());
    }

    /// Leaves out all that waits: they are told anew once the socket takes more.
    pub(super) fn skip(&self) {
        let mut out = self.out();
        if !out.is_ending {
            out.fall_behind();
            self.wake.notify_one();
        }
    }

    /// What they are told anew goes out, and then again all that comes.
    pub(super) fn retell(&self, frame: &Bytes) {
        self.out().is_stale = false;
        self.send(frame);
    }

    pub(super) fn text(&self, text: &str) {
        self.send(&frame::text(text));
    }

    /// Asks whether they are there; those who take nothing need not be asked.
    pub(super) fn ping(&self) {
        if self.out().waiting.is_empty() {
            self.send(&frame::ping());
        }
    }

    /// Closes, with a reason. What waits is not sent any more, except for a frame that was begun.
    pub(super) fn close(&self, code: u16) {
        let mut out = self.out();
        if out.is_ending {
            return;
        }
        out.drop_waiting();
        let frame = frame::close(code);
        out.is_ending = true;
        out.bytes += frame.len();
        out.waiting.push_back(frame);
        drop(out);
        self.wake.notify_one();
    }

    pub(super) fn is_ending(&self) -> bool {
        self.out().is_ending
    }

    pub(super) fn todo(&self) -> Todo {
        let out = self.out();
        match (out.waiting.is_empty() || out.is_broken, out.is_ending, out.is_stale) {
            (true, true, _) => Todo::End,
            (false, ..) => Todo::Flush,
            (true, false, true) => Todo::Retell,
            (true, false, false) => Todo::Rest,
        }
    }

    /// Writes what waits, as much as the socket takes.
    fn flush(&self) {
        let mut out = self.out();
        while let Some(first) = out.waiting.front() {
            match self.stream.try_write(&first[out.written..]) {
                Ok(written) if out.written + written == first.len() => {
                    out.bytes -= first.len();
                    out.written = 0;
                    out.waiting.pop_front();
                }
                Ok(written) => out.written += written,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    (out.is_ending, out.is_broken) = (true, true);
                    return;
                }
            }
        }
        // What idles holds no memory.
        out.waiting = VecDeque::new();
    }

    /// Waits until there is something to read, or something to do besides; writes what waits meanwhile.
    pub(super) async fn turn(&self) -> Turn {
        loop {
            let todo = self.todo();
            match todo {
                Todo::End => return Turn::End,
                Todo::Retell => return Turn::Retell,
                Todo::Rest | Todo::Flush => {}
            }
            tokio::select! {
                ready = self.stream.writable(), if todo == Todo::Flush => if ready.is_ok() { self.flush() } else { return Turn::End },
                ready = self.stream.readable() => return if ready.is_ok() { Turn::Read } else { Turn::End },
                () = self.wake.notified() => {}
            }
        }
    }

    /// Reads what is there. `None`: the other side has ended.
    pub(super) fn read(&self, take: impl FnOnce(&[u8])) -> Option<usize> {
        let mut buffer = [0; READ_BYTES];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => None,
            Ok(count) => {
                self.heard_s.store(now_s(), Ordering::Relaxed);
                take(&buffer[..count]);
                Some(count)
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some(0),
            Err(_) => None,
        }
    }

    /// Lets the connection go: what waits is written, the other side gets a moment to read it and to say goodbye, and what it still sends is
    /// thrown away, since a socket that is closed with something unread is reset and its last words are lost.
    pub(super) async fn go(&self) {
        let farewell = async {
            while self.todo() == Todo::Flush {
                if self.stream.writable().await.is_err() {
                    return;
                }
                self.flush();
            }
            if self.out().is_broken || rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Write).is_err() {
                return;
            }
            while self.stream.readable().await.is_ok() && self.read(|_| {}).is_some() {}
        };
        let _ = tokio::time::timeout(GO_WITHIN, farewell).await;
    }
}

/// What a connection's task does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// There is something to read.
    Read,
    /// Tell them anew.
    Retell,
    /// It is over.
    End,
}

impl Out {
    fn fall_behind(&mut self) {
        self.is_stale = true;
        self.drop_waiting();
    }

    /// A frame that was begun has to be ended.
    fn drop_waiting(&mut self) {
        let keep = usize::from(self.written > 0);
        self.waiting.truncate(keep);
        self.bytes = self.waiting.front().map_or(0, Bytes::len);
    }
}

/// The code for those who are too late.
pub(super) const SILENT: u16 = code::SILENT;
