//! `GET /request/{id}/plans`: all plans that a request has had, newest first.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::domain::missing;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use super::id::{self, RequestId};
use crate::http::HttpState;
use crate::store::read::request;
use crate::store::read::revisions::{self, RevisionView};

/// The plans of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Revisions {
    items: Vec<RevisionView>,
}

/// Lists the plans that a request has had, newest first, to be compared.
#[utoipa::path(get, path = "/request/{id}/plans", tag = "requests", params(("id" = Uuid, Path, description = id::WORDS)), responses((status = 200, body = Revisions)))]
pub(in crate::http) async fn plans(State(state): State<HttpState>, RequestId(id): RequestId) -> Result<Json<Revisions>, Failure> {
    if request::status(state.pool(), id).await?.is_none() {
        return Err(missing::request(id).into());
    }
    let mut connection = state.context.store.acquire().await?;
    Ok(Json(Revisions { items: revisions::list(&mut connection, id).await? }))
}
