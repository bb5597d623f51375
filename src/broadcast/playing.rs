//! What a room plays from: an origin that the broadcast is pushed to, or this process itself.

use sha2::{Digest, Sha256};

use super::model::{Row, of_word};
use super::session::TargetView;
use super::state::Phase;
use crate::store::{Store, StoreError, args};

/// What a room plays from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playing {
    /// Names this very stretch of it: with another, players must begin anew.
    pub stream: String,
    /// Whether it can be played now.
    pub is_live: bool,
    /// Where.
    pub place: Place,
}

/// Where a broadcast is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At an origin, or its edges.
    Origin(AtOrigin),
    /// At addresses of the room's own, of which nothing else is known: whoever has them can play.
    Elsewhere(Elsewhere),
    /// Here, by WHEP.
    Embedded,
}

/// Playback addresses of a room's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The WebRTC address.
    pub webrtc: Option<String>,
    /// The LL-HLS address.
    pub llhls: Option<String>,
}

/// A broadcast at an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtOrigin {
    /// The target that feeds it.
    pub target_id: String,
    /// The origin's id.
    pub origin_id: String,
    /// The application on it.
    pub app: String,
    /// The name of the stream.
    pub stream_name: String,
    /// Template of the WebRTC address.
    pub webrtc: Option<String>,
    /// Template of the LL-HLS address.
    pub llhls: Option<String>,
}

#[derive(Clone, Debug, sqlx::FromRow)]
struct Choice {
    epoch: i64,
    ended_ms: Option<i64>,
    desired: i64,
    phase: String,
    /// Changes when everybody is turned out of the room.
    door: Option<i64>,
    wanted: Option<String>,
    target_id: Option<String>,
    origin_id: Option<String>,
    app: Option<String>,
    stream_name: Option<String>,
    playback_webrtc: Option<String>,
    playback_llhls: Option<String>,
    /// The room's own addresses, in place of any origin's.
    own_webrtc: Option<String>,
    own_llhls: Option<String>,
}

/// What the room of a broadcast plays from; `None` once it is over or is to end. `targets` are those of
/// its session, where it runs here or on a node that is reached from here.
pub(super) async fn of(store: &Store, row: &Row, targets: Option<Vec<TargetView>>) -> Result<Option<Playing>, StoreError> {
    let sql = "SELECT broadcasts.epoch, broadcasts.ended_ms, broadcasts.desired, broadcasts.phase, \
               CASE rooms.visibility WHEN 'password' THEN rooms.password_version WHEN 'registered' THEN -2 ELSE -1 END AS door, \
               rooms.origin_id AS wanted, targets.id AS target_id, origins.id AS origin_id, targets.app, \
               targets.stream_name, origins.playback_webrtc, origins.playback_llhls, rooms.playback_webrtc AS own_webrtc, \
               rooms.playback_llhls AS own_llhls FROM broadcasts \
               LEFT JOIN rooms ON rooms.key = broadcasts.room_key \
               LEFT JOIN targets ON targets.broadcast_id = broadcasts.id AND targets.removed_ms IS NULL AND targets.stream_name IS NOT NULL \
               LEFT JOIN origins ON origins.id = targets.origin_id WHERE broadcasts.id = $1 ORDER BY targets.id";
    let choices: Vec<Choice> = store.all(sql, args![&row.id]).await?;
    // Asked with its targets, which an end takes away: whatever was read before may be older.
    let Some(first) = choices.first().filter(|choice| choice.is_on()) else { return Ok(None) };
    let (since, phase) = (format!("{} {:?}", first.epoch, first.door), of_word(&first.phase));
    let elsewhere = first.elsewhere();
    let Some(place) = choose(choices) else {
        if let Some(place) = elsewhere {
            let is_live = targets.map_or(matches!(phase, Some(Phase::Live | Phase::Interrupted)), |targets| {
                targets.iter().any(|target| target.state == "live")
            });
            let stream = stream(&row.id, &since, "elsewhere", 0);
            return Ok(Some(Playing { stream, is_live, place: Place::Elsewhere(place) }));
        }
        // Only the process that runs a broadcast serves it itself; the others send viewers on to it.
        let stream = stream(&row.id, &since, "embedded", 0);
        return Ok(targets.map(|_| Playing { stream, is_live: true, place: Place::Embedded }));
    };
    let (runs, mut targets) = (targets.is_some(), targets.unwrap_or_default().into_iter());
    let target = targets.find(|target| target.id == place.target_id);
    let (is_live, reconnects) = match (target, runs) {
        (Some(TargetView { state, reconnects, .. }), _) => (state == "live", reconnects),
        (None, true) => (false, 0),
        (None, false) => (matches!(phase, Some(Phase::Live | Phase::Interrupted)), 0),
    };
    let stream = stream(&row.id, &since, &place.target_id, reconnects);
    Ok(Some(Playing { stream, is_live, place: Place::Origin(place) }))
}

/// The room's own origin, else the first that can be played from.
fn choose(choices: Vec<Choice>) -> Option<AtOrigin> {
    let mut first = None;
    for choice in choices {
        let is_wanted = choice.wanted.is_some() && choice.wanted == choice.origin_id;
        if let Some(place) = choice.place()
            && (is_wanted || first.is_none())
        {
            first = Some(place);
            if is_wanted {
                break;
            }
        }
    }
    first
}

