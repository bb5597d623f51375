//! Checksums: what proves to BBB that a call comes from somebody who knows the secret.

use std::fmt;
use std::str::FromStr;

use sha2::Digest;

use crate::secret::Secret;

/// The algorithms that servers take, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// What every server since 2.2 takes by default.
    Sha256,
    /// Since 2.5.
    Sha512,
    /// Since 2.5.
    Sha384,
    /// Old servers only.
    Sha1,
}

impl Algorithm {
    /// All, the best guess first.
    pub const ALL: [Self; 4] = [Self::Sha256, Self::Sha512, Self::Sha384, Self::Sha1];

    /// The stored form: `sha256`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The checksum of a call with exactly this query string.
    pub(super) fn sign(self, call: &str, query: &str, secret: &Secret) -> String {
        match self {
            Self::Sha1 => digest::<sha1::Sha1>(call, query, secret),
            Self::Sha256 => digest::<sha2::Sha256>(call, query, secret),
            Self::Sha384 => digest::<sha2::Sha384>(call, query, secret),
            Self::Sha512 => digest::<sha2::Sha512>(call, query, secret),
        }
    }
}

fn digest<D: Digest>(call: &str, query: &str, secret: &Secret) -> String {
    hex::encode(D::new().chain_update(call).chain_update(query).chain_update(secret.reveal()).finalize())
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_s_example_holds() {
        let secret = Secret::new("639259d4-9dd8-4b25-bf01-95f9567eaf4b");
        let query = "name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444";
        assert_eq!(Algorithm::Sha1.sign("create", query, &secret), "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17");
    }

    #[test]
    fn servers_tell_algorithms_by_their_length() {
        let lengths = Algorithm::ALL.map(|algorithm| algorithm.sign("getMeetings", "", &Secret::new("s")).len());
        assert_eq!(lengths, [64, 128, 96, 40]);
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
    }
}
