//! H.264 out of RTP (RFC 6184, packetization mode 1), into access units.

const START: [u8; 4] = [0, 0, 0, 1];

/// Puts access units together. One of which a packet is missing is dropped.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    unit: Vec<u8>,
    key: bool,
    time: Option<u32>,
    broken: bool,
}

impl Assembler {
    /// Takes the next packet; gives the unit that it completes, and whether that is a key frame.
    pub(super) fn push(&mut self, time: u32, marker: bool, gap: bool, payload: &[u8]) -> Option<(Vec<u8>, bool)> {
        if self.time != Some(time) {
            // Without its marker the unit before lost its end; after a gap this one may lack its beginning.
            self.broken = gap;
            self.unit.clear();
            self.key = false;
            self.time = Some(time);
        }
        self.broken |= gap;
        self.append(payload);
        if !marker {
            return None;
        }
        self.time = None;
        let unit = std::mem::take(&mut self.unit);
        (!self.broken && !unit.is_empty()).then_some((unit, self.key))
    }

    fn append(&mut self, payload: &[u8]) {
        let Some((head, rest)) = payload.split_first() else { return };
        match head & 0x1f {
            1..=23 => self.nal(payload),
            24 => {
                let mut rest = rest;
                while let Some((length, more)) = rest.split_first_chunk::<2>() {
                    let length = usize::from(u16::from_be_bytes(*length)).min(more.len());
                    self.nal(&more[..length]);
                    rest = &more[length..];
                }
            }
            28 => {
                let Some((fragment, data)) = rest.split_first() else { return };
                if fragment & 0x80 != 0 {
                    self.nal(&[(head & 0xe0) | (fragment & 0x1f)]);
                }
                self.unit.extend_from_slice(data);
            }
            _ => self.broken = true,
        }
    }

    fn nal(&mut self, nal: &[u8]) {
        self.key |= nal.first().is_some_and(|head| head & 0x1f == 5);
        self.unit.extend_from_slice(&START);
        self.unit.extend_from_slice(nal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_put_together() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.push(1, false, false, &[24, 0, 2, 0x67, 1, 0, 2, 0x68, 2]), None);
        assert_eq!(assembler.push(1, false, false, &[0x7c, 0x85, 7, 7]), None);
        let (unit, key) = assembler.push(1, true, false, &[0x7c, 0x45, 8]).unwrap();
        assert!(key);
        assert_eq!(unit, [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 7, 7, 8]);
        assert_eq!(assembler.push(2, true, false, &[0x41, 9]), Some((vec![0, 0, 0, 1, 0x41, 9], false)));
    }

    #[test]
    fn a_unit_with_a_gap_is_dropped_and_the_next_is_not() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.push(1, false, false, &[0x7c, 0x85, 7]), None);
        assert_eq!(assembler.push(1, true, true, &[0x7c, 0x45, 8]), None);
        assert!(assembler.push(2, true, false, &[0x41, 9]).is_some());
        assert_eq!(assembler.push(3, true, true, &[0x41, 9]), None, "its beginning may be missing");
    }
}
