//! Comments over HTTP.

mod bans;
mod comments;
mod export;
mod presence;
mod rules;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::speak::Refused;
use crate::app::App;
use crate::http::Problem;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(comments::list, comments::answer))
        .routes(routes!(comments::change, comments::remove))
        .routes(routes!(bans::list, bans::add))
        .routes(routes!(bans::lift))
        .routes(routes!(rules::show, rules::change))
        .routes(routes!(presence::viewers))
        .routes(routes!(presence::history))
        .routes(routes!(presence::overview))
        .routes(routes!(export::comments))
        .routes(routes!(export::sessions))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Because("not_found", _) => Self::not_found("comment or viewer"),
            Refused::Because(code @ "forbidden", detail) => Self::forbidden(code, detail),
            Refused::Because(code @ "server_busy", detail) => Self::unavailable(code, detail),
            Refused::Because(code, detail) => Self::unprocessable(code, detail),
            Refused::TooFast(retry_ms) => Self::too_many("too_fast", "Not so fast.", u64::try_from(retry_ms).unwrap_or(0).div_ceil(1000)),
        }
    }
}
