//! `GET /whoami`: who the token makes its caller.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::role::{Principal, Role};
use crate::http::auth::{Caller, Proof};
use crate::http::state::HttpState;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct WhoAmI {
    principal_id: Uuid,
    name: String,
    role: Role,
    /// A program may never approve.
    program: bool,
    /// What they may do, by the names of permissions.
    permissions: Vec<&'static str>,
    /// Whether the link of a notification has signed this browser in: it reads, decides about that link's plan, and does nothing else.
    narrow: bool,
}

/// Says who calls.
#[utoipa::path(get, path = "/whoami", tag = "tokens", responses((status = 200, body = WhoAmI)))]
pub(in crate::http) async fn whoami(State(state): State<HttpState>, Caller(principal): Caller, proof: Proof) -> Json<WhoAmI> {
    let permissions = state.context.permissions.set(principal.role, principal.is_program);
    let Principal { id, name, role, is_program, .. } = principal;
    Json(WhoAmI { principal_id: id, name, role, program: is_program, permissions, narrow: proof.is_narrow() })
}
