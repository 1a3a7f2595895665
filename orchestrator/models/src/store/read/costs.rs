//! What models cost, by month, provider and model, or for one request.

use chiffon_kernel::store::Error;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;

/// A month of one provider's model.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CostView {
    /// The month's first moment, UTC.
    pub month: DateTime<Utc>,
    /// The name in the configuration.
    pub provider: String,
    /// The model asked for.
    pub model: Option<String>,
    /// Calls, those passed over included.
    pub calls: i64,
    /// Calls whose answer was used.
    pub succeeded: i64,
    /// What they cost.
    #[schema(value_type = f64)]
    pub cost_usd: MicroDollars,
    /// Reserved for calls that are under way.
    #[schema(value_type = f64)]
    pub reserved_usd: MicroDollars,
    /// As the provider counted.
    pub input_tokens: i64,
    /// As the provider counted.
    pub output_tokens: i64,
}

/// The calls begun at or after `since`, of one request where it is given, newest month first.
pub async fn list(pool: &PgPool, since: DateTime<Utc>, request_id: Option<Uuid>) -> Result<Vec<CostView>, Error> {
    Ok(sqlx::query_as!(
        CostView,
        r#"SELECT date_trunc('month', started_at, 'UTC') AS "month!", provider, model, count(*) AS "calls!",
            count(*) FILTER (WHERE state = 'succeeded') AS "succeeded!", COALESCE(sum(cost_micro_usd), 0)::bigint AS "cost_usd!",
            COALESCE(sum(reserved_micro_usd) FILTER (WHERE state = 'reserved'), 0)::bigint AS "reserved_usd!",
            COALESCE(sum(input_tokens), 0)::bigint AS "input_tokens!", COALESCE(sum(output_tokens), 0)::bigint AS "output_tokens!"
        FROM llm_calls
        WHERE started_at >= $1 AND ($2::uuid IS NULL OR request_id = $2)
        GROUP BY 1, provider, model
        ORDER BY 1 DESC, provider, model"#,
        since,
        request_id,
    )
    .fetch_all(pool)
    .await?)
}
