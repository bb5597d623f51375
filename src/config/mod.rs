//! Settings, from the environment.

mod mail;
mod oidc;
mod reader;
mod values;
mod variables;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use ipnet::IpNet;
use url::Url;

pub use self::mail::MailSettings;
pub use self::oidc::OidcSettings;
pub use self::values::{Database, IceServer, LogFormat, SecretKey};
pub use self::variables::{VARIABLES, Variable, env_example};
use crate::account::user::is_name;
use crate::comment::Retention;
use crate::reach::Reach;
use crate::room::answers::{self, Region};
use crate::room::is_key;
use crate::secret::Secret;
use reader::Reader;

/// Every setting, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// What browsers use; no path, query or fragment. `None`: not given, so `http://localhost` and the port that is listened on.
    pub public_url: Option<Url>,
    /// Folder of the database, the generated key and snapshots.
    pub data_dir: PathBuf,
    /// Where the data is kept.
    pub database: Database,
    /// Encrypts secrets at rest; `None` on SQLite: generated into the data folder.
    pub secret_key: Option<SecretKey>,
    /// Name of the first admin.
    pub admin_user: String,
    /// Password of the first admin; `None`: generated.
    pub admin_password: Option<Secret>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// For the preview and the embedded edge.
    pub webrtc: WebrtcSettings,
    /// The key that OME signs its admission webhooks with.
    pub ome_secret: Option<Secret>,
    /// The most viewers' connections from one address; of IPv6, from one /64.
    pub sockets_per_address: u32,
    /// How long what is known of viewers is kept.
    pub retention: Retention,
    /// Origins that are kept as this TOML file says.
    pub origins_file: Option<PathBuf>,
    /// Settings of rooms.
    pub room: RoomSettings,
    /// Where letters are handed in, and from whom they come.
    pub mail: Option<MailSettings>,
    /// Logins at somebody else's.
    pub oidc: Option<OidcSettings>,
    /// This process among the nodes.
    pub node: NodeSettings,
    /// What people may make us call besides public addresses.
    pub call_allow: Reach,
    /// Opens `/metrics` from elsewhere.
    pub metrics_token: Option<Secret>,
    /// More certificate authorities, PEM.
    pub ca_file: Option<PathBuf>,
    /// The browser that joins meetings; `None`: found on PATH.
    pub chromium: Option<PathBuf>,
    /// Filter of the log, as `tracing-subscriber` reads it.
    pub log_filter: String,
    /// How log lines are written.
    pub log_format: LogFormat,
}

/// Settings of WebRTC to viewers.
#[derive(Clone, Debug)]
pub struct WebrtcSettings {
    /// Addresses that viewers are told to send to; empty: those of this machine.
    pub addresses: Vec<IpAddr>,
    /// UDP ports to use; `None`: any free one.
    pub udp_ports: Option<RangeInclusive<u16>>,
    /// STUN and TURN servers for viewers.
    pub ice_servers: Vec<IceServer>,
    /// STUN and TURN servers for sending by WHIP.
    pub whip_ice_servers: Vec<IceServer>,
}

/// Settings of rooms.
#[derive(Clone, Debug)]
pub struct RoomSettings {
    /// Key of the room that stands in the place of the front page.
    pub home: Option<String>,
    /// The Matomo that counts visits, ends with `/`.
    pub matomo_url: Option<Url>,
    /// Where telephone numbers without a country's code are from.
    pub phone_region: Option<Region>,
    /// Days after which a registration is deleted; `None`: never.
    pub registration_days: Option<u32>,
}

/// This process in the list of nodes.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Its name.
    pub name: String,
    /// Where the other nodes reach it.
    pub url: Option<Url>,
    /// CPU cores that broadcasts may use; `None`: measured.
    pub capacity_cores: Option<f64>,
}

/// Everything that is wrong with the environment, a sentence each.
#[derive(Debug, thiserror::Error)]
#[error("the settings cannot be used:\n  {}", problems.join("\n  "))]
pub struct SettingsError {
    /// The sentences.
    pub problems: Vec<String>,
}

