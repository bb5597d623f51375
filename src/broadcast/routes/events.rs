//! Changes as they happen, by server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::error::RecvError;

use super::super::news::{Missed, News, NewsDesk};
use super::eyes::Eyes;
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, Caller, perm};
use crate::app::App;

/// A stream ends after this long, and the browser comes back with `Last-Event-ID`: who has logged out meanwhile does not get in again.
const LASTS: Duration = Duration::from_mins(10);

/// Events named `broadcast`, `target`, `room`, `node`: objects with `id` and what changed, of what the caller sees. With `Last-Event-ID` it
/// goes on where it broke off; `resync` says that too much was missed and everything is to be read anew. It ends at once when the caller
/// is logged out or disabled.
#[utoipa::path(get, path = "/events", tag = "broadcast", responses((status = 200, content_type = "text/event-stream")))]
pub(crate) async fn events(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let desk = app.supervisor.news().clone();
    let heard = Box::pin(hear(&desk, last_id));
    let seen = stream::unfold((heard, Eyes::new(&app, &caller)), |(mut heard, mut eyes)| async move {
        loop {
            match heard.next().await? {
                Heard::News(news) if !eyes.see(&news).await => {}
                heard_now => return Some((heard_now, (heard, eyes))),
            }
        }
    });
    let stopping = app.stopping.clone();
    let gone = caller.clone().until_gone(app.clone(), Caller::may_see_broadcasts);
    let over = async move {
        tokio::select! {
            () = tokio::time::sleep(LASTS) => {}
            () = stopping.cancelled() => {}
            () = gone => {}
        }
    };
    let stream = seen.map(move |heard| heard.wire(&desk, |news| news.name)).take_until(Box::pin(over));
    Sse::new(stream.map(Ok)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

/// What comes out of the desk.
enum Heard {
    News(News),
    /// Too much was missed.
    Resync,
}

impl Heard {
    fn wire(&self, desk: &NewsDesk, name: fn(&News) -> &'static str) -> Event {
        match self {
            Self::News(news) => Event::default().id(desk.wire_id(news.seq)).event(name(news)).data(&*news.text),
            Self::Resync => Event::default().event("resync").data("{}"),
        }
    }
}

/// What was missed, then what happens.
fn hear(desk: &NewsDesk, last_id: Option<&str>) -> impl Stream<Item = Heard> + Send + 'static + use<> {
    let (missed, kept, receiver) = desk.listen(last_id);
    let resync = (missed == Missed::TooMuch).then_some(Heard::Resync);
    let live = stream::unfold(receiver, |mut receiver| async move {
        match receiver.recv().await {
            Ok(news) => Some((Heard::News(news), receiver)),
            Err(RecvError::Lagged(_)) => Some((Heard::Resync, receiver)),
            Err(RecvError::Closed) => None,
        }
    });
    stream::iter(resync).chain(stream::iter(kept).map(Heard::News)).chain(live)
}

/// What was missed, then what happens, of the news that `wanted` lets through; each under the name that `name` gives it.
pub(crate) fn follow<F: Fn(&News) -> bool + Clone + Send + 'static>(
    desk: &NewsDesk,
    last_id: Option<&str>,
    name: fn(&News) -> &'static str,
    wanted: F,
) -> impl Stream<Item = Event> + Send + 'static + use<F> {
    let wants = move |heard: &Heard| match heard {
        Heard::News(news) => wanted(news),
        Heard::Resync => true,
    };
    let desk_of_ids = desk.clone();
    hear(desk, last_id).filter(move |heard| std::future::ready(wants(heard))).map(move |heard| heard.wire(&desk_of_ids, name))
}
