//! Settings of logins by OpenID Connect.

use super::reader::Reader;
use crate::account::oidc::GroupMap;
use crate::secret::Secret;

/// Logins by OpenID Connect.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// The provider, as its tokens call it.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// What proves that we are.
    pub client_secret: Option<Secret>,
    /// What the button on the login page says.
    pub name: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The claim with the words of the map.
    pub groups_claim: String,
    /// What its words stand for.
    pub group_map: GroupMap,
}

impl OidcSettings {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let issuer = reader.made("BLUECAST_OIDC_ISSUER", "an http:// or https:// address", |text| {
            let url = url::Url::parse(text).ok()?;
            // As it is written: a provider's name with a slash at its end is another one.
            (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then(|| text.to_owned())
        });
        let client_id = reader.text("BLUECAST_OIDC_CLIENT_ID").map(str::to_owned);
        let client_secret = reader.secret("BLUECAST_OIDC_CLIENT_SECRET");
        let name = reader.text("BLUECAST_OIDC_NAME").unwrap_or("OpenID").chars().take(64).collect();
        let scopes = reader.text("BLUECAST_OIDC_SCOPES").unwrap_or("openid profile email").split_whitespace().map(str::to_owned).collect();
        let groups_claim = reader.text("BLUECAST_OIDC_GROUPS_CLAIM").unwrap_or("groups").to_owned();
        let group_map = reader.made("BLUECAST_OIDC_GROUP_MAP", "WORD -> GROUP; WORD -> role:ROLE", GroupMap::parse).unwrap_or_default();
        match (issuer, client_id) {
            (Some(issuer), Some(client_id)) => Some(Self { issuer, client_id, client_secret, name, scopes, groups_claim, group_map }),
            (None, None) => None,
            _ => {
                reader.problem("BLUECAST_OIDC_ISSUER and BLUECAST_OIDC_CLIENT_ID are given together".to_owned());
                None
            }
        }
    }
}
