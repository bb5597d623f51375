//! Accounts over HTTP.

mod activity;
mod groups;
mod own;
mod resets;
mod roles;
mod second;
mod session;
mod tokens;
mod user_view;
mod users;

pub(crate) use self::session::enter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(session::show, session::begin, session::end))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::change, users::remove))
        .routes(routes!(resets::make))
        .routes(routes!(resets::end_sessions))
        .routes(routes!(second::remove_of))
        .routes(routes!(resets::ask))
        .routes(routes!(resets::take))
        .routes(routes!(own::show, own::change))
        .routes(routes!(own::set_password))
        .routes(routes!(own::places, own::leave_all))
        .routes(routes!(second::begin))
        .routes(routes!(second::confirm))
        .routes(routes!(second::renew))
        .routes(routes!(second::remove))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::show, groups::change, groups::remove))
        .routes(routes!(roles::list, roles::create))
        .routes(routes!(roles::show, roles::change, roles::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::remove))
        .routes(routes!(activity::list))
        .routes(routes!(activity::export))
}
