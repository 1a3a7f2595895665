//! `GET /actions/{name}`: one action, its versions, and who has them.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::input::Name;
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::ErrorCode;

use crate::store::catalogue;
use crate::store::read::actions::{self, ActionView};

/// Shows an action.
#[utoipa::path(get, path = "/actions/{name}", tag = "actions", params(("name" = String, Path)), responses((status = 200, body = ActionView)))]
pub(in crate::http) async fn get(State(state): State<HttpState>, Name(name): Name) -> Result<Json<ActionView>, Failure> {
    if let Some(found) = actions::list(state.pool(), Some(&name)).await?.pop() {
        return Ok(Json(found));
    }
    if let Some(left_out) = catalogue::not_offered(state.pool()).await?.into_iter().find(|action| action.name == name) {
        return Err(Failure::from(left_out.problem()));
    }
    let shown: String = name.chars().take(60).collect();
    let text = format!("no agent announces an action `{}`; `chiffon actions` (`GET /actions`) lists them", shown.escape_default());
    Err(Failure::new(ErrorCode::ActionNotFound, text))
}
