//! `GET /dead-letters`: messages that were rejected, with the reason. Looking at them takes none away.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chiffon_bus::{BusError, Delivery};
use chiffon_protocol::{ErrorCode, topology};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::http::input::{Params, page_size};
use crate::http::problem::Failure;
use crate::http::state::HttpState;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct DeadLettersQuery {
    /// How many of the oldest, 1 to 500; 50 unless told otherwise.
    limit: Option<i64>,
}

/// A message that was rejected.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DeadLetter {
    message_id: Option<String>,
    /// Where it came from.
    queue: Option<String>,
    /// The error code; null where the broker itself gave up on it.
    code: Option<u16>,
    /// Why it was rejected.
    reason: Option<String>,
    /// All its headers.
    headers: BTreeMap<String, String>,
    /// What it says: JSON where it is, else text (with what is not UTF-8 replaced).
    #[schema(value_type = Object)]
    body: Value,
}

/// The oldest dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DeadLetters {
    /// How many there are in all.
    depth: u32,
    items: Vec<DeadLetter>,
}

/// Shows what was rejected.
#[utoipa::path(get, path = "/dead-letters", tag = "operations", params(DeadLettersQuery), responses((status = 200, body = DeadLetters)))]
pub(in crate::http) async fn dead_letters(
    State(state): State<HttpState>,
    Params(query): Params<DeadLettersQuery>,
) -> Result<Json<DeadLetters>, Failure> {
    let limit = usize::try_from(page_size(query.limit, 50, 500)?).unwrap_or(50);
    let (depth, _) = state.context.bus.depth(topology::DEAD_LETTERS).await.map_err(|error| unreachable_broker(&error))?;
    // Dropped unsettled, they stay where they are.
    let found = state.context.bus.peek(topology::DEAD_LETTERS, limit).await.map_err(|error| unreachable_broker(&error))?;
    let items: Vec<DeadLetter> = found.iter().map(shown).collect();
    Ok(Json(DeadLetters { depth: depth.max(u32::try_from(items.len()).unwrap_or(u32::MAX)), items }))
}

fn shown(delivery: &Delivery) -> DeadLetter {
    let body =
        serde_json::from_slice(&delivery.body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&delivery.body).into_owned()));
    let header = |name: &str| delivery.headers.get(name).cloned();
    DeadLetter {
        message_id: delivery.message_id.clone(),
        queue: header(topology::ORIGIN_HEADER),
        code: header(topology::CODE_HEADER).and_then(|code| code.parse().ok()),
        reason: header(topology::REASON_HEADER),
        headers: delivery.headers.clone(),
        body,
    }
}

fn unreachable_broker(error: &BusError) -> Failure {
    Failure::new(ErrorCode::BrokerUnavailable, format!("the dead letters can't be read: {error}; try again when the broker is back"))
}
