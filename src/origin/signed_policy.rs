//! `OvenMediaEngine`'s `SignedPolicy`: addresses that an origin checks by itself, for where it cannot call our webhook.
//!
//! The policy says when the address ends. Its signature is HMAC-SHA1 over the whole address with the policy in it, as the origin sees it:
//! always with a port, but for SRT, whose address is `srt://{virtual host}/{app}/{stream}` without one. Both are base64url without padding.
//! Observed on OME 0.20; a proxy that ends TLS in front of it changes what it sees, and no signature is good then.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use url::Url;

use crate::secret::Secret;
use crate::store::vault::{Vault, VaultError};
use crate::store::{Store, StoreError, args};

/// Where the secret is sealed for.
const SECRET: &str = "origins.signing_secret";

/// Until when an address is good.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Opens connections until then, Unix milliseconds.
    pub url_expire_ms: i64,
    /// What was opened is cut then, Unix milliseconds.
    pub stream_expire_ms: Option<i64>,
}

impl Policy {
    fn text(self) -> String {
        let stream_expire = self.stream_expire_ms.map(|ms| format!(",\"stream_expire\":{ms}")).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(format!("{{\"url_expire\":{}{stream_expire}}}", self.url_expire_ms))
    }
}

/// The address with its port, policy and signature. What was in its query stays in front of them.
///
/// `None` for an address whose port nobody knows.
pub fn sign(address: &Url, secret: &Secret, policy: Policy) -> Option<String> {
    let (scheme, host) = (address.scheme(), address.host_str()?);
    let place = match scheme {
        "srt" => host.to_owned(),
        _ => format!("{host}:{}", address.port_or_known_default().or_else(|| rtmp_port(scheme))?),
    };
    let asked = address.query().map(|query| format!("?{query}")).unwrap_or_default();
    let address = format!("{scheme}://{place}{}{asked}", address.path());
    let query = query(&address, secret, policy);
    Some(format!("{address}{}{query}", joint(&address)))
}

/// What is added to the query of an address, which is as the origin reads it: policy and signature.
pub fn query(address: &str, secret: &Secret, policy: Policy) -> String {
    let policy = policy.text();
    let signature = signature(&format!("{address}{}policy={policy}", joint(address)), secret);
    format!("policy={policy}&signature={signature}")
}

fn joint(address: &str) -> char {
    if address.contains('?') { '&' } else { '?' }
}

fn rtmp_port(scheme: &str) -> Option<u16> {
    (scheme == "rtmp").then_some(1935)
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn signature(address: &str, secret: &Secret) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(secret.reveal().as_bytes()).expect("a key");
    URL_SAFE_NO_PAD.encode(mac.chain_update(address).finalize().into_bytes())
}

/// Seals an origin's secret for its row.
pub(super) fn seal(vault: &Vault, origin_id: &str, secret: &Secret) -> String {
    vault.seal(SECRET, origin_id, secret)
}

/// The secret of an origin that checks addresses by itself.
pub async fn secret_of(store: &Store, vault: &Vault, origin_id: &str) -> Result<Option<Secret>, NoSecret> {
    let sql = "SELECT signing_secret_sealed FROM origins WHERE id = $1";
    let found: Option<(Option<String>,)> = store.optional(sql, args![origin_id]).await?;
    let sealed = found.and_then(|(sealed,)| sealed);
    Ok(sealed.map(|sealed| open(vault, origin_id, &sealed)).transpose()?)
}

/// Opens what [`seal`] sealed.
pub(crate) fn open(vault: &Vault, origin_id: &str, sealed: &str) -> Result<Secret, VaultError> {
    vault.open(SECRET, origin_id, sealed)
}

/// Why an origin's secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum NoSecret {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(address: &str) -> Option<String> {
        sign(&Url::parse(address).unwrap(), &Secret::new("kU8c"), Policy { url_expire_ms: 1_399_721_581_000, stream_expire_ms: None })
    }

    /// Made with `openssl dgst -sha1 -hmac` over the address as the origin was seen to read it.
    #[test]
    fn signatures_are_those_that_others_make() {
        let policy = "eyJ1cmxfZXhwaXJlIjoxMzk5NzIxNTgxMDAwfQ";
        for (address, seen, signature) in [
            ("ws://ome.example.org:3333/app/hall", "ws://ome.example.org:3333/app/hall?", "M0C3y2QQapUykLAeNVF7owumCBo"),
            (
                "wss://ome.example.org/app/hall?token=a_b-c",
                "wss://ome.example.org:443/app/hall?token=a_b-c&",
                "uEO078yDtvbQwT0Qjr4Y6UaBZ8s",
            ),
            ("rtmp://ome.example.org/app/hall", "rtmp://ome.example.org:1935/app/hall?", "cjtz95bR_xiJY2DBgqhD09J2uTA"),
            (
                "http://ome.example.org/app/hall?direction=whip",
                "http://ome.example.org:80/app/hall?direction=whip&",
                "OaJ3Rgxt9n3iKeN5hHLaV3GLyKU",
            ),
            ("srt://default:9999/app/hall", "srt://default/app/hall?", "h9-tP0ZRoxJeFSKKLVzSHoCDO48"),
        ] {
            assert_eq!(signed(address).unwrap(), format!("{seen}policy={policy}&signature={signature}"), "{address}");
        }
        let policy = Policy { url_expire_ms: 1_399_721_581_000, stream_expire_ms: Some(1_399_731_576_000) };
        assert_eq!(URL_SAFE_NO_PAD.decode(policy.text()).unwrap(), br#"{"url_expire":1399721581000,"stream_expire":1399731576000}"#);
        assert_eq!(signed("rtsp://ome.example.org/app/hall"), None);
    }
}
