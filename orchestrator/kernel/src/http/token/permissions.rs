//! `GET /permissions`: everything that one may do here, in words, and who may.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::permission::{Permission, Programs, Reach};
use crate::domain::role::Role;
use crate::http::state::HttpState;

/// Something that one may do.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PermissionView {
    /// What it is about, and what is done.
    name: &'static str,
    /// What it lets one do, to go on after "may".
    lets: &'static str,
    /// The roles that have it, least first.
    roles: &'static [Role],
    /// Whether programs may hold it, too.
    programs: bool,
    /// Whether it can be held for some hosts, actions and risks.
    parts: bool,
}

/// All permissions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct AllPermissions {
    items: Vec<PermissionView>,
}

/// Lists everything that one may do here, by name.
#[utoipa::path(get, path = "/permissions", tag = "tokens", responses((status = 200, body = AllPermissions)))]
pub(in crate::http) async fn permissions(State(state): State<HttpState>) -> Json<AllPermissions> {
    let view = |permission: Permission| PermissionView {
        name: permission.name,
        lets: permission.lets,
        roles: permission.roles,
        programs: permission.programs == Programs::Hold,
        parts: permission.reach == Reach::Parts,
    };
    Json(AllPermissions { items: state.context.permissions.all().into_iter().map(view).collect() })
}
