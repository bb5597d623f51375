//! Chance, for waits that must not fall in step.

/// A number in 0..1 that nobody else has.
pub fn draw() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness the waits are merely in step.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
