//! `GET /hosts/reserved`: the hosts that are kept from other work, because something of a stopped run may still run there. These are
//! few: this list has no pages.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::problem::Failure;
use chiffon_kernel::store::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::HttpState;
use crate::store::read::reserved::{self, ReservedHost};

/// The reserved hosts.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ReservedHosts {
    items: Vec<ReservedHost>,
}

/// Lists the hosts that are reserved although nothing changes them at this moment.
#[utoipa::path(get, path = "/hosts/reserved", tag = "hosts", responses((status = 200, body = ReservedHosts)))]
pub(in crate::http) async fn reserved(State(state): State<HttpState>) -> Result<Json<ReservedHosts>, Failure> {
    let mut connection = state.pool().acquire().await.map_err(Error::from)?;
    Ok(Json(ReservedHosts { items: reserved::list(&mut connection, None).await? }))
}
