//! Pieces of the address, refused as problems where they cannot be read.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Problem;

/// A parameter in the path, or a tuple of them.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let unreadable = || Problem::bad_request("malformed_path", "The address cannot be read.");
        RawPathParams::from_request_parts(parts, state).await.map_err(|_| unreadable())?;
        let path = axum::extract::Path::from_request_parts(parts, state).await.map_err(|_| unreadable())?;
        Ok(Self(path.0))
    }
}

/// The query, as one value. Its type is marked `deny_unknown_fields` like a body's.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let query = query.map_err(|rejection| Problem::unprocessable("invalid_query", format!("{}.", rejection.body_text())))?;
        Ok(Self(query.0))
    }
}
