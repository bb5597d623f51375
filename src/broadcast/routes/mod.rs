//! Broadcasts over HTTP.

mod check;
mod control;
mod events;
mod eyes;
mod flight;
mod glance;
mod list;
mod media;
mod slate;
mod view;
mod whep;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) use glance::Glances;
pub(crate) use slate::check_image;
pub(crate) use view::of as show;
pub(crate) use whep::public;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list, control::start))
        .routes(routes!(list::show))
        .routes(routes!(check::check))
        .routes(routes!(list::events))
        .routes(routes!(control::stop))
        .routes(routes!(control::pause))
        .routes(routes!(control::resume))
        .routes(routes!(control::add_target))
        .routes(routes!(control::remove_target))
        .routes(routes!(control::retry_target))
        .routes(routes!(media::snapshot))
        .routes(routes!(media::graph))
        .routes(routes!(flight::samples))
        .routes(routes!(flight::bundle))
        .routes(routes!(slate::put, slate::remove))
        .routes(routes!(media::screenshot))
        .routes(routes!(media::console))
        .routes(routes!(whep::preview))
        .routes(routes!(whep::end_preview))
        .routes(routes!(events::events))
}
