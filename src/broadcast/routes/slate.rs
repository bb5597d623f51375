//! An image in place of the plain slate.

use std::path::PathBuf;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::control::{record, running};
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, perm};
use crate::app::App;
use crate::broadcast::model::Row;
use crate::http::{Answer, Path, Problem};
use crate::media::slate;

const IMAGE_BYTES: usize = 8 * 1024 * 1024;
const SIDE: u32 = 4096;

/// Puts an image in place of the plain slate, for as long as the broadcast lasts: PNG or JPEG, 8 MB at most.
#[utoipa::path(
    put, path = "/broadcasts/{id}/slate", tag = "broadcast", params(("id" = String, Path)),
    request_body(content = Vec<u8>, content_type = "image/png"),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 503, body = Problem))
)]
pub(crate) async fn put(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Answer<StatusCode> {
    let row = running(&app, &caller, &id).await?;
    let too_large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The image has 8 MB at most.");
    let image = to_bytes(request.into_body(), IMAGE_BYTES).await.map_err(too_large)?.to_vec();
    check_image(&image)?;
    if let Some(session) = app.supervisor.session(&row.id) {
        let (program, shown) = (session.program().clone(), image.clone());
        let render = move || slate::render(shown, program.profile()).map(|picture| program.set_slate(picture));
        let rendered = tokio::task::spawn_blocking(render).await.map_err(Problem::internal)?;
        rendered.map_err(|error| Problem::unprocessable(error.code, error.message))?;
    }
    let path = file(&app, &row);
    let keep = async {
        tokio::fs::create_dir_all(path.parent().unwrap_or(&path)).await?;
        tokio::fs::write(&path, &image).await
    };
    keep.await.map_err(|error| Problem::unavailable("storage", format!("The image cannot be kept: {error}.")))?;
    record(&app, &caller, "slate.set", &row).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Back to the plain slate.
#[utoipa::path(
    delete, path = "/broadcasts/{id}/slate", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn remove(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let row = running(&app, &caller, &id).await?;
    if let Some(session) = app.supervisor.session(&row.id) {
        let (program, title) = (session.program().clone(), row.meeting_name.clone());
        let render = move || slate::render_card(&title, program.profile()).map(|picture| program.set_slate(picture));
        tokio::task::spawn_blocking(render).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    }
    // One that was never set is gone as well.
    let _ = tokio::fs::remove_file(file(&app, &row)).await;
    record(&app, &caller, "slate.remove", &row).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses what is no image for a slate, or too large a one.
pub(crate) fn check_image(image: &[u8]) -> Answer<()> {
    // Only these: an SVG from outside could point elsewhere, and a film is no slate.
    let (width, height) = slate::image_size(image).ok_or_else(|| Problem::unprocessable("bad_image", "The slate is a PNG or a JPEG."))?;
    // A few bytes can stand for gigabytes of pixels.
    if width > SIDE || height > SIDE {
        return Err(Problem::unprocessable("bad_image", format!("The slate has {SIDE} pixels a side at most.")));
    }
    Ok(())
}

fn file(app: &App, row: &Row) -> PathBuf {
    app.supervisor.slate_file(&row.id)
}
