//! `GET /costs`: what models cost, by month, provider and model.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::HttpState;
use chiffon_kernel::http::input::{Params, moment};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::store::read::costs::{self, CostView};

/// How far back it looks unless told otherwise: this month and the two before it.
const LOOK_BACK: TimeDelta = TimeDelta::days(92);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct CostsQuery {
    /// Calls begun at or after this moment (RFC 3339); 92 days ago unless told otherwise.
    #[serde(default, deserialize_with = "moment")]
    since: Option<DateTime<Utc>>,
    /// Only calls made for this request.
    request_id: Option<Uuid>,
}

/// What models cost.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Costs {
    since: DateTime<Utc>,
    items: Vec<CostView>,
    #[schema(value_type = f64)]
    total_usd: MicroDollars,
}

/// Shows what models cost.
#[utoipa::path(get, path = "/costs", tag = "operations", params(CostsQuery), responses((status = 200, body = Costs)))]
pub(in crate::http) async fn costs(State(state): State<HttpState>, Params(query): Params<CostsQuery>) -> Result<Json<Costs>, Failure> {
    let earliest = if query.request_id.is_some() { DateTime::UNIX_EPOCH } else { state.context.clock.now() - LOOK_BACK };
    let since = query.since.unwrap_or(earliest);
    let items = costs::list(state.pool(), since, query.request_id).await?;
    let total_usd = items.iter().map(|month| month.cost_usd).sum();
    Ok(Json(Costs { since, items, total_usd }))
}
