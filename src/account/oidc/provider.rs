//! The provider: where it is, what it signs with, and what a login there proves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::pending::Secrets;
use crate::config::OidcSettings;
use crate::reach::http::body;

/// How long one call to the provider may take.
const CALL: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES: usize = 512 * 1024;
/// How long is believed what the provider said of itself.
const BELIEVED: Duration = Duration::from_mins(10);
/// How long at least between two questions about it.
const ASKED_AGAIN: Duration = Duration::from_secs(30);

/// Everything else that a token says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Other {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for Other {}

type Fields = IdTokenFields<Other, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type OidcClient = Client<
    Other,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Who somebody is, as the provider has signed it.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) issuer: String,
    pub(super) subject: String,
    /// What they are called there.
    pub(super) name: Option<String>,
    /// A mail address that the provider has verified.
    pub(super) email: Option<String>,
    /// All other claims.
    pub(super) claims: Map<String, Value>,
}

/// Why a login at the provider leads to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderError {
    /// It cannot be reached, or says nothing usable of itself.
    #[error("the provider cannot be asked: {0}")]
    Away(String),
    /// It does not give a token for the code.
    #[error("the provider gave no token: {0}")]
    NoToken(String),
    /// What it gave proves nothing.
    #[error("the provider's token proves nothing: {0}")]
    Untrue(String),
}

/// The provider of the settings. Clones share what is known of it.
#[derive(Clone)]
pub struct Provider {
    settings: Arc<OidcSettings>,
    redirect: String,
    http: reqwest::Client,
    known: Arc<Mutex<Option<(Instant, CoreProviderMetadata)>>>,
}

/// An address to log in at, and what ends that login.
pub(super) struct Begun {
    pub(super) address: String,
    pub(super) state: String,
    pub(super) secrets: Secrets,
}

impl Provider {
    /// A provider that was not asked for anything yet; `None` where no client can be made. Its address is the operator's own, so it may be
    /// anywhere; it is not led elsewhere.
    pub fn new(settings: OidcSettings, public_base: &str, authorities_pem: &[u8]) -> Option<Self> {
        // Whoever was first has set the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities = reqwest::Certificate::from_pem_bundle(authorities_pem).unwrap_or_default();
        let http = reqwest::Client::builder()
            .tls_certs_merge(authorities)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(CALL)
            .user_agent(concat!("bluecast/", env!("CARGO_PKG_VERSION")))
            .build()
            .inspect_err(|error| tracing::error!(%error, "no login by OpenID Connect"))
            .ok()?;
        Some(Self { settings: Arc::new(settings), redirect: format!("{public_base}login/oidc/callback"), http, known: Arc::default() })
    }

    /// What the button says.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// Begins a login.
    pub(super) async fn begin(&self) -> Result<Begun, ProviderError> {
        let client = self.client(&self.metadata(BELIEVED).await?)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = self.settings.scopes.iter().filter(|scope| *scope != "openid").map(|scope| Scope::new(scope.clone()));
        let (address, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        let secrets = Secrets { nonce: nonce.secret().clone(), verifier: verifier.into_secret() };
        Ok(Begun { address: address.into(), state: state.into_secret(), secrets })
    }

    /// Ends a login: who has logged in, as the provider's signature proves it for us, for this login, and for now.
    pub(super) async fn end(&self, code: String, secrets: Secrets) -> Result<Identity, ProviderError> {
        let client = self.client(&self.metadata(BELIEVED).await?)?;
        let no_token = |error: &dyn std::fmt::Display| ProviderError::NoToken(error.to_string());
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| no_token(&error))?;
        let http = |request| call(self.http.clone(), request);
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier));
        let answer = request.request_async(&http).await.map_err(|error| no_token(&error))?;
        let nonce = Nonce::new(secrets.nonce);
        match self.identity(&client, &answer, &nonce) {
            // Keys are changed; a provider that was asked long ago may have others by now.
            Err(_) if self.is_older(ASKED_AGAIN) => {
                let client = self.client(&self.metadata(ASKED_AGAIN).await?)?;
                self.identity(&client, &answer, &nonce)
            }
            identity => identity,
        }
    }

    fn identity(
        &self,
        client: &OidcClient,
        answer: &StandardTokenResponse<Fields, CoreTokenType>,
        nonce: &Nonce,
    ) -> Result<Identity, ProviderError> {
        let untrue = |error: &dyn std::fmt::Display| ProviderError::Untrue(error.to_string());
        let token = answer.id_token().ok_or_else(|| untrue(&"there is none"))?;
        // Whoever knows our secret could sign with it, and a token without a signature is anybody's: neither is taken.
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let claims = token.claims(&verifier, nonce).map_err(|error| untrue(&error))?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(|error| untrue(&error))?;
            let key = token.signing_key(&verifier).map_err(|error| untrue(&error))?;
            let found = AccessTokenHash::from_token(answer.access_token(), algorithm, key).map_err(|error| untrue(&error))?;
            if found != *expected {
                return Err(untrue(&"it belongs to another access token"));
            }
        }
        let is_theirs = claims.email_verified() == Some(true);
        Ok(Identity {
            issuer: self.settings.issuer.clone(),
            subject: claims.subject().to_string(),
            name: claims.preferred_username().map(|name| name.to_string()),
            email: claims.email().filter(|_| is_theirs).map(|email| email.to_string()),
            claims: claims.additional_claims().claims.clone(),
        })
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Result<OidcClient, ProviderError> {
        let redirect = RedirectUrl::new(self.redirect.clone()).map_err(|error| ProviderError::Away(error.to_string()))?;
        let secret = self.settings.client_secret.as_ref().map(|secret| ClientSecret::new(secret.reveal().to_owned()));
        let id = ClientId::new(self.settings.client_id.clone());
        Ok(OidcClient::from_provider_metadata(metadata.clone(), id, secret).set_redirect_uri(redirect))
    }

    fn is_older(&self, age: Duration) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_none_or(|(asked, _)| asked.elapsed() >= age)
    }

    /// What the provider says of itself, not older than this.
    async fn metadata(&self, believed: Duration) -> Result<CoreProviderMetadata, ProviderError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((asked, metadata)) = known
            && asked.elapsed() < believed
        {
            return Ok(metadata);
        }
        let away = |error: &dyn std::fmt::Display| ProviderError::Away(error.to_string());
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| away(&error))?;
        let http = |request| call(self.http.clone(), request);
        let metadata = CoreProviderMetadata::discover_async(issuer, &http).await.map_err(|error| away(&error))?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), metadata.clone()));
        Ok(metadata)
    }
}

/// Signatures that only the provider can make.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// One call to the provider, with an answer of bounded size.
async fn call(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, std::io::Error> {
    // The client's own words may hold the address with the code; what kind of failure it was is enough.
    let failed = |error: reqwest::Error| {
        let what = if error.is_timeout() { "it took too long" } else { "it cannot be reached" };
        std::io::Error::other(what)
    };
    let request = reqwest::Request::try_from(request).map_err(failed)?;
    let mut answer = http.execute(request).await.map_err(failed)?;
    let bytes = body(&mut answer, ANSWER_BYTES).await.map_err(|_| std::io::Error::other("its answer is cut off or too large"))?;
    let mut response = HttpResponse::new(bytes);
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}
