//! Finishing touches on MPEG-TS: frames that say how long they are, and datagrams that do not wait for the next frame.

use std::ops::Range;

/// Bytes of a TS packet.
pub(super) const PACKET: usize = 188;
/// TS packets in a datagram of SRT's live mode.
const IN_DATAGRAM: usize = 7;

/// Where to cut a frame's TS packets into datagrams.
pub(super) fn datagrams(length: usize) -> impl Iterator<Item = Range<usize>> {
    (0..length).step_by(PACKET * IN_DATAGRAM).map(move |from| from..(from + PACKET * IN_DATAGRAM).min(length))
}

/// Writes the length of a video frame into the header of its PES packet, where the muxer leaves it open. A receiver then shows the frame
/// when its last byte is there instead of when the next frame begins: a whole frame interval earlier. `packets` are the TS packets of one
/// access unit, the tables before it included; frames over 64 KiB, which the field cannot say, stay as they are.
pub(super) fn tell_length(packets: &mut [u8]) {
    let mut start = None;
    let mut length = 0;
    for (index, packet) in packets.chunks_exact(PACKET).enumerate() {
        let Some(payload) = payload(packet) else { continue };
        let pid = u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2]);
        let begins = packet[1] & 0x40 != 0;
        match start {
            None if begins && is_open_video(&packet[payload.clone()]) => {
                start = Some((pid, index * PACKET + payload.start + 4));
                length = payload.len() - 6;
            }
            // Two frames in one buffer would need two sums: leave them.
            Some((video, _)) if video == pid && begins => return,
            Some((video, _)) if video == pid => length += payload.len(),
            _ => {}
        }
    }
    if let (Some((_, at)), Ok(length)) = (start, u16::try_from(length)) {
        packets[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
}

/// Whether a payload begins a PES packet of video whose length is left open.
fn is_open_video(payload: &[u8]) -> bool {
    payload.len() >= 9 && payload[..3] == [0, 0, 1] && payload[3] & 0xf0 == 0xe0 && payload[4..6] == [0, 0]
}

fn payload(packet: &[u8]) -> Option<Range<usize>> {
    let from = match packet[3] & 0x30 {
        0x10 => 4,
        0x30 => 5 + usize::from(packet[4]),
        _ => return None,
    };
    (packet[0] == 0x47 && from < PACKET).then_some(from..PACKET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame as a muxer writes it: the PES header, then data, the last packet stuffed through its adaptation field.
    fn frame(data: usize) -> Vec<u8> {
        let mut pes = vec![0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1];
        pes.extend(std::iter::repeat_n(7, data));
        let mut out = vec![0xff; PACKET];
        out[..4].copy_from_slice(&[0x47, 0x40, 0, 0x10]);
        for (index, chunk) in pes.chunks(PACKET - 4).enumerate() {
            let stuffing = PACKET - 4 - chunk.len();
            let unit_start = if index == 0 { 0x40 } else { 0 };
            out.extend([0x47, unit_start | 0x01, 0x00, if stuffing > 0 { 0x30 } else { 0x10 }]);
            if stuffing > 0 {
                out.push(u8::try_from(stuffing - 1).unwrap());
                out.extend(std::iter::repeat_n(0, stuffing - 1));
            }
            out.extend(chunk);
        }
        out
    }

    fn told(packets: &[u8]) -> usize {
        let at = PACKET + payload(&packets[PACKET..2 * PACKET]).unwrap().start + 4;
        usize::from(u16::from_be_bytes([packets[at], packets[at + 1]]))
    }

    proptest! {
        #[test]
        fn a_frame_says_its_length_if_it_can(data in 1usize..70_000) {
            let mut packets = frame(data);
            let before = packets.clone();
            tell_length(&mut packets);
            let length = data + 8;
            prop_assert_eq!(told(&packets), if length > 0xffff { 0 } else { length });
            prop_assert!(packets.iter().zip(&before).filter(|(one, other)| one != other).count() <= 2);
        }

        #[test]
        fn garbage_is_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            tell_length(&mut bytes);
        }

        #[test]
        fn datagrams_cover_everything_in_order(packets in 0usize..400) {
            let mut end = 0;
            for range in datagrams(packets * PACKET) {
                prop_assert_eq!(range.start, end);
                prop_assert!(!range.is_empty() && range.len() <= 1316);
                end = range.end;
            }
            prop_assert_eq!(end, packets * PACKET);
        }
    }
}
