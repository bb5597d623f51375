//! Broadcasts as the API shows them.

use super::super::model::{BroadcastView, EventView, Row, TargetRow, of_word};
use super::super::session::TargetView;
use super::super::state::Phase;
use super::super::store::{self, EventRow};
use crate::app::App;
use crate::http::Answer;
use crate::media::program::ProgramStats;
use crate::moment::rfc3339;

pub(crate) async fn of(app: &App, row: Row) -> Answer<BroadcastView> {
    let (program, targets) = match app.supervisor.view(&row.id) {
        Some(view) if row.ended_ms.is_none() => view,
        _ => (ProgramStats::default(), store::last_targets(&app.store, &row.id).await?.into_iter().map(off).collect()),
    };
    Ok(BroadcastView {
        viewers: app.supervisor.viewers(&row.id),
        phase: of_word(&row.phase).unwrap_or(Phase::Ended),
        step: row.step,
        paused: row.paused == 1,
        reason: row.reason.as_deref().and_then(of_word),
        id: row.id,
        server_id: row.server_id,
        meeting_id: row.meeting_id,
        meeting_name: row.meeting_name,
        source: row.source,
        profile: row.profile,
        room: row.room_key,
        node: row.node,
        started_by: row.started_by,
        started_at: rfc3339(row.started_ms),
        ended_at: row.ended_ms.map(rfc3339),
        program,
        targets,
    })
}

/// A target that nothing feeds.
fn off(row: TargetRow) -> TargetView {
    TargetView::unfed(row.id, row.label, row.protocol, "ended")
}

pub(super) fn event(row: EventRow) -> EventView {
    EventView { id: row.id, at: rfc3339(row.at_ms), code: row.code, message: row.message, target_id: row.target_id }
}
