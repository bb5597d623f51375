//! From a kept broadcast to a session's plan.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::arm::arm;
use super::etiquette::{self, Announce};
use super::meeting::MeetingLink;
use super::model::{BotRole, Row, SourceKind, TargetAddress, TargetRow, of_word};
use super::rules::Terms;
use super::session::{BrowserPlan, SessionSpec, SourcePlan, TargetPlan};
use super::state::Phase;
use super::store::{self, SealedTarget};
use crate::bbb::{JoinParams, Layout, Role};
use crate::media::error::MediaError;
use crate::media::output::whip::KeepResource;
use crate::media::output::{Resolve, SrtSettings, TargetUrl, WhipResource, WhipSettings};
use crate::media::permit::Permit;
use crate::media::profile::{Overrides, Profile};
use crate::moment::now_ms;
use crate::origin::Origins;
use crate::reach::Reach;
use crate::secret::Secret;
use crate::server::Servers;
use crate::store::Store;
use crate::store::vault::Vault;
use url::Url;

/// Where sealed values stand.
const ADDRESS: &str = "targets.address";
const RESOURCE: &str = "targets.whip_resource";
/// How long the database may take to keep a WHIP session: a broadcast does not wait for it, only a crash is harder to mend.
const KEEP_WITHIN: Duration = Duration::from_secs(2);

/// What launching needs to know of the process.
#[derive(Clone)]
pub struct Launcher {
    /// Opens the secrets of targets and servers.
    pub vault: Vault,
    /// Which hosts may be called.
    pub reach: Reach,
    /// Under which folder browsers live.
    pub runtime: PathBuf,
    /// Chromium's program.
    pub chromium: PathBuf,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// Talks to BBB servers.
    pub servers: Servers,
    /// Talks to origins.
    pub origins: Origins,
    /// What all WHIP targets share.
    pub whip: WhipSettings,
    /// What browsers call us by.
    pub public_url: Option<Url>,
}

impl Launcher {
    async fn browser(&self, store: &Store, row: &Row, terms: &Terms, labels: &[String]) -> Result<BrowserPlan, MediaError> {
        let gone = || MediaError::ours("no_such_server", "The BBB server of this broadcast is no longer known.").fatal();
        let server_id = row.server_id.as_deref().ok_or_else(gone)?;
        let client = self.servers.client(store, server_id).await.map_err(|error| MediaError::source(error.code(), error.to_string()))?;
        let role = if of_word(&row.bot_role) == Some(BotRole::Moderator) { Role::Moderator } else { Role::Viewer };
        let layout = layout(&row.layout);
        let place = || etiquette::place(self.public_url.as_ref(), row.room_key.as_deref(), labels);
        let join = JoinParams::bot(&row.meeting_id, &row.bot_name).role(role).user_id(&row.id).layout(layout);
        let meeting = MeetingLink {
            client: client.ok_or_else(gone)?,
            join,
            meeting_id: row.meeting_id.clone(),
            user_id: row.id.clone(),
            run: Arc::default(),
            announce: (row.announce == 1).then(|| Announce { name: row.bot_name.clone(), place: place() }),
            empty_for: terms.rules.empty_for(),
        };
        Ok(BrowserPlan { meeting, runtime: self.runtime.clone(), chromium: self.chromium.clone(), ca_file: self.ca_file.clone() })
    }

    /// Seals a target's address for its row.
    pub(super) fn seal(&self, id: &str, address: &TargetAddress) -> String {
        let text = serde_json::to_string(address).unwrap_or_default();
        self.vault.seal(ADDRESS, id, &Secret::new(text))
    }

    pub(super) fn open(&self, store: &Store, row: &TargetRow, epoch: i64) -> Result<TargetPlan, MediaError> {
        let broken = || MediaError::ours("target_unreadable", format!("{}: the kept address cannot be read.", row.label)).fatal();
        let text = self.vault.open(ADDRESS, &row.id, &row.address_sealed).map_err(|_| broken())?;
        let address: TargetAddress = serde_json::from_str(text.reveal()).map_err(|_| broken())?;
        let url = target_url(&address).map_err(|_| broken())?;
        let resource = row.whip_resource_sealed.as_deref().and_then(|sealed| self.vault.open(RESOURCE, &row.id, sealed).ok());
        let whip = WhipSettings {
            resource: resource.and_then(|text| WhipResource::from_text(&text)),
            keep: matches!(url, TargetUrl::Whip(_)).then(|| self.keeper(store, &row.id, epoch)),
            ..self.whip.clone()
        };
        let evict = Some(self.origins.evict(&row.id));
        Ok(TargetPlan { evict, whip, ..TargetPlan::new(row.id.clone(), row.label.clone(), url) })
    }

    /// The address of a target and its last WHIP session; empty where they cannot be read.
    pub(super) fn opened(&self, target: &SealedTarget) -> (TargetAddress, Secret) {
        let address = self.vault.open(ADDRESS, &target.id, &target.address_sealed).ok();
        let address = address.and_then(|text| serde_json::from_str(text.reveal()).ok()).unwrap_or_default();
        let resource = target.whip_resource_sealed.as_deref().and_then(|sealed| self.vault.open(RESOURCE, &target.id, sealed).ok());
        let resource = resource.and_then(|text| serde_json::from_str::<serde_json::Value>(text.reveal()).ok());
        let url = resource.as_ref().and_then(|kept| kept["url"].as_str()).unwrap_or_default();
        (address, Secret::new(url))
    }

