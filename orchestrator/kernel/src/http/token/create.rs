//! `POST /tokens`: makes a token and shows its text, once. It takes no `Idempotency-Key`, because answers to those are stored.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chiffon_protocol::ErrorCode;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::role::Role;
use crate::http::auth::Caller;
use crate::http::body;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::verbs::tokens;

/// The token that is wanted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CreateBody {
    /// Whose it is; made where it is new.
    #[schema(pattern = "^[A-Za-z0-9._@-]{1,64}$")]
    name: String,
    /// What they may do.
    role: Role,
    /// A program may never approve.
    #[serde(default)]
    program: bool,
    /// What it is for.
    #[serde(default)]
    label: String,
    /// For how many days it counts; left out for ever.
    valid_days: Option<u32>,
}

/// A new token.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct CreatedToken {
    token_id: Uuid,
    /// The text to send as `Authorization: Bearer ...`. It is shown only here.
    token: String,
    name: String,
    role: Role,
    program: bool,
    label: String,
    expires_at: Option<DateTime<Utc>>,
}

/// Makes a token.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = CreateBody, responses((status = 201, body = CreatedToken)))]
pub(in crate::http) async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    body::Json { value, .. }: body::Json<CreateBody>,
) -> Result<(StatusCode, Json<CreatedToken>), Failure> {
    if value.valid_days == Some(0) {
        let message = "the token would never count; `valid_days` is 1 or more, or left out for ever";
        return Err(Failure::new(ErrorCode::InvalidParameters, message).with_details(json!({"field": "valid_days"})));
    }
    let valid_for = value.valid_days.map(|days| Duration::from_hours(u64::from(days) * 24));
    let new = tokens::NewToken { principal: value.name, role: value.role, program: value.program, label: value.label, valid_for };
    let created = tokens::create(&state.context, &caller.0.name, &new).await?;
    let shown = CreatedToken {
        token_id: created.token_id,
        token: created.text.expose_secret().to_owned(),
        name: created.principal.name,
        role: created.principal.role,
        program: created.principal.is_program,
        label: new.label,
        expires_at: created.expires_at,
    };
    Ok((StatusCode::CREATED, Json(shown)))
}
