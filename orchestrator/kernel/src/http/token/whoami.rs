//! `GET /whoami`: who the token makes its caller.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::role::Role;
use crate::http::auth::Caller;
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
}

/// Says who calls.
#[utoipa::path(get, path = "/whoami", tag = "tokens", responses((status = 200, body = WhoAmI)))]
pub(in crate::http) async fn whoami(State(state): State<HttpState>, Caller(principal): Caller) -> Json<WhoAmI> {
    let permissions = state.context.permissions.set(principal.role, principal.is_program);
    Json(WhoAmI { principal_id: principal.id, name: principal.name, role: principal.role, program: principal.is_program, permissions })
}
