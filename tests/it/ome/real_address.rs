//! Where a real OME is, as `BLUECAST_TEST_OME` says it.

use std::net::SocketAddr;

use serde_json::{Value, json};
use url::Url;

/// The variable that names it.
pub const VARIABLE: &str = "BLUECAST_TEST_OME";
/// The variable that names one, perhaps the same by another virtual host, whose `AdmissionWebhooks` ask at an address of this machine.
pub const ASKING: &str = "BLUECAST_TEST_OME_ASKING";

/// A real OME: `api=http://USER:TOKEN@HOST:PORT,rtmp=rtmp://…,srt=srt://HOST:PORT,whip=http://HOST:PORT,ws=ws://HOST:PORT,app=APP`, and
/// perhaps `edge_api=http://USER:TOKEN@HOST:PORT`, `hls=http://HOST:PORT` and `vhost=NAME` (`default`). `ws` and `hls` are the edge's, or the
/// origin's own. One that asks who may publish and play says where and how it signs: `asks=127.0.0.1:PORT,secret=SECRET`.
pub struct RealOme {
    api: (String, String),
    edge_api: Option<(String, String)>,
    pub rtmp: String,
    pub srt: String,
    pub whip: String,
    pub ws: String,
    hls: Option<String>,
    pub app: String,
    pub vhost: String,
    /// Where it asks, and its secret.
    pub asks: Option<(SocketAddr, String)>,
}

impl RealOme {
    /// What the environment names; `None`, and a word on stderr, where it names nothing.
    ///
    /// # Panics
    /// If what it says makes no sense.
    pub fn named(who: &str) -> Option<Self> {
        Self::named_by(VARIABLE, who)
    }

    /// One that asks who may publish and play.
    ///
    /// # Panics
    /// If what the environment says makes no sense.
    pub fn asking(who: &str) -> Option<Self> {
        let ome = Self::named_by(ASKING, who)?;
        assert!(ome.asks.is_some(), "{ASKING}: asks and secret are missing");
        Some(ome)
    }

