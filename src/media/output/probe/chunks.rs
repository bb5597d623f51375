//! RTMP's chunks: messages cut into pieces, several at a time (RTMP specification 1.0, section 5.3). Pure: bytes in, messages out.

use std::collections::HashMap;

const HEADER_SIZES: [usize; 4] = [11, 7, 3, 0];
/// What a server may send before it has said whether it takes a connect.
const LONGEST_MESSAGE: usize = 64 * 1024;
const STREAMS: usize = 16;
const EXTENDED: usize = 0x00ff_ffff;

const SET_CHUNK_SIZE: u8 = 1;

/// A server that does not keep to the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotRtmp;

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) payload: Vec<u8>,
}

#[derive(Default)]
struct Stream {
    length: usize,
    kind: u8,
    extended: bool,
    payload: Vec<u8>,
}

/// Puts messages together.
pub(super) struct Chunks {
    size: usize,
    streams: HashMap<u32, Stream>,
    waiting: Vec<u8>,
}

impl Default for Chunks {
    fn default() -> Self {
        Self { size: 128, streams: HashMap::new(), waiting: Vec::new() }
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

impl Chunks {
    /// Takes in what came.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next whole message; `None` until more has come.
    pub(super) fn next(&mut self) -> Result<Option<Message>, NotRtmp> {
        while let Some((message, used)) = self.chunk()? {
            self.waiting.drain(..used);
            match message {
                Some(Message { kind: SET_CHUNK_SIZE, payload }) => {
                    let size = number(payload.get(..4).ok_or(NotRtmp)?);
                    self.size = if (1..=0x7fff_ffff).contains(&size) { size.min(LONGEST_MESSAGE) } else { return Err(NotRtmp) };
                }
                Some(message) => return Ok(Some(message)),
                None => {}
            }
        }
        Ok(None)
    }

    /// Reads one chunk: the message that it completes, if it does, and its length.
    fn chunk(&mut self) -> Result<Option<(Option<Message>, usize)>, NotRtmp> {
        let bytes = &self.waiting;
        let Some(first) = bytes.first() else { return Ok(None) };
        let (id_bytes, id) = match first & 0x3f {
            0 => (2, bytes.get(1).map(|low| 64 + u32::from(*low))),
            1 => (3, bytes.get(1).zip(bytes.get(2)).map(|(low, high)| 64 + u32::from(*low) + 256 * u32::from(*high))),
            id => (1, Some(u32::from(id))),
        };
        let Some(id) = id else { return Ok(None) };
        let form = usize::from(first >> 6);
        let Some(header) = bytes.get(id_bytes..id_bytes + HEADER_SIZES[form]) else { return Ok(None) };
        if !self.streams.contains_key(&id) && (form > 1 || self.streams.len() >= STREAMS) {
            return Err(NotRtmp);
        }
        let stream = self.streams.entry(id).or_default();
        let (mut length, mut kind, mut extended) = (stream.length, stream.kind, stream.extended);
        if let Some(time) = header.get(..3) {
            extended = number(time) == EXTENDED;
        }
        if let (Some(size), Some(what)) = (header.get(3..6), header.get(6)) {
            (length, kind) = (number(size), *what);
        }
        if length > LONGEST_MESSAGE {
            return Err(NotRtmp);
        }
        let begins = id_bytes + header.len() + if extended { 4 } else { 0 };
        let part = self.size.min(length - stream.payload.len().min(length));
        let Some(piece) = bytes.get(begins..begins + part) else { return Ok(None) };
        (stream.length, stream.kind, stream.extended) = (length, kind, extended);
        stream.payload.extend_from_slice(piece);
        let whole = stream.payload.len() >= length;
        let message = whole.then(|| Message { kind, payload: std::mem::take(&mut stream.payload) });
        Ok(Some((message, begins + part)))
    }
}

/// A command in chunks of 128 bytes, as every server reads them at first.
pub(super) fn command(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![3, 0, 0, 0];
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    bytes.extend(&length[1..]);
    bytes.push(20);
    bytes.extend([0; 4]);
    for (index, piece) in payload.chunks(128).enumerate() {
        if index > 0 {
            bytes.push(0xc3);
        }
        bytes.extend(piece);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_command_comes_back_however_it_is_cut(payload in prop::collection::vec(any::<u8>(), 1..1000), cuts in prop::collection::vec(1..200_usize, 0..20)) {
            let bytes = command(&payload);
            let (mut chunks, mut rest, mut messages) = (Chunks::default(), &bytes[..], Vec::new());
            for cut in cuts {
                let (part, after) = rest.split_at(cut.min(rest.len()));
                chunks.add(part);
                rest = after;
                while let Some(message) = chunks.next().unwrap() { messages.push(message); }
            }
            chunks.add(rest);
            while let Some(message) = chunks.next().unwrap() { messages.push(message); }
            prop_assert_eq!(messages, [Message { kind: 20, payload }]);
        }

        #[test]
        fn rubbish_never_hurts(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut chunks = Chunks::default();
            chunks.add(&bytes);
            for _ in 0..100 {
                if !matches!(chunks.next(), Ok(Some(_))) { break; }
            }
        }
    }

    #[test]
    fn a_larger_chunk_size_and_a_long_time_stamp_are_understood() {
        let mut chunks = Chunks::default();
        chunks.add(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 16, 0]);
        assert_eq!(chunks.next(), Ok(None));
        // 4096 now; 200 bytes come in one piece, with an extended time stamp.
        chunks.add(&[&[5, 0xff, 0xff, 0xff, 0, 0, 200, 20, 0, 0, 0, 0, 1, 0, 0, 0][..], &[7; 200]].concat());
        assert_eq!(chunks.next(), Ok(Some(Message { kind: 20, payload: vec![7; 200] })));
        chunks.add(&[0xc9]);
        assert_eq!(chunks.next(), Err(NotRtmp), "a stream that never began");
    }
}
