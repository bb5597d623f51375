use proptest::prelude::*;

use super::*;

/// A client's frame.
fn masked(is_last: bool, kind: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![if is_last { 0x80 | kind } else { kind }];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..65_536 => {
            bytes.push(0xFE);
            bytes.extend_from_slice(&u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0xFF);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn all(decoder: &mut Decoder) -> Result<Vec<Heard>, Broken> {
    let mut heard = Vec::new();
    while let Some(next) = decoder.next()? {
        heard.push(next);
    }
    Ok(heard)
}

fn once(bytes: &[u8]) -> Result<Vec<Heard>, Broken> {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    all(&mut decoder)
}

proptest! {
    #[test]
    fn what_is_sent_is_heard_however_it_is_cut(
        texts in proptest::collection::vec((".{0,300}", any::<[u8; 4]>(), 1..5usize), 1..5),
        at in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut bytes = Vec::new();
        for (text, mask, pieces) in &texts {
            let payload = text.as_bytes();
            let size = payload.len().div_ceil(*pieces).max(1);
            let mut chunks: Vec<&[u8]> = payload.chunks(size).collect();
            if chunks.is_empty() {
                chunks.push(&[]);
            }
            let last = chunks.len() - 1;
            for (index, chunk) in chunks.into_iter().enumerate() {
                bytes.extend(masked(index == last, if index == 0 { TEXT } else { CONTINUATION }, *mask, chunk));
                // Control frames may stand between the pieces of a message.
                if index != last {
                    bytes.extend(masked(true, PONG, *mask, b"x"));
                }
            }
        }
        let mut cuts: Vec<usize> = at.iter().map(|at| at.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut decoder = Decoder::default();
        let mut heard = Vec::new();
        for pair in cuts.windows(2) {
            decoder.push(&bytes[pair[0]..pair[1]]);
            heard.extend(all(&mut decoder).unwrap());
        }
        heard.retain(|heard| *heard != Heard::Pong);
        prop_assert_eq!(heard, texts.iter().map(|(text, ..)| Heard::Text(text.clone())).collect::<Vec<_>>());
        prop_assert!(decoder.raw.capacity() == 0 && decoder.message.capacity() == 0, "what idles holds memory");
    }

    #[test]
    fn no_bytes_make_it_panic_or_grow(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2000), 0..40)) {
        let mut decoder = Decoder::default();
        for piece in &pieces {
            decoder.push(piece);
            if all(&mut decoder).is_err() {
                break;
            }
            prop_assert!(decoder.raw.len() + decoder.message.len() <= 2 * MESSAGE_BYTES + 16);
        }
    }

    #[test]
    fn our_frames_are_what_a_library_reads(text in ".{0,70000}") {
        use tokio_tungstenite::tungstenite::protocol::frame::FrameSocket;
        let mut socket = FrameSocket::new(std::io::Cursor::new(super::text(&text).to_vec()));
        let read = socket.read(None).unwrap().unwrap();
        prop_assert!(read.header().is_final && read.header().mask.is_none());
        prop_assert_eq!(read.payload(), text.as_bytes());
    }
}

#[test]
fn what_breaks_the_protocol_is_told_by_its_code() {
    let mask = [1, 2, 3, 4];
    let cases: [(Vec<u8>, u16); 11] = [
        (masked(true, BINARY, mask, b"x"), code::UNSUPPORTED),
        (masked(true, TEXT, mask, &[0xff]), code::NOT_TEXT),
        (masked(true, 3, mask, b""), code::PROTOCOL),
        (masked(false, PING, mask, b""), code::PROTOCOL),
        (masked(true, CONTINUATION, mask, b"x"), code::PROTOCOL),
        ([masked(false, TEXT, mask, b"x"), masked(true, TEXT, mask, b"y")].concat(), code::PROTOCOL),
        (vec![0x81, 1, b'x'], code::PROTOCOL),
        (vec![0xc1, 0x80, 0, 0, 0, 0], code::PROTOCOL),
        (masked(true, TEXT, mask, &vec![b'x'; MESSAGE_BYTES + 1])[..14].to_vec(), code::TOO_BIG),
        ([masked(false, TEXT, mask, &[b'x'; 9000]), masked(true, CONTINUATION, mask, &[b'x'; 9000])].concat(), code::TOO_BIG),
        ([masked(false, TEXT, mask, b""), masked(false, CONTINUATION, mask, b"").repeat(PIECES as usize)].concat(), code::PROTOCOL),
    ];
    for (bytes, code) in cases {
        assert_eq!(once(&bytes), Err(Broken(code)), "{:?}", &bytes[..bytes.len().min(16)]);
    }
    // A length that no machine has room for is refused by its header alone.
    assert_eq!(once(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Broken(code::TOO_BIG)));
}

#[test]
fn control_frames_are_heard_and_answered() {
    let mask = [9, 8, 7, 6];
    let bytes = [masked(true, PING, mask, b"hi"), masked(true, CLOSE, mask, &1000_u16.to_be_bytes())].concat();
    assert_eq!(once(&bytes), Ok(vec![Heard::Ping(b"hi".to_vec()), Heard::Close]));
    assert_eq!(&pong(b"hi")[..], &[0x8a, 2, b'h', b'i']);
    assert_eq!(&close(1012)[..], &[0x88, 2, 0x03, 0xf4]);
    assert_eq!(&ping()[..], &[0x89, 0]);
}

#[test]
fn several_messages_are_an_array() {
    assert_eq!(texts::<&str>(&[]), None);
    assert_eq!(&texts(&["{}"]).unwrap()[2..], b"{}");
    assert_eq!(&texts(&["{\"a\":1}", "{}"]).unwrap()[2..], b"[{\"a\":1},{}]");
}
