//! Errors as people and programs get them: RFC 9457 problem documents with a stable `code`.

use std::fmt::Display;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::bbb::BbbError;
use crate::server::ClientError;
use crate::store::StoreError;
use crate::store::vault::VaultError;

/// What a handler gives back.
pub type Answer<T> = Result<T, Problem>;

/// An error answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` is what tells problems apart.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A sentence to act on.
    pub detail: String,
    /// A stable word for programs.
    pub code: &'static str,
    /// The field of the body that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem of any status.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            field: None,
            retry_after_s: None,
        }
    }

    /// 400: the request cannot be read.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: nobody is logged in.
    pub fn not_authenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authenticated", "Log in, or send a valid API token.")
    }

    /// 403.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: it does not exist, or the caller may not see it.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}."))
    }

    /// 409: what is there already stands in the way.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: the request can be read but not done.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 422: a field of the body is not what it must be.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::unprocessable("invalid_field", detail).of_field(field)
    }

    /// 429: to be tried again after so many seconds.
    pub fn too_many(code: &'static str, detail: impl Into<String>, retry_after_s: u64) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail) }
    }

    /// 502: another server that was asked did not do its part.
    pub fn bad_gateway(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, code, detail)
    }

    /// 503: not now.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
    }

    /// 500: our mistake. The log gets the error, the caller only the number it is found by.
    pub fn internal(error: impl Display) -> Self {
        let incident = crate::id::new();
        tracing::error!(%incident, %error, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            format!("Something went wrong on our side. The log tells more under {incident}."),
        )
    }

    /// Names the field that is wrong.
    #[must_use]
    pub fn of_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Puts the field that is wrong below this one; without a field of its own it is this one.
    #[must_use]
    pub fn within(mut self, place: &str) -> Self {
        self.field = Some(match self.field {
            Some(field) => format!("{place}.{field}"),
            None => place.to_owned(),
        });
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing => Self::not_found("thing"),
            StoreError::Taken => Self::conflict("taken", "Something with this name exists already."),
            StoreError::Referenced => Self::conflict("in_use", "Something else still needs this, or this needs something that is gone."),
            StoreError::Full => {
                tracing::error!(%error, "a write was refused");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "The disk that holds the database is full. Make room on it.")
            }
            StoreError::ReadOnly => {
                tracing::error!(%error, "a write was refused");
                Self::unavailable("storage_read_only", "The database takes no writes. Make the data folder writable.")
            }
            StoreError::Away(_) => {
                tracing::error!(%error, "the database does not answer");
                Self::unavailable("database_unavailable", "The database does not answer at the moment. Try again.")
            }
            StoreError::Other(_) => Self::internal(error),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        Self::internal(error)
    }
}

impl From<BbbError> for Problem {
    /// 404 for a meeting that is not there, 422 for an address that may not be called, 502 for what the server does wrong.
    fn from(error: BbbError) -> Self {
        let status = match &error {
            BbbError::NotFound => StatusCode::NOT_FOUND,
            BbbError::MeetingEnded => StatusCode::CONFLICT,
            BbbError::BadAddress { .. } | BbbError::Reach(_) | BbbError::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Store(error) => error.into(),
            ClientError::Vault(error) => error.into(),
            ClientError::Bbb(error) => error.into(),
        }
    }
}
