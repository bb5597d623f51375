//! What calls may answer besides what their handlers say: refusals that come before a handler, of middleware and of extractors. They are
//! described here once, by what a call is, and not at every handler.

use utoipa::openapi::path::Operation;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Components, Content, Ref, RefOr, Schema};

use crate::http::etag;
use crate::node;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// An answer that many calls have in common.
struct Shared {
    status: &'static str,
    name: &'static str,
    says: &'static str,
    /// Which calls have it.
    of: fn(&Call) -> bool,
}

/// What decides about the answers of a call.
#[expect(clippy::struct_excessive_bools, reason = "marks of a call, none of which follows from another")]
struct Call {
    method: &'static str,
    is_open: bool,
    takes_json: bool,
    takes_body: bool,
    is_thing: bool,
    is_sent_on: bool,
    has_parameters: bool,
}

const SHARED: [Shared; 12] = [
    Shared {
        status: "304",
        name: "NotModified",
        says: "It is as it was when you were given the tag in `If-None-Match`.",
        of: |call| call.is_thing && call.method == "get",
    },
    Shared {
        status: "400",
        name: "Unreadable",
        says: "The path or the body cannot be read.",
        of: |call| call.takes_body || call.has_parameters,
    },
    Shared { status: "401", name: "NotAuthenticated", says: "Nobody is logged in.", of: |call| !call.is_open },
    Shared {
        status: "403",
        name: "Forbidden",
        says: "The caller lacks a permission, or this was sent by a page of another site.",
        of: |call| !call.is_open || call.method != "get",
    },
    Shared { status: "408", name: "BodyTimeout", says: "The body took too long to arrive.", of: |call| call.takes_json },
    Shared {
        status: "409",
        name: "IdempotencyKeyInUse",
        says: "The first request with this `Idempotency-Key` is still being done.",
        of: |call| call.method == "post" && !call.is_open,
    },
    Shared {
        status: "412",
        name: "ChangedMeanwhile",
        says: "It is not any more what the tag in `If-Match` stands for.",
        of: |call| call.is_thing && call.method != "get",
    },
    Shared { status: "413", name: "BodyTooLarge", says: "The body is too large.", of: |call| call.takes_body },
    Shared { status: "415", name: "UnsupportedMediaType", says: "The body is not sent as what it must be.", of: |call| call.takes_json },
    Shared { status: "422", name: "Unprocessable", says: "The request can be read but not done.", of: |_| true },
    Shared {
        status: "502",
        name: "NodeUnreachable",
        says: "The node that runs the broadcast does not answer.",
        of: |call| call.is_sent_on,
    },
    Shared { status: "503", name: "Busy", says: "Too much is under way to other nodes. Try again.", of: |call| call.is_sent_on },
];

/// Puts the shared answers among the components, where calls point to them.
pub(super) fn declare(components: &mut Components) {
    for shared in &SHARED {
        let mut answer = ResponseBuilder::new().description(shared.says);
        if shared.status != "304" {
            answer = answer.content(PROBLEM, problem());
        }
        components.responses.insert(shared.name.to_owned(), RefOr::T(answer.build()));
    }
}

/// Completes a call: its refusals are problem documents, and the shared ones are named.
pub(super) fn complete(method: &'static str, path: &str, operation: &mut Operation) {
    for answer in operation.responses.responses.values_mut() {
        if let RefOr::T(answer) = answer {
            told_as_problem(answer);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        for (_, content) in body.content.iter_mut().filter(|(kind, _)| kind.starts_with("image/")) {
            *content = RefOr::T(Content::new(Some(bytes())));
        }
    }
    let call = call(method, path, operation);
    for shared in SHARED.iter().filter(|shared| (shared.of)(&call)) {
        let answers = &mut operation.responses.responses;
        answers.entry(shared.status.to_owned()).or_insert_with(|| Ref::from_response_name(shared.name).into());
    }
}

fn call(method: &'static str, path: &str, operation: &Operation) -> Call {
    let body = match &operation.request_body {
        Some(RefOr::T(body)) => Some(body),
        _ => None,
    };
    Call {
        method,
        is_open: operation.security.as_ref().is_some_and(|any| any.contains(&SecurityRequirement::default())),
        takes_json: body.is_some_and(|body| body.content.contains_key(JSON)),
        takes_body: body.is_some(),
        is_thing: etag::is_thing(path),
        is_sent_on: node::is_sent_on(path),
        has_parameters: path.contains('{'),
    }
}

fn told_as_problem(answer: &mut Response) {
    let is_problem = |content: &RefOr<Content>| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) => schema.ref_location.ends_with("/Problem"),
        _ => false,
    };
    if answer.content.get(JSON).is_some_and(is_problem) {
        answer.content.clear();
        answer.content.insert(PROBLEM.to_owned(), RefOr::T(problem()));
    }
}

fn problem() -> Content {
    Content::new(Some(Ref::from_schema_name("Problem")))
}

fn bytes() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).build().into()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    fn document() -> Value {
        serde_json::from_str(&crate::http::openapi::document()).unwrap()
    }

    #[test]
    fn refusals_are_problem_documents() {
        let document = document();
        let mut seen = 0;
        for operation in document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values()) {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let answer = match answer["$ref"].as_str() {
                    Some(place) => document.pointer(place.trim_start_matches('#')).unwrap(),
                    None => answer,
                };
                if status.starts_with(['4', '5']) {
                    let kinds: Vec<&String> = answer["content"].as_object().unwrap().keys().collect();
                    assert_eq!(kinds, ["application/problem+json"], "{status} of {}", operation["operationId"]);
                    seen += 1;
                }
            }
        }
        assert!(seen > 500, "{seen}");
    }

    #[test]
    fn what_comes_before_a_handler_is_described_by_what_a_call_is() {
        let document = document();
        let statuses = |path: &str, method: &str| {
            let answers = document["paths"][format!("/api/v1{path}")][method]["responses"].as_object().unwrap().keys();
            answers.cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(statuses("/services", "get"), "200 401 403 422");
        assert_eq!(statuses("/session", "post"), "204 400 401 403 408 413 415 422 429 503");
        assert_eq!(statuses("/servers/{id}", "get"), "200 304 400 401 403 404 422");
        assert_eq!(statuses("/servers/{id}", "patch"), "200 400 401 403 404 408 409 412 413 415 422");
        assert_eq!(statuses("/servers/{id}", "delete"), "204 400 401 403 404 409 412 422");
        assert_eq!(statuses("/broadcasts/{id}/samples", "get"), "200 400 401 403 404 422 502 503");
        assert_eq!(statuses("/webhooks/{id}/ping", "post"), "202 400 401 403 404 409 422");
    }
}
