//! The size of the picture, from H.264's sequence parameter set.

/// Width and height, from the first set in an Annex B unit.
pub(super) fn size(unit: &[u8]) -> Option<(u64, u64)> {
    let at = unit.windows(4).position(|part| matches!(part, [0, 0, 1, head] if head & 0x1f == 7))?;
    let mut nal: Vec<u8> = Vec::new();
    for byte in &unit[at + 4..] {
        // A byte is put in where zeros would look like a start code.
        if *byte == 3 && nal.ends_with(&[0, 0]) {
            continue;
        }
        nal.push(*byte);
        if nal.len() > 64 {
            break;
        }
    }
    read(&mut Bits { bytes: &nal, at: 0 })
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u64> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u64::from(bit))
    }

    fn bits(&mut self, count: usize) -> Option<u64> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    /// An exponential-Golomb number.
    fn number(&mut self) -> Option<u64> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 32 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.bits(zeros)?)
    }
}

fn read(bits: &mut Bits) -> Option<(u64, u64)> {
    let profile = bits.bits(24)? >> 16;
    bits.number()?;
    if profile >= 100 {
        // Chroma 4:2:0 without scaling lists, as all that is pushed here is.
        if bits.number()? != 1 {
            return None;
        }
        bits.number()?;
        bits.number()?;
        if bits.bits(2)? & 1 == 1 {
            return None;
        }
    }
    bits.number()?;
    match bits.number()? {
        0 => drop(bits.number()?),
        1 => return None,
        _ => {}
    }
    bits.number()?;
    bits.bit()?;
    let width = (bits.number()? + 1) * 16;
    let rows = bits.number()? + 1;
    let frames_only = bits.bit()?;
    let height = rows * 16 * (2 - frames_only);
    if frames_only == 0 {
        bits.bit()?;
    }
    bits.bit()?;
    let mut crop = [0; 4];
    if bits.bit()? == 1 {
        for side in &mut crop {
            *side = bits.number()?;
        }
    }
    let [left, right, top, bottom] = crop;
    Some((width.checked_sub(2 * (left + right))?, height.checked_sub(2 * (2 - frames_only) * (top + bottom))?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_size_is_read() {
        // As x264 writes them: constrained baseline, and high.
        let small = hex::decode("000000010910000000016742c015d901e08feb016a0c0c0d4a000003000200000300791e2c5c90").unwrap();
        let large = hex::decode("000000010910000000016764001facb200a00b7602d40404050000030001000003003c8f183248").unwrap();
        assert_eq!((super::size(&small), super::size(&large)), (Some((480, 270)), Some((1280, 720))));
        assert_eq!(super::size(&small[..16]), None);
        assert_eq!(super::size(b"none"), None);
    }
}