    fn named_by(variable: &str, who: &str) -> Option<Self> {
        let Ok(text) = std::env::var(variable) else {
            eprintln!("SKIPPED: {who}: {variable} names no OvenMediaEngine");
            return None;
        };
        Some(Self::parse(&text).unwrap_or_else(|error| panic!("{variable}: {error}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = std::collections::BTreeMap::new();
        for part in text.split(',') {
            let (key, value) = part.trim().split_once('=').ok_or("a part is not KEY=VALUE")?;
            if parts.insert(key, value).is_some() {
                return Err(format!("{key} is said twice"));
            }
        }
        let mut take = |key: &str| parts.remove(key).map(|value| value.trim_end_matches('/').to_owned());
        let edge_api = take("edge_api").map(|url| with_token("edge_api", &url)).transpose()?;
        let hls = take("hls");
        let vhost = take("vhost").unwrap_or_else(|| "default".to_owned());
        let asks = match (take("asks"), take("secret")) {
            (Some(at), Some(secret)) => Some((at.parse().map_err(|error| format!("asks: {error}"))?, secret)),
            (None, None) => None,
            _ => return Err("asks and secret belong together".to_owned()),
        };
        let mut need = |key: &str| take(key).ok_or_else(|| format!("{key} is missing"));
        let api = with_token("api", &need("api")?)?;
        let (rtmp, srt, whip, ws, app) = (need("rtmp")?, need("srt")?, need("whip")?, need("ws")?, need("app")?);
        let ome = Self { api, edge_api, rtmp, srt, whip, ws, hls, app, vhost, asks };
        match parts.keys().next() {
            Some(key) => Err(format!("nobody knows {key}")),
            None => Ok(ome),
        }
    }

    /// The body that makes an origin of it by our API.
    pub fn origin(&self) -> Value {
        let (api_url, api_token) = &self.api;
        let mut origin = json!({
            "name": "Real", "app": self.app, "vhost": self.vhost, "api_url": api_url, "api_token": api_token,
            "whip_url": self.whip, "rtmp_url": self.rtmp, "srt_url": self.srt,
            "playback": { "webrtc": format!("{}/{{app}}/{{name}}", self.ws) },
        });
        if let Some(hls) = &self.hls {
            origin["playback"]["llhls"] = json!(format!("{hls}/{{app}}/{{name}}/llhls.m3u8"));
        }
        if let Some((api_url, api_token)) = &self.edge_api {
            origin["edges"] = json!([{ "name": "edge", "api_url": api_url, "api_token": api_token }]);
        }
        origin
    }

    /// Whether an edge's API is named, so that viewers can be counted there.
    pub fn has_edge(&self) -> bool {
        self.edge_api.is_some()
    }

    /// Whether it plays LL-HLS.
    pub fn has_hls(&self) -> bool {
        self.hls.is_some()
    }

    /// What the origin's own API says of a stream; `None` where it has none of that name.
    pub async fn stream(&self, http: &reqwest::Client, name: &str) -> Option<Value> {
        let (api_url, api_token) = &self.api;
        let (user, password) = api_token.split_once(':').unwrap_or((api_token, ""));
        let url = format!("{api_url}/v1/vhosts/{}/apps/{}/streams/{name}", self.vhost, self.app);
        let answer = http.get(url).basic_auth(user, Some(password)).send().await.ok()?;
        let text = answer.error_for_status().ok()?.text().await.ok()?;
        serde_json::from_str::<Value>(&text).ok().map(|mut body| body["response"].take())
    }
}

/// An API's address, and its access token, which is before the `@`.
fn with_token(key: &str, text: &str) -> Result<(String, String), String> {
    let mut url = Url::parse(text).map_err(|error| format!("{key}: {error}"))?;
    let token = match (url.username(), url.password()) {
        ("", _) => return Err(format!("{key} has no USER:TOKEN@")),
        (user, None) => user.to_owned(),
        (user, Some(password)) => format!("{user}:{password}"),
    };
    if url.set_username("").and_then(|()| url.set_password(None)).is_err() {
        return Err(format!("{key} has no host"));
    }
    Ok((url.as_str().trim_end_matches('/').to_owned(), token))
}

#[test]
fn addresses_are_read_and_mistakes_are_named() {
    let good = "api=http://rig:token@127.0.0.1:18081/,rtmp=rtmp://h:1935,srt=srt://h:9999,whip=http://h:3333,ws=ws://e:3333,app=app";
    let ome = RealOme::parse(good).ok().unwrap();
    let origin = ome.origin();
    assert_eq!(
        (&origin["api_url"], &origin["api_token"], &origin["vhost"], &origin["playback"]["webrtc"], &origin["edges"]),
        (&json!("http://127.0.0.1:18081"), &json!("rig:token"), &json!("default"), &json!("ws://e:3333/{app}/{name}"), &Value::Null)
    );
    let more =
        RealOme::parse(&format!("{good}, vhost=v,asks=127.0.0.1:9,secret=s=1,edge_api=https://one@h:1,hls=http://e:4")).ok().unwrap();
    assert_eq!(more.origin()["playback"]["llhls"], "http://e:4/{app}/{name}/llhls.m3u8");
    assert_eq!((&more.origin()["vhost"], &more.origin()["edges"][0]["api_token"]), (&json!("v"), &json!("one")));
    assert_eq!(more.asks, Some(("127.0.0.1:9".parse().unwrap(), "s=1".to_owned())));
    for (bad, word) in [
        ("", "KEY=VALUE"),
        ("api=http://127.0.0.1:1", "no USER:TOKEN@"),
        ("api=http://a:b@h", "rtmp is missing"),
        (&format!("{good},app=app"), "app is said twice"),
        (&format!("{good},dash=x"), "nobody knows dash"),
        (&format!("{good},asks=127.0.0.1:9"), "belong together"),
        (&format!("{good},asks=here,secret=s"), "asks: "),
    ] {
        assert!(RealOme::parse(bad).err().unwrap().contains(word), "{bad}");
    }
}
