//! `GET /whoami`: who the token makes its caller.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::role::{Grant, Principal, Role};
use crate::http::auth::{Caller, Proof};
use crate::http::state::HttpState;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct WhoAmI {
    principal_id: Uuid,
    name: String,
    /// What they are everywhere.
    role: Role,
    /// What they were given beside, for some hosts, actions and risks.
    grants: Vec<Grant>,
    /// A program may never approve.
    program: bool,
    /// What they may do, by the names of permissions: everywhere, or for some hosts, actions and risks (`grants`).
    permissions: Vec<&'static str>,
    /// Whether the link of a notification has signed this browser in: it reads, decides about that link's plan, and does nothing else.
    narrow: bool,
}

/// Says who calls.
#[utoipa::path(get, path = "/whoami", tag = "tokens", responses((status = 200, body = WhoAmI)))]
pub(in crate::http) async fn whoami(State(state): State<HttpState>, Caller(principal): Caller, proof: Proof) -> Json<WhoAmI> {
    let permissions = state.context.permissions.held_by(&principal);
    let Principal { id, name, role, grants, is_program } = principal;
    Json(WhoAmI { principal_id: id, name, role, grants, program: is_program, permissions, narrow: proof.is_narrow() })
}
