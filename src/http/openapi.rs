//! The description of the API: made out of the handlers, served, and checked in as `docs/openapi.json`.

mod answers;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{RefOr, Required};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Where the API begins.
const PREFIX: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bluecast",
        description = "Puts BigBlueButton meetings on the air. Errors are problem documents (RFC 9457) with a stable `code`; times are \
                       RFC 3339; lists answer `items` and `next`. A POST with an `Idempotency-Key` is done once: the same key and body get the \
                       first answer again for 24 hours, another body is refused with 422. Things have an `ETag`; a change with `If-Match` is \
                       refused with 412 when somebody else has changed the thing meanwhile.",
        license(name = "AGPL-3.0-or-later", identifier = "AGPL-3.0-or-later")
    ),
    security(("token" = []), ("session" = []))
)]
struct Frame;

/// Puts the features below `/api/v1` and splits them into what is served and what describes it.
pub(super) fn split(features: OpenApiRouter<App>) -> (Router<App>, utoipa::openapi::OpenApi) {
    let mut frame = Frame::openapi();
    let components = frame.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()));
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("bluecast"))));
    answers::declare(components);
    let (router, mut document) = OpenApiRouter::with_openapi(frame).nest(PREFIX, features).split_for_parts();
    name_operations(&mut document);
    (router, document)
}

/// Names every operation by its method and path (`post_servers_id_meetings`): handlers of different features may have the same name. Tells of
/// each what all have in common, too.
fn name_operations(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let words: Vec<&str> = path.trim_start_matches(PREFIX).split(['/', '{', '}', '.']).filter(|word| !word.is_empty()).collect();
        let name = words.join("_");
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{name}"));
                if method == "post" && name != "session" {
                    operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
                }
                answers::complete(method, path, operation);
            }
        }
    }
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255)).build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Names this request, so that sent twice it is done once."))
        .schema(Some(text))
        .build()
}

/// The document as text, as `docs/openapi.json` holds it.
pub fn document() -> String {
    let (_, document) = split(super::features());
    text(&document)
}

#[expect(clippy::expect_used, reason = "plain data; a test makes it")]
fn text(document: &utoipa::openapi::OpenApi) -> String {
    let mut text = document.to_pretty_json().expect("a document that can be written");
    text.push('\n');
    text
}

/// The document, ready to be answered.
#[derive(Clone)]
pub(super) struct Served(Bytes);

impl Served {
    pub(super) fn new(document: &utoipa::openapi::OpenApi) -> Self {
        Self(text(document).into())
    }

    pub(super) fn answer(&self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0.clone()).into_response()
    }
}
