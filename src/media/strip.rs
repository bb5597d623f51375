//! A clock in the picture that machines can read: the measuring instrument of tests and benches.
//!
//! The strip lies across the whole width at the top, a 24th of the height. It has 28 equal cells: white, black, then 24 bits of the
//! Gray-coded clock with the highest first, a cell that makes the number of white ones among these 25 even, and white. The clock is Unix
//! milliseconds modulo 2^24 (4 h 39 min). Gray code, because a picture taken while the strip changes is then off by one at most.

/// Cells across the strip.
pub const CELLS: usize = 28;
const BITS: usize = 24;
/// The strip's clock starts again after so many milliseconds.
pub const MODULUS_MS: u64 = 1 << BITS;
/// Luma of a white and a black cell, in video range.
const WHITE: u8 = 235;
const BLACK: u8 = 16;

/// Height of the strip in a picture of this height: even, so that chroma lines up.
pub fn height(picture_height: usize) -> usize {
    (picture_height / 24).max(8) & !1
}

/// The cells for a time.
pub fn cells(unix_ms: u64) -> [bool; CELLS] {
    let value = unix_ms % MODULUS_MS;
    let gray = value ^ (value >> 1);
    let mut cells = [false; CELLS];
    cells[0] = true;
    cells[CELLS - 1] = true;
    let mut parity = false;
    for (index, cell) in cells[2..2 + BITS].iter_mut().enumerate() {
        *cell = gray >> (BITS - 1 - index) & 1 == 1;
        parity ^= *cell;
    }
    cells[2 + BITS] = parity;
    cells
}

/// The time behind the cells, or `None` where they are no strip.
pub fn time_of(cells: &[bool; CELLS]) -> Option<u64> {
    if !cells[0] || cells[1] || !cells[CELLS - 1] {
        return None;
    }
    let bits = &cells[2..3 + BITS];
    if bits.iter().filter(|bit| **bit).count() % 2 == 1 {
        return None;
    }
    let mut value = 0;
    let mut bit = false;
    for cell in &bits[..BITS] {
        bit ^= *cell;
        value = value << 1 | u64::from(bit);
    }
    Some(value)
}

/// Paints the strip into a luma plane.
pub fn paint(luma: &mut [u8], stride: usize, width: usize, picture_height: usize, unix_ms: u64) {
    let cells = cells(unix_ms);
    let mut line = vec![BLACK; width];
    for (x, pixel) in line.iter_mut().enumerate() {
        if cells[x * CELLS / width] {
            *pixel = WHITE;
        }
    }
    for row in luma.chunks_mut(stride).take(height(picture_height)) {
        row[..width].copy_from_slice(&line);
    }
}

/// Reads the strip from a luma plane: the mean of the middle of each cell, against the middle between black and white.
pub fn read(luma: &[u8], stride: usize, width: usize, picture_height: usize) -> Option<u64> {
    let middle = height(picture_height) / 2;
    let mut cells = [false; CELLS];
    for (index, cell) in cells.iter_mut().enumerate() {
        let x = (2 * index + 1) * width / (2 * CELLS);
        let mut sum = 0usize;
        for y in middle - 1..=middle + 1 {
            let from = y * stride + x - 1;
            sum += luma.get(from..from + 3)?.iter().map(|luma| usize::from(*luma)).sum::<usize>();
        }
        *cell = sum / 9 > 125;
    }
    time_of(&cells)
}

/// Milliseconds from `shown` to `now`, both on the strip's clock, across its wrap-around.
pub fn age_ms(now_unix_ms: u64, shown: u64) -> u64 {
    (now_unix_ms + MODULUS_MS - shown) % MODULUS_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_painted_is_read(ms in 0..MODULUS_MS * 3, size in prop_oneof![Just((1360usize, 768usize)), Just((854, 480)), Just((1920, 1080))]) {
            let (width, height) = size;
            let stride = width.next_multiple_of(4);
            let mut luma = vec![90; stride * height];
            paint(&mut luma, stride, width, height, ms);
            prop_assert_eq!(read(&luma, stride, width, height), Some(ms % MODULUS_MS));
        }

        #[test]
        fn one_step_changes_one_bit(ms in 0..MODULUS_MS - 1) {
            let (one, other) = (cells(ms), cells(ms + 1));
            prop_assert_eq!((2..2 + BITS).filter(|i| one[*i] != other[*i]).count(), 1);
        }
    }

    #[test]
    fn a_plain_picture_is_no_strip() {
        assert_eq!(read(&vec![16; 1360 * 768], 1360, 1360, 768), None);
        assert_eq!(read(&vec![235; 1360 * 768], 1360, 1360, 768), None);
    }

    #[test]
    fn ages_cross_the_wrap_around() {
        assert_eq!(age_ms(MODULUS_MS + 5, MODULUS_MS - 5), 10);
    }
}
