//! `POST /keys`: trusts a public key, under which its principal may then ask over AMQP.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chiffon_protocol::ErrorCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::role::Role;
use crate::http::auth::Caller;
use crate::http::body;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::store::principal_keys::Listed;
use crate::verbs::principal_keys::{self, Trust};
use crate::verbs::tokens::Who;

/// The key that is to be trusted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct TrustBody {
    /// Whose it is; made where it is new.
    #[schema(pattern = "^[A-Za-z0-9._@-]{1,64}$")]
    name: String,
    /// What they may do.
    role: Role,
    /// A program may never approve.
    #[serde(default)]
    program: bool,
    /// As `chiffon key show` prints it.
    #[schema(example = "ed25519:OBQ8mvUBF8og8+0TxdmM7Uoj7xy8MAq97xcsocUYteE=")]
    public_key: String,
    /// What it is for.
    #[serde(default)]
    label: String,
}

/// Trusts a key. Doing it twice is the same as once.
#[utoipa::path(post, path = "/keys", tag = "keys", request_body = TrustBody, responses((status = 201, body = Listed)))]
pub(in crate::http) async fn trust(
    State(state): State<HttpState>,
    caller: Caller,
    body::Json { value, .. }: body::Json<TrustBody>,
) -> Result<(StatusCode, Json<Listed>), Failure> {
    let key = value.public_key.parse().map_err(|error: chiffon_protocol::key::KeyError| {
        Failure::new(ErrorCode::InvalidParameters, error.to_string()).with_details(json!({"field": "public_key"}))
    })?;
    let trust = Trust { who: Who { name: value.name, role: value.role, program: value.program }, key, label: value.label };
    let listed = principal_keys::trust(&state.context, &caller.0.name, &trust).await?;
    Ok((StatusCode::CREATED, Json(listed)))
}
