//! Viewers of a room on bare sockets: as little work as can be, because it is done on the machine that is measured.
#![expect(unreachable_pub, reason = "a file of its own beside a bench")]

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// A comment's text is its number between two of these, which stand nowhere else in a message.
const MARK: u8 = b'#';
const DIGITS: usize = 8;

/// When which comment reached whom.
pub struct Arrivals {
    began: Instant,
    sent_us: Vec<AtomicU64>,
    last_us: Vec<AtomicU64>,
    count: Vec<AtomicU32>,
}

impl Arrivals {
    pub fn new(comments: usize) -> Self {
        let times = || (0..comments).map(|_| AtomicU64::new(0)).collect();
        Self { began: Instant::now(), sent_us: times(), last_us: times(), count: (0..comments).map(|_| AtomicU32::new(0)).collect() }
    }

    fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    pub fn send(&self, number: usize) {
        self.sent_us[number].store(self.now_us(), Ordering::Relaxed);
    }

    fn arrive(&self, number: usize) {
        if let Some(last) = self.last_us.get(number) {
            last.fetch_max(self.now_us(), Ordering::Relaxed);
            self.count[number].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn total(&self) -> usize {
        self.count.iter().map(|count| count.load(Ordering::Relaxed) as usize).sum()
    }

    /// From send to the last arrival of each comment.
    pub fn last_ms(&self) -> Vec<f64> {
        let pairs = self.sent_us.iter().zip(&self.last_us);
        pairs.map(|(sent, last)| last.load(Ordering::Relaxed).saturating_sub(sent.load(Ordering::Relaxed)) as f64 / 1000.0).collect()
    }
}

/// Opens a socket and says hello; gives it once the welcome has begun to come.
async fn open(address: SocketAddr, room: &str, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let from = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
    let request = format!(
        "GET /ws/rooms/{room} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {from}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "no answer");
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    stream.write_all(&masked(0x81, b"{\"t\":\"hello\"}")).await.unwrap();
    while !answer.windows(9).any(|word| word == b"\"welcome\"") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "no welcome");
    }
    stream
}

/// A client's frame; a mask of zeros is one as well.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

/// Somebody who reads.
pub struct Reader {
    stream: TcpStream,
}

impl Reader {
    pub async fn open(address: SocketAddr, room: &str, number: usize) -> Self {
        Self { stream: open(address, room, number).await }
    }

    /// Reads to the end, and notes what arrives.
    pub async fn read(mut self, arrivals: Arc<Arrivals>) {
        // The end of the last read, where a number may have been cut.
        let (mut tail, mut kept) = ([0_u8; DIGITS + 1], 0);
        while std::future::poll_fn(|context| self.poll_take(context, &arrivals, &mut tail, &mut kept)).await {}
    }

    /// Not a part of the task that waits, so that no buffer waits with it. A read that did not fill its buffer needs no second one to know that
    /// nothing is left.
    fn poll_take(&mut self, context: &mut Context<'_>, arrivals: &Arrivals, tail: &mut [u8; DIGITS + 1], kept: &mut usize) -> Poll<bool> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut buffer = ReadBuf::uninit(&mut buffer);
        buffer.put_slice(&tail[..*kept]);
        if ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)).is_err() || buffer.filled().len() == *kept {
            return Poll::Ready(false);
        }
        let bytes = buffer.filled();
        let mut from = 0;
        while let Some(at) = bytes[from..].iter().position(|byte| *byte == MARK) {
            let begin = from + at + 1;
            let Some((digits, [end])) = bytes.get(begin..=begin + DIGITS).map(|number| number.split_at(DIGITS)) else { break };
            from = begin;
            if *end == MARK
                && let Some(number) = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())
            {
                arrivals.arrive(number);
                from = begin + DIGITS + 1;
            }
        }
        if bytes.contains(&0x89) && bytes.windows(2).any(|pair| pair == [0x89, 0x00]) {
            let _ = self.stream.try_write(&masked(0x8a, b""));
        }
        // Too short for a whole number, so that none is counted twice.
        *kept = (DIGITS + 1).min(bytes.len() - from.min(bytes.len()));
        tail[..*kept].copy_from_slice(&bytes[bytes.len() - *kept..]);
        Poll::Ready(true)
    }
}

/// Somebody who writes, and counts what was acknowledged.
pub struct Writer {
    stream: TcpStream,
    posted: usize,
    acknowledged: usize,
    heard: Vec<u8>,
}

impl Writer {
    pub async fn open(address: SocketAddr, room: &str, number: usize) -> Self {
        Self { stream: open(address, room, number).await, posted: 0, acknowledged: 0, heard: Vec::new() }
    }

    pub async fn post(&mut self, number: usize) {
        self.drain();
        let message = format!("{{\"t\":\"post\",\"ref\":\"{number}\",\"text\":\"#{number:08}#\"}}");
        self.stream.write_all(&masked(0x81, message.as_bytes())).await.unwrap();
        self.posted += 1;
    }

    /// Reads what is there; a writer hears the whole room, too.
    fn drain(&mut self) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read) = self.stream.try_read(&mut buffer) {
            if read == 0 {
                return;
            }
            self.heard.extend_from_slice(&buffer[..read]);
            if buffer[..read].windows(2).any(|pair| pair == [0x89, 0x00]) {
                let _ = self.stream.try_write(&masked(0x8a, b""));
            }
        }
        let ack = b"\"t\":\"ack\"";
        let mut from = 0;
        while let Some(at) = self.heard[from..].windows(ack.len()).position(|word| word == ack) {
            self.acknowledged += 1;
            from += at + ack.len();
        }
        let keep = self.heard.len().saturating_sub(ack.len() - 1).max(from);
        self.heard.drain(..keep);
    }

    /// Waits for what is still to be acknowledged.
    pub async fn acknowledged(&mut self) -> usize {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.acknowledged < self.posted && Instant::now() < deadline {
            let _ = tokio::time::timeout(Duration::from_millis(200), self.stream.readable()).await;
            self.drain();
        }
        self.acknowledged
    }
}
