//! Wires the rooms of the house together; start, drain, stop.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::account::mail::Mailer;
use crate::account::oidc::Provider;
use crate::account::{AccountChanges, Doorkeeper, FirstAdmin, first_admin};
use crate::broadcast::{Glances, Launcher, Supervisor};
use crate::comment::Comments;
use crate::config::{IceServer, Settings};
use crate::http::{Answer, Problem};
use crate::media::output::WhipSettings;
use crate::media::output::trust;
use crate::media::output::whep::{Whep, WhepConfig, WhepError};
use crate::media::source::browser;
use crate::node::{Heart, Node, PresenceError, Proxy};
use crate::origin::{self, Origins, ProvisionError};
use crate::server::Servers;
use crate::store::vault::Vault;
use crate::store::{OpenError, Purpose, Store, open_vault};
use crate::{http, room, schedule, telemetry, webhook};

/// Everything that routes need. Clones are handles to the same.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// Settings, checked.
    pub settings: Settings,
    /// The database.
    pub store: Store,
    /// Seals and opens stored secrets.
    pub vault: Vault,
    /// Checks passwords and slows down those who guess.
    pub doorkeeper: Doorkeeper,
    /// Sends letters, where the settings name a server for them.
    pub mail: Option<Mailer>,
    /// Where people log in who do so elsewhere.
    pub oidc: Option<Provider>,
    /// Tells when users, groups or what they hold have changed.
    pub accounts: AccountChanges,
    /// Clients of the BBB servers.
    pub servers: Servers,
    /// Clients of the origins.
    pub origins: Origins,
    /// This process among those that share the database.
    pub node: Node,
    /// The way to the other nodes.
    pub proxy: Proxy,
    /// All broadcasts of this process.
    pub supervisor: Supervisor,
    /// Who saw which broadcast a moment ago.
    pub(crate) glances: Glances,
    /// What is written in rooms, and who is there.
    pub comments: Comments,
    /// What this process remembers for its rooms.
    pub rooms: room::Desk,
    /// WebRTC to viewers, once the process serves.
    whep: Arc<OnceLock<Whep>>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Cancelled when the process begins to end: answers that never end by themselves do then.
    pub stopping: CancellationToken,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Opens the database and everything that stands on it.
    pub async fn open(settings: Settings, purpose: Purpose) -> Result<Self, OpenError> {
        let store = Store::open(&settings, purpose).await?;
        let vault = open_vault(&settings, &store).await?;
        let servers = Servers::new(vault.clone(), settings.call_allow.clone(), settings.ca_file.as_deref());
        let origins = Origins::new(store.clone(), vault.clone(), settings.call_allow.clone(), settings.ca_file.as_deref());
        let launcher = Launcher {
            vault: vault.clone(),
            reach: settings.call_allow.clone(),
            runtime: browser::runtime_dir(),
            chromium: settings.chromium.clone().unwrap_or_else(|| "chromium".into()),
            ca_file: settings.ca_file.clone(),
            servers: servers.clone(),
            origins: origins.clone(),
            whip: whip_settings(&settings),
            public_url: settings.public_url.clone(),
        };
        let whep = Arc::new(OnceLock::new());
        let node = Node::new(store.clone(), &settings);
        let supervisor = Supervisor::new(store.clone(), node.clone(), &settings, launcher, Arc::clone(&whep));
        Ok(Self(Arc::new(Parts {
            servers,
            origins,
            proxy: proxy(&settings, &vault),
            node,
            supervisor,
            comments: Comments::new(&store, &vault, &settings),
            rooms: room::Desk::default(),
            whep,
            doorkeeper: Doorkeeper::new(),
            mail: mailer(&settings),
            oidc: provider(&settings),
            accounts: AccountChanges::default(),
            glances: Glances::default(),
            metrics: telemetry::metrics(),
            stopping: CancellationToken::new(),
            settings,
            store,
            vault,
        })))
    }
}

fn provider(settings: &Settings) -> Option<Provider> {
    let authorities = settings.ca_file.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    Provider::new(settings.oidc.clone()?, &settings.public_base(), &authorities)
}

fn mailer(settings: &Settings) -> Option<Mailer> {
    let authorities = settings.ca_file.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    let mail = settings.mail.as_ref()?;
    Mailer::new(mail, &authorities).inspect_err(|error| tracing::error!(%error, "no mail is sent")).ok()
}

impl App {
    /// WebRTC to viewers.
    ///
    /// # Errors
    /// In a process that does not serve.
    pub fn whep(&self) -> Answer<&Whep> {
        self.whep.get().ok_or_else(|| Problem::unavailable("whep_gone", "WebRTC is not running on this node."))
    }

    /// Clears away what a killed process left behind, and tells GStreamer whom to trust.
    async fn prepare_media(&self) {
        let (ca_file, data_dir) = (self.settings.ca_file.clone(), self.settings.data_dir.clone());
        let prepare = move || {
            let left = browser::reap_leftovers(&browser::runtime_dir());
            if left > 0 {
                tracing::warn!(left, "a process before this one was killed; what its browsers left behind is cleared away");
            }
            if let Some(ca_file) = ca_file
                && let Err(error) = trust::also(&ca_file, &data_dir)
            {
                tracing::error!(%error, "BLUECAST_CA_FILE cannot be used for RTMPS");
            }
        };
        if let Err(error) = tokio::task::spawn_blocking(prepare).await {
            tracing::error!(%error, "preparing failed");
        }
    }