impl Choice {
    fn is_on(&self) -> bool {
        self.ended_ms.is_none() && self.desired == 1 && !matches!(of_word(&self.phase), Some(Phase::Ending | Phase::Ended))
    }

    /// The room's own addresses as they are. A template of a stream that no origin has names nothing.
    fn elsewhere(&self) -> Option<Elsewhere> {
        let usable = |own: &Option<String>| own.clone().filter(|own| !own.contains('{'));
        let place = Elsewhere { webrtc: usable(&self.own_webrtc), llhls: usable(&self.own_llhls) };
        (place.webrtc.is_some() || place.llhls.is_some()).then_some(place)
    }

    fn place(mut self) -> Option<AtOrigin> {
        if self.own_webrtc.is_some() || self.own_llhls.is_some() {
            (self.playback_webrtc, self.playback_llhls) = (self.own_webrtc, self.own_llhls);
        }
        let has_address = self.playback_webrtc.is_some() || self.playback_llhls.is_some();
        Some(AtOrigin {
            target_id: self.target_id.filter(|_| has_address)?,
            origin_id: self.origin_id?,
            app: self.app?,
            stream_name: self.stream_name?,
            webrtc: self.playback_webrtc,
            llhls: self.playback_llhls,
        })
    }
}

/// An origin drops its viewers whenever the push to it ends, so what comes after is another stream.
fn stream(broadcast_id: &str, since: &str, place: &str, reconnects: u32) -> String {
    let digest = Sha256::digest(format!("{broadcast_id} {since} {place} {reconnects}"));
    hex::encode(&digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(origin: &str, wanted: Option<&str>, has_address: bool) -> Choice {
        Choice {
            epoch: 1,
            ended_ms: None,
            desired: 1,
            phase: "live".to_owned(),
            door: None,
            wanted: wanted.map(str::to_owned),
            target_id: Some(format!("target at {origin}")),
            origin_id: Some(origin.to_owned()),
            app: Some("app".into()),
            stream_name: Some("hall".into()),
            playback_webrtc: has_address.then(|| "wss://ome/{app}/{name}".to_owned()),
            playback_llhls: None,
            own_webrtc: None,
            own_llhls: None,
        }
    }

    fn chosen(choices: Vec<Choice>) -> Option<String> {
        choose(choices).map(|place| place.origin_id)
    }

    #[test]
    fn the_rooms_origin_else_the_first_that_can_be_played_from() {
        let of = |wanted| vec![choice("a", wanted, false), choice("b", wanted, true), choice("c", wanted, true)];
        assert_eq!(chosen(of(None)).as_deref(), Some("b"));
        assert_eq!(chosen(of(Some("c"))).as_deref(), Some("c"));
        assert_eq!(chosen(of(Some("a"))).as_deref(), Some("b"), "it has no address to play from");
        assert_eq!(chosen(of(Some("gone"))).as_deref(), Some("b"));
        assert_eq!(chosen(vec![choice("a", None, false)]), None);
        // A broadcast without any target at an origin.
        let none = Choice { target_id: None, origin_id: None, app: None, stream_name: None, ..choice("a", None, false) };
        assert_eq!(chosen(vec![none]), None);
    }

    #[test]
    fn a_rooms_own_addresses_stand_before_those_of_origins() {
        let own = || Choice { own_llhls: Some("https://cdn.example/{app}/{name}.m3u8".into()), ..choice("a", None, true) };
        let place = own().place().unwrap();
        assert_eq!((place.webrtc, place.llhls.as_deref()), (None, Some("https://cdn.example/{app}/{name}.m3u8")));
        assert_eq!(Choice { playback_webrtc: None, ..own() }.place().unwrap().webrtc, None, "an origin without addresses will do");
        assert_eq!(own().elsewhere(), None, "nothing tells the name of the stream");
        let fixed = Choice { own_webrtc: Some("wss://cdn.example/hall".into()), target_id: None, ..own() };
        assert_eq!(fixed.elsewhere(), Some(Elsewhere { webrtc: Some("wss://cdn.example/hall".into()), llhls: None }));
        assert_eq!(choose(vec![fixed]), None);
    }

    #[test]
    fn nothing_is_played_of_what_ends() {
        let on = || choice("a", None, true);
        assert!(on().is_on());
        for over in [
            Choice { desired: 0, ..on() },
            Choice { ended_ms: Some(1), ..on() },
            Choice { phase: "ending".to_owned(), ..on() },
            Choice { phase: "ended".to_owned(), ..on() },
        ] {
            assert!(!over.is_on());
        }
    }

    #[test]
    fn what_begins_anew_has_another_name() {
        let first = stream("b", "1", "t", 0);
        assert_eq!(first, stream("b", "1", "t", 0));
        for other in [stream("c", "1", "t", 0), stream("b", "2", "t", 0), stream("b", "1", "u", 0), stream("b", "1", "t", 1)] {
            assert_ne!(first, other);
        }
    }
}
