//! An OpenID Connect provider that signs real tokens (RS256), logs everybody in at once as whoever it is told to, and lies when asked to.
//! It assumes what OpenID Connect Core 1.0, Discovery 1.0 and RFC 7636 say; it checks the client's secret, the address to go back to and
//! the PKCE verifier, and gives a code once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const CLIENT: &str = "bluecast-client";
pub const SECRET: &str = "the client's secret";

/// What is wrong with its next tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    #[default]
    None,
    Issuer,
    Audience,
    Nonce,
    NoNonce,
    Expired,
    /// No signature at all.
    AlgNone,
    /// Signed with the client's secret, which is not the provider's alone.
    AlgHs256,
    /// Signed with a key that is not in its list.
    Key,
    /// The claims were changed after they were signed.
    Forged,
    /// The hash of another access token.
    AccessToken,
}

struct World {
    issuer: String,
    key: PKey<Private>,
    key_id: String,
    strange: PKey<Private>,
    lie: Lie,
    claims: Value,
    /// Codes that were given: nonce and PKCE challenge.
    codes: BTreeMap<String, (Option<String>, String, String)>,
    count: usize,
}

type Shared = Arc<Mutex<World>>;

/// A serving provider.
pub struct Oidc {
    pub issuer: String,
    world: Shared,
}

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

impl Oidc {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let world = Arc::new(Mutex::new(World {
            issuer: issuer.clone(),
            key: key(),
            key_id: "one".to_owned(),
            strange: key(),
            lie: Lie::None,
            claims: json!({"sub": "1"}),
            codes: BTreeMap::new(),
            count: 0,
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/jwks", get(jwks))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, world }
    }

    /// Logs in as whoever has these claims from now on.
    pub fn is(&self, claims: Value) {
        self.world.lock().unwrap().claims = claims;
    }

    pub fn lies(&self, lie: Lie) {
        self.world.lock().unwrap().lie = lie;
    }

    /// The settings of a program that logs people in here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("BLUECAST_OIDC_ISSUER", self.issuer.clone()),
            ("BLUECAST_OIDC_CLIENT_ID", CLIENT.to_owned()),
            ("BLUECAST_OIDC_CLIENT_SECRET", SECRET.to_owned()),
        ]
    }
}

async fn configuration(State(world): State<Shared>) -> Json<Value> {
    let issuer = world.lock().unwrap().issuer.clone();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }))
}

async fn jwks(State(world): State<Shared>) -> Json<Value> {
    let world = world.lock().unwrap();
    let rsa = world.key.rsa().unwrap();
    let encoded = |number: &openssl::bn::BigNumRef| URL_SAFE_NO_PAD.encode(number.to_vec());
    Json(json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": world.key_id, "n": encoded(rsa.n()), "e": encoded(rsa.e()),
    }]}))
}

async fn authorize(State(world): State<Shared>, Query(asked): Query<BTreeMap<String, String>>) -> Response {
    let given = |name: &str| asked.get(name).cloned().unwrap_or_default();
    if given("client_id") != CLIENT || given("response_type") != "code" || given("code_challenge_method") != "S256" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if !given("scope").split(' ').any(|scope| scope == "openid") || given("state").is_empty() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut world = world.lock().unwrap();
    world.count += 1;
    let code = format!("code-{}", world.count);
    world.codes.insert(code.clone(), (asked.get("nonce").cloned(), given("code_challenge"), given("redirect_uri")));
    let mut back: url::Url = given("redirect_uri").parse().unwrap();
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &given("state")).append_pair("session_state", "x");
    Redirect::to(back.as_str()).into_response()
}

async fn token(State(world): State<Shared>, headers: HeaderMap, Form(asked): Form<BTreeMap<String, String>>) -> Response {
    let given = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response();
    let basic = headers.get("authorization").and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Basic "));
    let basic = basic.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    if basic != format!("{CLIENT}:{encoded}") {
        return refuse("invalid_client");
    }
    let mut world = world.lock().unwrap();
    let Some((nonce, challenge, redirect)) = world.codes.remove(&given("code")) else { return refuse("invalid_grant") };
    let verified = URL_SAFE_NO_PAD.encode(Sha256::digest(given("code_verifier"))) == challenge;
    if !verified || given("redirect_uri") != redirect || given("grant_type") != "authorization_code" {
        return refuse("invalid_grant");
    }
    let access_token = format!("access-{}", world.count);
    let id_token = world.sign(nonce, &access_token);
    Json(json!({"access_token": access_token, "token_type": "Bearer", "expires_in": 60, "id_token": id_token})).into_response()
}

impl World {
    fn sign(&self, nonce: Option<String>, access_token: &str) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let hashed = if self.lie == Lie::AccessToken { "another" } else { access_token };
        let mut claims = json!({
            "iss": if self.lie == Lie::Issuer { "https://elsewhere.example" } else { &self.issuer },
            "aud": if self.lie == Lie::Audience { "another-client" } else { CLIENT },
            "exp": if self.lie == Lie::Expired { now - 60 } else { now + 60 },
            "iat": now - 120,
            "at_hash": URL_SAFE_NO_PAD.encode(&Sha256::digest(hashed)[..16]),
            "nonce": if self.lie == Lie::Nonce { Some("another".to_owned()) } else { nonce },
        });
        if self.lie == Lie::NoNonce {
            claims.as_object_mut().unwrap().remove("nonce");
        }
        claims.as_object_mut().unwrap().extend(self.claims.as_object().unwrap().clone());
        let algorithm = match self.lie {
            Lie::AlgNone => "none",
            Lie::AlgHs256 => "HS256",
            _ => "RS256",
        };
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = encode(&json!({"alg": algorithm, "kid": self.key_id, "typ": "JWT"}));
        let signed = format!("{head}.{}", encode(&claims));
        let hmac_key = PKey::hmac(SECRET.as_bytes()).unwrap();
        let signature = match self.lie {
            Lie::AlgNone => Vec::new(),
            lie => {
                let key = match lie {
                    Lie::Key => &self.strange,
                    Lie::AlgHs256 => &hmac_key,
                    _ => &self.key,
                };
                let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
                signer.update(signed.as_bytes()).unwrap();
                signer.sign_to_vec().unwrap()
            }
        };
        let signed = if self.lie == Lie::Forged {
            claims["sub"] = json!("somebody-else");
            format!("{head}.{}", encode(&claims))
        } else {
            signed
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
