//! How like two pictures are.

/// Luma of B, G, R, X pixels, BT.601 in video range.
pub fn luma(pixels: &[u8]) -> Vec<u8> {
    let weigh = |p: &[u8]| (25 * u32::from(p[0]) + 129 * u32::from(p[1]) + 66 * u32::from(p[2]) + 0x1080) >> 8;
    pixels.chunks_exact(4).map(|pixel| u8::try_from(weigh(pixel)).unwrap_or(u8::MAX)).collect()
}

/// Mean structural similarity of two luma planes of the same size, from line `top` on: windows of 8x8, four apart (as ffmpeg's and x264's).
pub fn ssim(one: &[u8], other: &[u8], width: usize, top: usize) -> f64 {
    let height = one.len() / width;
    let columns = width / 4;
    let rows: Vec<Vec<[u32; 4]>> = (top.div_ceil(4)..height / 4)
        .map(|row| (0..columns).map(|column| sums(one, other, width, column * 4, row * 4)).collect())
        .collect();
    let (mut total, mut windows) = (0.0, 0.0);
    for pair in rows.windows(2) {
        for column in 0..columns - 1 {
            let mut sum = [0; 4];
            for block in [&pair[0][column], &pair[0][column + 1], &pair[1][column], &pair[1][column + 1]] {
                for (sum, part) in sum.iter_mut().zip(block) {
                    *sum += part;
                }
            }
            total += window(sum);
            windows += 1.0;
        }
    }
    total / windows
}

/// Of a 4x4 block: both sums, the sum of all squares, the sum of the products.
fn sums(one: &[u8], other: &[u8], width: usize, x: usize, y: usize) -> [u32; 4] {
    let mut sums = [0; 4];
    for line in y..y + 4 {
        let from = line * width + x;
        for (a, b) in one[from..from + 4].iter().zip(&other[from..from + 4]) {
            let (a, b) = (u32::from(*a), u32::from(*b));
            sums[0] += a;
            sums[1] += b;
            sums[2] += a * a + b * b;
            sums[3] += a * b;
        }
    }
    sums
}

fn window([one, other, squares, products]: [u32; 4]) -> f64 {
    const C1: f64 = 0.01 * 0.01 * 255.0 * 255.0 * 64.0;
    const C2: f64 = 0.03 * 0.03 * 255.0 * 255.0 * 64.0 * 63.0;
    let (one, other, squares, products) = (f64::from(one), f64::from(other), f64::from(squares), f64::from(products));
    let variances = squares * 64.0 - one * one - other * other;
    let covariance = products * 64.0 - one * other;
    (2.0 * one * other + C1) * (2.0 * covariance + C2) / ((one * one + other * other + C1) * (variances + C2))
}
