//! `GET /watch/{key}/playback`: where a viewer's player finds what is on in a room, with addresses of its own.

mod token;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use url::Url;
use uuid::Uuid;

pub use self::token::{Holder, LIFE_MS, PlaybackToken, PlaybackTokens};
use super::signed_policy::{self, NoSecret, Policy};
use crate::app::App;
use crate::broadcast::playing::{AtOrigin, Place, Playing};
use crate::http::{Answer, Json, Path, Problem};
use crate::moment::{now_ms, rfc3339};
use crate::room::{self, Admitted, Room, Visitor, viewer};
use crate::secret::Secret;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/watch/{key}/playback", get(show))
}

/// What a player gets.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Playback {
    /// At an origin: the best way first.
    Origin { stream: String, sources: Vec<Source>, expires_at: String, live: bool },
    /// Here, by WHEP.
    Embedded { stream: String, url: String, live: bool },
}

/// One way to play.
#[derive(Serialize)]
struct Source {
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
}

async fn show(State(app): State<App>, visitor: Visitor, Path(key): Path<String>) -> Answer<Response> {
    let room = room::find(&app.store, &key).await?.ok_or_else(|| Problem::not_found("room"))?;
    let admitted = room::pass(&app, &room, &visitor).await?;
    let playing = app.supervisor.room_playing(&key).await?;
    let Playing { stream, is_live, place } =
        playing.ok_or_else(|| Problem::conflict("not_on_air", "Nothing is on the air in this room at the moment."))?;
    let (viewer_id, is_new) = visitor.viewer_id.map_or_else(|| (Uuid::now_v7(), true), |id| (id, false));
    let playback = match place {
        Place::Embedded => Playback::Embedded { stream, url: format!("/whep/{key}"), live: is_live },
        Place::Elsewhere(place) => {
            let ways = [("webrtc", place.webrtc), ("llhls", place.llhls)];
            let sources = ways.into_iter().filter_map(|(kind, url)| url.map(|url| Source { kind, url })).collect();
            Playback::Origin { stream, sources, expires_at: rfc3339(now_ms() + LIFE_MS), live: is_live }
        }
        Place::Origin(place) => {
            let holder = match &visitor.caller {
                Some(caller) if visitor.is_staff(&app.store, &room.id).await? => Holder::User(id(&caller.user_id)?),
                _ => Holder::Viewer(viewer_id),
            };
            let pass = Pass::new(&app, &room, holder, &place, admitted).await?;
            Playback::Origin { stream, sources: pass.sources(&place)?, expires_at: rfc3339(pass.expires_ms), live: is_live }
        }
    };
    let mut response = ([(header::CACHE_CONTROL, "no-store")], Json(playback)).into_response();
    if is_new {
        response.headers_mut().append(header::SET_COOKIE, viewer::set(&app.settings, &app.vault, viewer_id));
    }
    Ok(response)
}

/// What opens an origin to one viewer.
struct Pass {
    token: Secret,
    expires_ms: i64,
    /// For an origin that checks addresses by itself: its secret, and when it is to cut the viewer.
    signing: Option<(Secret, i64)>,
}

impl Pass {
    async fn new(app: &App, room: &Room, holder: Holder, place: &AtOrigin, admitted: Admitted) -> Answer<Self> {
        let now_ms = now_ms();
        let expires_ms = now_ms + LIFE_MS;
        let token = PlaybackToken { room_id: id(&room.id)?, holder, target_id: id(&place.target_id)?, expires_ms };
        let secret = signed_policy::secret_of(&app.store, &app.vault, &place.origin_id).await.map_err(|error| match error {
            NoSecret::Store(error) => error.into(),
            NoSecret::Vault(error) => Problem::from(error),
        })?;
        let token = PlaybackTokens::new(&app.vault).write(&token);
        Ok(Self { token, expires_ms, signing: secret.map(|secret| (secret, now_ms + admitted.lifetime_ms(now_ms, 0))) })
    }

    fn sources(&self, place: &AtOrigin) -> Answer<Vec<Source>> {
        let ways = [("webrtc", &place.webrtc, None), ("webrtc_tcp", &place.webrtc, Some("tcp")), ("llhls", &place.llhls, None)];
        let usable =
            ways.into_iter().filter_map(|(kind, template, transport)| template.as_ref().map(|template| (kind, template, transport)));
        usable.map(|(kind, template, transport)| Ok(Source { kind, url: self.address(template, place, transport)? })).collect()
    }

    fn address(&self, template: &str, place: &AtOrigin, transport: Option<&str>) -> Answer<String> {
        let mut url = Url::parse(&super::playback(template, &place.app, &place.stream_name)).map_err(Problem::internal)?;
        if let Some(transport) = transport {
            url.query_pairs_mut().append_pair("transport", transport);
        }
        url.query_pairs_mut().append_pair("token", self.token.reveal());
        let Some((secret, stream_expire_ms)) = &self.signing else { return Ok(url.into()) };
        let policy = Policy { url_expire_ms: self.expires_ms, stream_expire_ms: Some(*stream_expire_ms) };
        signed_policy::sign(&url, secret, policy).ok_or_else(|| Problem::internal("a playback address without a port"))
    }
}

fn id(text: &str) -> Answer<Uuid> {
    Uuid::parse_str(text).map_err(Problem::internal)
}
