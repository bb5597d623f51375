//! The signature of a request that one node sends on to another.
//!
//! Its key is derived from the vault's, which all nodes share. It covers the request, the address of whoever made it, and the time: a
//! signed request is answered where it arrives and never sent on again, whatever it is about, so that none goes in circles.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::Method;
use sha2::{Digest, Sha256};

use crate::stamp::Stamp;
use crate::store::vault::Vault;

/// The header that carries it.
pub(super) const HEADER: &str = "bluecast-node";
/// How far the clocks of two nodes may be apart, and how long a request may be on its way.
const GOOD_MS: i64 = 60_000;
const BYTES: usize = 8 + 16 + 32;

/// Signs and checks.
pub(super) struct Pass(Stamp);

/// What is signed of a request.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a Method,
    /// Path and query.
    pub(super) target: &'a str,
    /// What says who makes it, and what else decides about the answer.
    pub(super) credentials: &'a [u8],
    pub(super) body: &'a [u8],
}

impl Signed<'_> {
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.method.as_str().as_bytes(), self.target.as_bytes(), self.credentials, self.body] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

impl Pass {
    pub(super) fn new(vault: &Vault) -> Self {
        Self(Stamp::new(vault, "request between nodes 1"))
    }

    pub(super) fn sign(&self, request: Signed, client: IpAddr, now_ms: i64) -> String {
        let client = match client {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        self.0.write(&[&now_ms.to_be_bytes()[..], &client.octets(), &request.digest()].concat())
    }

    /// The address of whoever made the request, if another node signed it just now.
    pub(super) fn check(&self, header: &str, request: Signed, now_ms: i64) -> Option<IpAddr> {
        let bytes: [u8; BYTES] = self.0.read(header)?;
        let (at_ms, rest) = bytes.split_first_chunk::<8>()?;
        let (client, digest) = rest.split_first_chunk::<16>()?;
        let age_ms = now_ms.checked_sub(i64::from_be_bytes(*at_ms))?;
        let good = age_ms.checked_abs()? <= GOOD_MS && digest == request.digest();
        good.then(|| Ipv6Addr::from(*client).to_canonical())
    }

    /// Whether a text is one of ours at all; what it signs is not looked at.
    pub(super) fn is_ours(&self, header: &str) -> bool {
        self.0.read::<BYTES>(header).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecretKey;

    #[test]
    fn a_pass_is_for_one_request_and_a_minute() {
        let pass = |key| Pass::new(&Vault::new(&SecretKey::new([key; 32])));
        let request = Signed { method: &Method::POST, target: "/a?b", credentials: b"cookie", body: b"{}" };
        let client: IpAddr = "192.0.2.7".parse().unwrap();
        let header = pass(1).sign(request, client, 1_000_000);
        assert_eq!(pass(1).check(&header, request, 1_059_000), Some(client));
        assert_eq!(pass(1).check(&header, request, 1_060_001), None);
        assert_eq!(pass(1).check(&header, request, 939_999), None);
        assert_eq!(pass(2).check(&header, request, 1_000_000), None);
        let others = [
            Signed { method: &Method::GET, ..request },
            Signed { target: "/a?c", ..request },
            Signed { credentials: b"cookie2", ..request },
            Signed { body: b"", ..request },
            Signed { target: "/a?bcookie", credentials: b"", ..request },
        ];
        for other in others {
            assert_eq!(pass(1).check(&header, other, 1_000_000), None);
        }
        assert!(pass(1).is_ours(&header) && !pass(1).is_ours("rubbish"));
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(pass(1).check(&pass(1).sign(request, v6, 0), request, 0), Some(v6));
    }
}