impl Settings {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, SettingsError> {
        // Names and values that are no UTF-8 are none of ours; ours are checked as text.
        let environment =
            std::env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
        Self::from_map(&environment.collect())
    }

    /// Reads a map of names and values as if it were the environment.
    pub fn from_map(environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let settings = Self::read(&mut reader);
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems }) }
    }

    /// The address under which browsers find us, with a slash at its end.
    pub fn public_base(&self) -> String {
        match &self.public_url {
            Some(url) => url.to_string(),
            None => format!("http://localhost:{}/", self.listen.port()),
        }
    }

    fn read(reader: &mut Reader) -> Self {
        let listen = reader
            .parsed("BLUECAST_LISTEN", "an address and a port, such as 127.0.0.1:8080")
            .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        let data_dir = PathBuf::from(reader.text("BLUECAST_DATA_DIR").unwrap_or("./data"));
        let database = reader
            .made("BLUECAST_DATABASE_URL", "sqlite://PATH (no options) or postgres://USER:PASSWORD@HOST/DATABASE", Database::parse)
            .unwrap_or_else(|| Database::Sqlite(data_dir.join("bluecast.db")));
        let secret_key =
            reader.made("BLUECAST_SECRET_KEY", "32 bytes in base64, as `openssl rand -base64 32` prints them", SecretKey::parse);
        if matches!(database, Database::Postgres(_)) && reader.text("BLUECAST_SECRET_KEY").is_none() {
            reader.problem("BLUECAST_SECRET_KEY must be given with Postgres; `openssl rand -base64 32` makes one".to_owned());
        }
        let own_machine = if listen.ip().is_loopback() { "loopback" } else { "" };
        let call_allow = reader
            .made("BLUECAST_CALL_ALLOW", "a comma-separated list of hosts, addresses, CIDRs or `loopback`", |list| Reach::parse(list).ok());
        Self {
            listen,
            public_url: reader.made("BLUECAST_PUBLIC_URL", "an http:// or https:// address without a path", base_url),
            database,
            secret_key,
            admin_user: reader
                .made("BLUECAST_ADMIN_USER", "1 to 64 of the characters A–Z a–z 0–9 . _ - @", |text| {
                    is_name(text).then(|| text.to_owned())
                })
                .unwrap_or_else(|| "admin".to_owned()),
            admin_password: reader.secret("BLUECAST_ADMIN_PASSWORD"),
            trusted_proxies: reader
                .list("BLUECAST_TRUSTED_PROXIES", "a comma-separated list of addresses or CIDRs", values::network)
                .unwrap_or_default(),
            webrtc: WebrtcSettings::read(reader),
            ome_secret: reader.secret("BLUECAST_OME_SECRET"),
            sockets_per_address: reader
                .made("BLUECAST_SOCKETS_PER_ADDRESS", "a number from 1 up", |text| text.parse().ok().filter(|most: &u32| *most > 0))
                .unwrap_or(4000),
            retention: Retention {
                comments_days: days(reader, "BLUECAST_KEEP_COMMENTS_DAYS", 730),
                sessions_days: days(reader, "BLUECAST_KEEP_SESSIONS_DAYS", 365),
                addresses_days: days(reader, "BLUECAST_KEEP_ADDRESSES_DAYS", 30),
            },
            origins_file: file(reader, "BLUECAST_ORIGINS_FILE"),
            room: RoomSettings::read(reader),
            mail: MailSettings::read(reader),
            oidc: OidcSettings::read(reader),
            node: NodeSettings::read(reader),
            call_allow: call_allow.or_else(|| Reach::parse(own_machine).ok()).unwrap_or_default(),
            metrics_token: reader.secret("BLUECAST_METRICS_TOKEN"),
            ca_file: file(reader, "BLUECAST_CA_FILE"),
            chromium: file(reader, "BLUECAST_CHROMIUM"),
            log_filter: reader
                .made("BLUECAST_LOG", "a level (error, warn, info, debug, trace) or a filter such as `info,bluecast=debug`", |text| {
                    tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned())
                })
                .unwrap_or_else(|| "info".to_owned()),
            log_format: reader
                .made("BLUECAST_LOG_FORMAT", "`text` or `json`", |text| match text {
                    "text" => Some(LogFormat::Text),
                    "json" => Some(LogFormat::Json),
                    _ => None,
                })
                .unwrap_or(LogFormat::Text),
            data_dir,
        }
    }
}

