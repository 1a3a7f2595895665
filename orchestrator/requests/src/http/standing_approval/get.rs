//! `GET /standing-approvals/{id}`: a standing approval, with the steps that it covers.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::read::standing_approvals::{self, CoveredStep, Filter, StandingView};
use crate::verbs::withdraw_standing::missing;

/// A standing approval with its steps.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct StandingAnswer {
    #[serde(flatten)]
    standing: StandingView,
    /// The steps that it covers; what a discovery finds out is no part of them.
    steps: Vec<CoveredStep>,
}

/// Shows a standing approval.
#[utoipa::path(
    get, path = "/standing-approvals/{id}", tag = "approvals", params(("id" = Uuid, Path)), responses((status = 200, body = StandingAnswer))
)]
pub(in crate::http) async fn get(State(state): State<HttpState>, Id(id): Id) -> Result<Json<StandingAnswer>, Failure> {
    show(&state, id).await.map(Json)
}

/// It as it stands now.
pub(super) async fn show(state: &HttpState, id: Uuid) -> Result<StandingAnswer, Failure> {
    let mut connection = state.context.store.acquire().await?;
    let filter = Filter { id: Some(id), ..Filter::default() };
    let found = standing_approvals::list(&mut connection, filter, state.context.clock.now(), 1).await?.pop();
    let standing = found.ok_or_else(|| missing(id))?;
    Ok(StandingAnswer { standing, steps: standing_approvals::steps(&mut connection, id).await? })
}
