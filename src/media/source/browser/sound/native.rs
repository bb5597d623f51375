//! Asks a PulseAudio daemon what it plays, over its own socket: the answer is also the sign that the daemon lives.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::tagstruct::{Reader, Value, Writer};

/// The oldest version that says whether a stream is paused (corked). Newer ones only add to the answers.
const VERSION: u32 = 19;
const CONTROL: u32 = u32::MAX;
const LARGEST_MESSAGE: usize = 256 * 1024;

const ERROR: u32 = 0;
const REPLY: u32 = 2;
const AUTH: u32 = 8;
const SET_CLIENT_NAME: u32 = 9;
const GET_SINK_INPUT_INFO_LIST: u32 = 30;

/// What lets a program in.
pub(super) type Cookie = [u8; 256];

/// A connection to the daemon.
pub(super) struct Native {
    socket: UnixStream,
    tag: u32,
}

impl Native {
    /// Connects and is let in by the cookie. (By user id only those are who send it along; else it is a race with the daemon's `accept`.)
    pub(super) async fn connect(socket: &Path, cookie: &Cookie, deadline: Duration) -> io::Result<Self> {
        let connect = async {
            let mut native = Self { socket: UnixStream::connect(socket).await?, tag: 0 };
            native.ask(AUTH, |message| message.number(VERSION).bytes(cookie)).await?;
            native.ask(SET_CLIENT_NAME, |message| message.properties(&[("application.name", "bluecast watch")])).await?;
            Ok(native)
        };
        timeout(deadline, connect).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// How many streams play now, paused ones not counted.
    pub(super) async fn playing(&mut self, deadline: Duration) -> io::Result<u64> {
        let ask = self.ask(GET_SINK_INPUT_INFO_LIST, |message| message);
        let answer = timeout(deadline, ask).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(count_playing(&answer))
    }

    async fn ask(&mut self, command: u32, fill: impl FnOnce(Writer) -> Writer) -> io::Result<Vec<u8>> {
        self.tag = self.tag.wrapping_add(1);
        let message = fill(Writer::default().number(command).number(self.tag)).done();
        let mut packet = Vec::with_capacity(20 + message.len());
        let length = u32::try_from(message.len()).map_err(io::Error::other)?;
        for word in [length, CONTROL, 0, 0, 0] {
            packet.extend(word.to_be_bytes());
        }
        packet.extend(message);
        self.socket.write_all(&packet).await?;
        loop {
            let answer = self.read().await?;
            let mut reader = Reader(&answer);
            match (reader.number(), reader.number()) {
                (Some(REPLY), Some(tag)) if tag == self.tag => return Ok(reader.0.to_vec()),
                (Some(ERROR), Some(tag)) if tag == self.tag => {
                    return Err(io::Error::other(format!("the sound daemon refused request {command}: error {:?}", reader.number())));
                }
                // Something that was not asked for.
                _ => {}
            }
        }
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 20];
        self.socket.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length > LARGEST_MESSAGE {
            return Err(io::Error::other("the sound daemon sent too long a message"));
        }
        let mut message = vec![0; length];
        self.socket.read_exact(&mut message).await?;
        Ok(message)
    }
}

/// Each stream is: index, name, module, client, sink, format, map, volume, two latencies, resampler, driver, muted, properties, paused.
fn count_playing(answer: &[u8]) -> u64 {
    const FIELDS: usize = 15;
    const PAUSED: usize = 14;
    let values: Vec<Value> = Reader(answer).collect();
    values.chunks_exact(FIELDS).filter(|stream| stream[PAUSED] == Value::Flag(false)).count() as u64
}