const ICE_SERVERS: &str = "a comma-separated list of stun:HOST:PORT and turn:USER:PASSWORD@HOST:PORT";

impl WebrtcSettings {
    fn read(reader: &mut Reader) -> Self {
        Self {
            addresses: reader
                .list("BLUECAST_WEBRTC_ADDRESSES", "a comma-separated list of addresses", |piece| piece.parse().ok())
                .unwrap_or_default(),
            udp_ports: reader.made("BLUECAST_WEBRTC_UDP_PORTS", "a range of ports such as 10000-10100", values::port_range),
            ice_servers: reader.list("BLUECAST_ICE_SERVERS", ICE_SERVERS, IceServer::parse).unwrap_or_default(),
            whip_ice_servers: reader.list("BLUECAST_WHIP_ICE_SERVERS", ICE_SERVERS, IceServer::parse).unwrap_or_default(),
        }
    }
}

impl RoomSettings {
    fn read(reader: &mut Reader) -> Self {
        let days = reader.made("BLUECAST_REGISTRATION_DAYS", "a number of days from 0 to 36500", |text| {
            text.parse::<u32>().ok().filter(|days| *days <= 36_500)
        });
        Self {
            home: reader
                .made("BLUECAST_HOME_ROOM", "the key of a room: 1 to 64 of a–z 0–9 -", |text| is_key(text).then(|| text.to_owned())),
            matomo_url: reader.made("BLUECAST_MATOMO_URL", "an http:// or https:// address", folder_url),
            phone_region: reader.made("BLUECAST_PHONE_REGION", "the two letters of a country, such as IN", answers::region),
            registration_days: Some(days.unwrap_or(365)).filter(|days| *days > 0),
        }
    }
}

impl NodeSettings {
    fn read(reader: &mut Reader) -> Self {
        let host_name = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self {
            name: reader
                .made("BLUECAST_NODE_NAME", "one line of 1 to 64 characters, and not `any`", |text| {
                    (text.chars().count() <= 64 && !text.chars().any(char::is_control) && text != "any").then(|| text.to_owned())
                })
                .unwrap_or_else(host_name),
            url: reader.made("BLUECAST_NODE_URL", "an http:// or https:// address without a path", base_url),
            capacity_cores: reader.made("BLUECAST_NODE_CAPACITY", "a number of CPU cores above 0, such as 3.5", |text| {
                text.parse().ok().filter(|cores: &f64| cores.is_finite() && *cores > 0.0)
            }),
        }
    }
}

fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    plain.then_some(url)
}

fn days(reader: &mut Reader, name: &'static str, otherwise: i64) -> i64 {
    let read = |text: &str| text.parse().ok().filter(|days| (0..=36_500).contains(days));
    reader.made(name, "a number of days, 0 for ever", read).unwrap_or(otherwise)
}

/// The address of a folder on a host that a content policy can name.
fn folder_url(text: &str) -> Option<Url> {
    let url = Url::parse(&format!("{}/", text.trim_end_matches('/'))).ok()?;
    let is_plain = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let usable = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(is_plain)
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    usable.then_some(url)
}

fn file(reader: &mut Reader, name: &'static str) -> Option<PathBuf> {
    reader.made(name, "the path of a file that exists", |text| Some(PathBuf::from(text)).filter(|path| path.is_file()))
}

#[cfg(test)]
mod tests;