    async fn provision_origins(&self) -> Result<(), ProvisionError> {
        let Some(path) = &self.settings.origins_file else { return Ok(()) };
        let changed = origin::provision(&self.store, &self.vault, path, |name| std::env::var(name).ok()).await?;
        tracing::info!(changed, "the origins are as their file says");
        Ok(())
    }

    fn start_whep(&self) -> Result<(), WhepError> {
        let whep = Whep::start(&whep_config(&self.settings))?;
        tracing::info!(addresses = ?whep.addresses(), "WebRTC to viewers");
        self.whep.set(whep).map_err(|_| WhepError::Gone)
    }
}

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}; stop what uses it, or set BLUECAST_LISTEN to another address")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        reason: std::io::Error,
    },
    /// GStreamer is not there.
    #[error("GStreamer cannot be used: {0}")]
    Media(String),
    /// No viewer could be reached by WebRTC.
    #[error("{0} Set BLUECAST_WEBRTC_UDP_PORTS and BLUECAST_WEBRTC_ADDRESSES, or stop what uses the ports")]
    Whep(#[from] WhepError),
    /// The database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file of origins cannot be used.
    #[error("{0}; mend it, or take BLUECAST_ORIGINS_FILE away")]
    Origins(#[from] ProvisionError),
    /// It cannot be a node.
    #[error(transparent)]
    Presence(#[from] PresenceError),
}

/// A serving program.
pub struct Running {
    /// What it is made of.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// The first admin, where this start made one.
    pub first_admin: Option<FirstAdmin>,
    serving: JoinHandle<()>,
    heart: Heart,
}

impl Running {
    /// Listens, opens the database and serves.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        gstreamer::init().map_err(|error| StartError::Media(error.to_string()))?;
        let cannot = |reason| StartError::Listen { address: settings.listen, reason };
        let listener = TcpListener::bind(settings.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let app = App::open(settings, Purpose::Serve).await?;
        let begun = Self::begin(&app).await;
        let (heart, first_admin) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                // What runs already holds the database; the next start is not to find it in use.
                app.stopping.cancel();
                app.store.close().await;
                return Err(error);
            }
        };
        let serving = tokio::spawn(http::serve::serve(listener, http::router(app.clone()), app.stopping.clone()));
        Ok(Self { app, address, first_admin, serving, heart })
    }

    /// All that comes before the first request.
    async fn begin(app: &App) -> Result<(Heart, Option<FirstAdmin>), StartError> {
        app.provision_origins().await?;
        app.prepare_media().await;
        app.start_whep()?;
        app.supervisor.say_load();
        app.node.come_in().await?;
        let heart = app.node.start_heart().map_err(PresenceError::from)?;
        app.supervisor.resume().await.map_err(OpenError::from)?;
        app.comments.start(app).await.map_err(OpenError::from)?;
        tokio::spawn(schedule::follow(app.clone()));
        // Last of what may fail: a generated password is shown once, by a start that succeeds.
        let first_admin = first_admin(&app.store, &app.settings).await.map_err(OpenError::from)?;
        tokio::spawn(webhook::deliver(app.clone()));
        Ok((heart, first_admin))
    }

    /// Ends in order: nothing new comes in, what is under way finishes, then the database is closed.
    pub async fn stop(self) {
        self.app.stopping.cancel();
        self.app.comments.stop().await;
        self.app.supervisor.drain().await;
        drop(self.heart);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the accept loop ended badly");
        }
        self.app.store.close().await;
    }
}

#[expect(clippy::expect_used, reason = "fails only where no TLS is to be had at all, and then nothing else works either")]
fn proxy(settings: &Settings, vault: &Vault) -> Proxy {
    let authorities_pem = settings.ca_file.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    Proxy::new(vault, &authorities_pem).expect("a client for the other nodes")
}

/// What all WHIP targets of a process share.
pub fn whip_settings(settings: &Settings) -> WhipSettings {
    let read =
        |path: &PathBuf| std::fs::read(path).inspect_err(|error| tracing::error!(%error, "BLUECAST_CA_FILE cannot be used for WHIP")).ok();
    WhipSettings {
        authorities_pem: Arc::new(settings.ca_file.as_ref().and_then(read).unwrap_or_default()),
        ice_servers: Arc::new(settings.webrtc.whip_ice_servers.iter().map(IceServer::uri).collect()),
        ..WhipSettings::default()
    }
}

/// Where viewers reach this process by WebRTC.
pub(crate) fn whep_config(settings: &Settings) -> WhepConfig {
    WhepConfig {
        ports: settings.webrtc.udp_ports.clone(),
        addresses: settings.webrtc.addresses.clone(),
        loopback: settings.listen.ip().is_loopback(),
        ..WhepConfig::default()
    }
}
