//! `GET /whoami`: who the token makes its caller.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::role::Role;
use crate::http::auth::Caller;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct WhoAmI {
    principal_id: Uuid,
    name: String,
    role: Role,
    /// A program may never approve.
    program: bool,
}

/// Says who calls.
#[utoipa::path(get, path = "/whoami", tag = "tokens", responses((status = 200, body = WhoAmI)))]
pub(in crate::http) async fn whoami(Caller(principal): Caller) -> Json<WhoAmI> {
    Json(WhoAmI { principal_id: principal.id, name: principal.name, role: principal.role, program: principal.is_program })
}
