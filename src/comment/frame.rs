//! WebSocket frames (RFC 6455), as a server speaks them. Pure: bytes in, what they say out.
//!
//! Own code, and not a library's, because a server's frames are not masked: one encoded frame is the same for every viewer, so it is made once
//! and its bytes are shared. Libraries copy it into a buffer of every connection.

use bytes::{BufMut, Bytes, BytesMut};

/// Longest message that is read, in bytes, however many frames it comes in.
pub(super) const MESSAGE_BYTES: usize = 16 * 1024;
/// Longest payload of a control frame (RFC 6455, 5.5).
const CONTROL_BYTES: usize = 125;
/// Frames that one message may be cut into; more is somebody's game.
const PIECES: u32 = 64;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Why a connection ends, as its close frame says it.
pub(super) mod code {
    /// The other side is done.
    pub(crate) const NORMAL: u16 = 1000;
    /// It does not speak the protocol.
    pub(crate) const PROTOCOL: u16 = 1002;
    /// It sends what is not text.
    pub(crate) const UNSUPPORTED: u16 = 1003;
    /// Its text is no UTF-8.
    pub(crate) const NOT_TEXT: u16 = 1007;
    /// Its message is too long.
    pub(crate) const TOO_BIG: u16 = 1009;
    /// The server restarts.
    pub(crate) const RESTART: u16 = 1012;
    /// Turned out of the room: ask the page again.
    pub(crate) const TURNED_OUT: u16 = 4401;
    /// Nothing was said in time.
    pub(crate) const SILENT: u16 = 4408;
    /// Too many messages.
    pub(crate) const FLOOD: u16 = 4429;
}

/// What a frame, or several, said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A whole text.
    Text(String),
    /// A ping, to be answered with the same bytes.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// The other side closes.
    Close,
}

/// What a client sent is no WebSocket, or more than is read; the code that the connection is closed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken(pub(super) u16);

/// Takes bytes in as they come and gives whole messages out. Empty while nothing is half read.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    raw: Vec<u8>,
    message: Vec<u8>,
    pieces: u32,
}

struct Header {
    is_last: bool,
    kind: u8,
    mask: [u8; 4],
    begins: usize,
    length: usize,
}

impl Decoder {
    /// Takes bytes in. At most one message and the bytes of one read are ever kept.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
    }

    /// The next thing that was said, if it is whole.
    ///
    /// # Errors
    /// Where the client breaks the protocol or sends too much; the connection is then to be closed.
    pub(super) fn next(&mut self) -> Result<Option<Heard>, Broken> {
        loop {
            let Some(header) = header(&self.raw)? else { return Ok(None) };
            if header.kind < CLOSE && self.message.len() + header.length > MESSAGE_BYTES {
                return Err(Broken(code::TOO_BIG));
            }
            let end = header.begins + header.length;
            if self.raw.len() < end {
                return Ok(None);
            }
            let payload = &mut self.raw[header.begins..end];
            for (byte, mask) in payload.iter_mut().zip(header.mask.iter().cycle()) {
                *byte ^= mask;
            }
            let heard = self.take(&header)?;
            self.raw.drain(..end);
            if self.raw.is_empty() {
                // What idles holds no memory.
                self.raw = Vec::new();
            }
            if heard.is_some() {
                return Ok(heard);
            }
        }
    }

    fn take(&mut self, header: &Header) -> Result<Option<Heard>, Broken> {
        let payload = &self.raw[header.begins..header.begins + header.length];
        match header.kind {
            CLOSE => return Ok(Some(Heard::Close)),
            PING => return Ok(Some(Heard::Ping(payload.to_vec()))),
            PONG => return Ok(Some(Heard::Pong)),
            BINARY => return Err(Broken(code::UNSUPPORTED)),
            TEXT if self.pieces > 0 => return Err(Broken(code::PROTOCOL)),
            CONTINUATION if self.pieces == 0 => return Err(Broken(code::PROTOCOL)),
            _ => {}
        }
        self.pieces += 1;
        if self.pieces > PIECES {
            return Err(Broken(code::PROTOCOL));
        }
        self.message.extend_from_slice(payload);
        if !header.is_last {
            return Ok(None);
        }
        self.pieces = 0;
        String::from_utf8(std::mem::take(&mut self.message)).map(|text| Some(Heard::Text(text))).map_err(|_| Broken(code::NOT_TEXT))
    }
}

fn header(raw: &[u8]) -> Result<Option<Header>, Broken> {
    let [first, second, ..] = *raw else { return Ok(None) };
    let (is_last, kind, short) = (first & 0x80 != 0, first & 0x0f, usize::from(second & 0x7f));
    let is_known = matches!(kind, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
    let is_broken_control = kind >= CLOSE && (!is_last || short > CONTROL_BYTES);
    // Extensions are not spoken, and clients mask (RFC 6455, 5.1 and 5.2).
    if first & 0x70 != 0 || !is_known || is_broken_control || second & 0x80 == 0 {
        return Err(Broken(code::PROTOCOL));
    }
    let (length, after) = match short {
        126 => match raw.get(2..4) {
            Some(bytes) => (bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), 4),
            None => return Ok(None),
        },
        127 => match raw.get(2..10) {
            Some(bytes) => (bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), 10),
            None => return Ok(None),
        },
        short => (short as u64, 2),
    };
    if length > MESSAGE_BYTES as u64 {
        return Err(Broken(code::TOO_BIG));
    }
    let Some(mask) = raw.get(after..after + 4) else { return Ok(None) };
    let mask = [mask[0], mask[1], mask[2], mask[3]];
    Ok(Some(Header { is_last, kind, mask, begins: after + 4, length: usize::try_from(length).unwrap_or(0) }))
}

fn frame(kind: u8, payload: &[&[u8]]) -> Bytes {
    let length: usize = payload.iter().map(|piece| piece.len()).sum();
    let mut bytes = BytesMut::with_capacity(length + 10);
    bytes.put_u8(0x80 | kind);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => bytes.put_u8(short),
        (_, Ok(middle)) => {
            bytes.put_u8(126);
            bytes.put_u16(middle);
        }
        _ => {
            bytes.put_u8(127);
            bytes.put_u64(length as u64);
        }
    }
    for piece in payload {
        bytes.put_slice(piece);
    }
    bytes.freeze()
}

/// A text for the wire.
pub(super) fn text(text: &str) -> Bytes {
    frame(TEXT, &[text.as_bytes()])
}

/// Several messages for the wire: one as it is, more as a JSON array.
pub(super) fn texts<T: AsRef<str>>(texts: &[T]) -> Option<Bytes> {
    match texts {
        [] => None,
        [one] => Some(text(one.as_ref())),
        many => {
            let mut array = String::with_capacity(many.iter().map(|text| text.as_ref().len() + 1).sum::<usize>() + 1);
            for (index, text) in many.iter().enumerate() {
                array.push(if index == 0 { '[' } else { ',' });
                array.push_str(text.as_ref());
            }
            array.push(']');
            Some(text(&array))
        }
    }
}

/// A ping.
pub(super) fn ping() -> Bytes {
    Bytes::from_static(&[0x80 | PING, 0])
}

/// The answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, &[&payload[..payload.len().min(CONTROL_BYTES)]])
}

/// The end, with its code.
pub(super) fn close(code: u16) -> Bytes {
    frame(CLOSE, &[&code.to_be_bytes()])
}

#[cfg(test)]
mod tests;