    /// Keeps a target's WHIP session, sealed, on the output's thread.
    fn keeper(&self, store: &Store, target_id: &str, epoch: i64) -> KeepResource {
        let (vault, store, id, runtime) = (self.vault.clone(), store.clone(), target_id.to_owned(), tokio::runtime::Handle::current());
        Arc::new(move |resource| {
            let sealed = resource.map(|resource| vault.seal(RESOURCE, &id, &resource.to_text()));
            let keep = async { tokio::time::timeout(KEEP_WITHIN, store::keep_whip_resource(&store, &id, epoch, sealed)).await };
            match runtime.block_on(keep) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(target_id = id, %error, "a WHIP session could not be kept"),
                Err(_) => tracing::warn!(target_id = id, "a WHIP session could not be kept in time"),
            }
        })
    }
}

/// Looks hosts up for outputs, on their own threads.
pub(super) fn resolver(reach: &Reach) -> Resolve {
    let (reach, runtime) = (reach.clone(), tokio::runtime::Handle::current());
    Arc::new(move |host: &str, port: u16| {
        runtime.block_on(reach.resolve(host, port)).map_err(|error| {
            let found = MediaError::target(error.code(), error.to_string());
            if error.retry() { found } else { found.fatal() }
        })
    })
}

/// BBB's name of a layout, as an admin chose it.
pub(super) const LAYOUTS: [(&str, Layout); 8] = [
    ("MEDIA_ONLY", Layout::MediaOnly),
    ("PRESENTATION_ONLY", Layout::PresentationOnly),
    ("CAMERAS_ONLY", Layout::CamerasOnly),
    ("PARTICIPANTS_AND_CHAT_ONLY", Layout::ParticipantsAndChatOnly),
    ("CUSTOM_LAYOUT", Layout::Custom),
    ("SMART_LAYOUT", Layout::Smart),
    ("PRESENTATION_FOCUS", Layout::PresentationFocus),
    ("VIDEO_FOCUS", Layout::VideoFocus),
];

fn layout(name: &str) -> Layout {
    LAYOUTS.iter().find(|(known, _)| *known == name).map(|(_, layout)| *layout).unwrap_or_default()
}

/// The checked form of an address.
pub(super) fn target_url(address: &TargetAddress) -> Result<TargetUrl, crate::media::output::BadTarget> {
    let key = address.stream_key.clone().map(Secret::new);
    let has_srt = address.streamid.is_some() || address.passphrase.is_some() || address.latency_ms.is_some() || address.opus;
    let srt = has_srt.then(|| SrtSettings {
        streamid: address.streamid.clone().map(Secret::new),
        passphrase: address.passphrase.clone().map(Secret::new),
        latency_ms: address.latency_ms,
        opus: address.opus,
    });
    TargetUrl::parse(&address.url, key.as_ref(), srt.as_ref())?.with_bearer(address.bearer.clone().map(Secret::new).as_ref())
}

/// The plan of a kept broadcast.
pub(super) async fn spec(launcher: &Launcher, store: &Store, row: &Row, permit: Permit) -> Result<SessionSpec, MediaError> {
    let unreadable = |what: &str| MediaError::ours("broadcast_unreadable", format!("The kept broadcast has an unusable {what}.")).fatal();
    let overrides: Overrides = serde_json::from_str(&row.overrides).map_err(|_| unreadable("profile"))?;
    let profile = Profile::named(&row.profile).and_then(|profile| profile.with(&overrides)).map_err(|_| unreadable("profile"))?;
    let store_away = |error: crate::store::StoreError| MediaError::ours("database", error.to_string());
    let targets = store::targets(store, &row.id).await.map_err(store_away)?;
    let terms: Terms = serde_json::from_str(&row.rules).map_err(|_| unreadable("rules"))?;
    let live_before = store::first_live_ms(store, &row.id).await.map_err(store_away)?.map(|at_ms| {
        let passed_ms = now_ms().saturating_sub(at_ms);
        Duration::from_millis(u64::try_from(passed_ms).unwrap_or(0))
    });
    let labels: Vec<String> = targets.iter().map(|target| target.label.clone()).collect();
    let source = match of_word::<SourceKind>(&row.source) {
        Some(SourceKind::Test) => SourcePlan::Test,
        Some(SourceKind::Browser) => SourcePlan::Browser(Box::new(launcher.browser(store, row, &terms, &labels).await?)),
        _ => return Err(unreadable("source")),
    };
    let mut spec = SessionSpec {
        id: row.id.clone(),
        profile,
        source,
        title: row.meeting_name.clone(),
        slate: None,
        targets: targets.iter().map(|target| launcher.open(store, target, row.epoch)).collect::<Result<_, _>>()?,
        voice_filter: row.voice_filter == 1,
        paused: row.paused == 1,
        resumed: matches!(of_word(&row.phase), Some(Phase::Live | Phase::Interrupted)),
        resolve: resolver(&launcher.reach),
        terms,
        live_before,
        permit,
    };
    arm(store, &launcher.vault, &row.id, row.epoch, &mut spec.targets).await.map_err(store_away)?;
    Ok(spec)
}
