//! Checksums as a BBB server computes them, apart from the program's own code.

use sha1::Digest;

/// A checksum algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

pub const ALGORITHMS: [Algorithm; 4] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

impl Algorithm {
    /// The server tells the algorithm by the length.
    pub(super) fn of_length(length: usize) -> Option<Self> {
        ALGORITHMS.into_iter().find(|algorithm| algorithm.of(b"").len() == length)
    }

    pub(super) fn of(self, text: &[u8]) -> String {
        match self {
            Self::Sha1 => hex::encode(sha1::Sha1::digest(text)),
            Self::Sha256 => hex::encode(sha2::Sha256::digest(text)),
            Self::Sha384 => hex::encode(sha2::Sha384::digest(text)),
            Self::Sha512 => hex::encode(sha2::Sha512::digest(text)),
        }
    }
}

/// Takes the checksum out of a raw query string: what is left, byte for byte, and the checksum.
pub(super) fn split(query: &str) -> (String, Option<String>) {
    let (sums, rest): (Vec<_>, Vec<_>) = query.split('&').filter(|pair| !pair.is_empty()).partition(|pair| pair.starts_with("checksum="));
    (rest.join("&"), sums.first().map(|pair| pair["checksum=".len()..].to_owned()))
}

/// Whether the checksum is right for what was sent.
pub(super) fn holds(call: &str, signed: &str, checksum: &str, secret: &str, allowed: &[Algorithm]) -> bool {
    Algorithm::of_length(checksum.len())
        .is_some_and(|algorithm| allowed.contains(&algorithm) && algorithm.of(format!("{call}{signed}{secret}").as_bytes()) == checksum)
}
