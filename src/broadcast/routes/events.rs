//! Changes as they happen, by server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::error::RecvError;

use super::super::news::{Missed, News, NewsDesk};
use crate::account::{Allowed, perm};
use crate::app::App;

/// A stream ends after this long, and the browser comes back with `Last-Event-ID`: who has logged out meanwhile does not get in again.
const LASTS: Duration = Duration::from_mins(10);

/// Events named `broadcast`, `target`, `room`, `node`: objects with `id` and what changed. With `Last-Event-ID` it goes on where it broke
/// off; `resync` says that too much was missed and everything is to be read anew.
#[utoipa::path(get, path = "/events", tag = "broadcast", responses((status = 200, content_type = "text/event-stream")))]
pub(crate) async fn events(
    _caller: Allowed<perm::BroadcastView>,
    State(app): State<App>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let desk = app.supervisor.news().clone();
    let over = futures_util::future::select(Box::pin(tokio::time::sleep(LASTS)), Box::pin(app.stopping.clone().cancelled_owned()));
    let stream = follow(&desk, last_id, |news| news.name, |_| true).take_until(over);
    Sse::new(stream.map(Ok)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

/// What was missed, then what happens, of the news that `wanted` lets through; each under the name that `name` gives it.
pub(crate) fn follow<F: Fn(&News) -> bool + Clone + Send + 'static>(
    desk: &NewsDesk,
    last_id: Option<&str>,
    name: fn(&News) -> &'static str,
    wanted: F,
) -> impl Stream<Item = Event> + Send + 'static + use<F> {
    let (missed, kept, receiver) = desk.listen(last_id);
    let resync = (missed == Missed::TooMuch).then(resync);
    let (before, since) = (desk.clone(), desk.clone());
    let wants = wanted.clone();
    let kept = stream::iter(kept).filter(move |news| std::future::ready(wants(news))).map(move |news| wire(&before, &news, name));
    let live = stream::unfold((receiver, since), move |(mut receiver, desk)| {
        let wanted = wanted.clone();
        async move {
            loop {
                match receiver.recv().await {
                    Ok(news) if wanted(&news) => return Some((wire(&desk, &news, name), (receiver, desk))),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Some((self::resync(), (receiver, desk))),
                    Err(RecvError::Closed) => return None,
                }
            }
        }
    });
    stream::iter(resync).chain(kept).chain(live)
}

fn resync() -> Event {
    Event::default().event("resync").data("{}")
}

fn wire(desk: &NewsDesk, news: &News, name: fn(&News) -> &'static str) -> Event {
    Event::default().id(desk.wire_id(news.seq)).event(name(news)).data(news.data.to_string())
}
