//! `POST /login-links`: makes a link that signs a browser in, once. It takes no `Idempotency-Key`, because answers to those are stored.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chiffon_protocol::ErrorCode;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::role::Role;
use crate::http::answer::origin;
use crate::http::auth::{Caller, Proof};
use crate::http::body;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::verbs::login_links::{self, For};

/// For whom the link is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LinkBody {
    /// Somebody else's name, which takes the permission `tokens.manage`; left out for oneself.
    #[schema(pattern = "^[A-Za-z0-9._@-]{1,64}$")]
    name: Option<String>,
    /// What they may do, with which they are made; to be told where they are new.
    role: Option<Role>,
}

/// A link, which is told once.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct LoginLink {
    /// To be opened in the browser that is to be signed in. What stands behind `#` is sent to no server by opening it.
    url: String,
    /// Whom it signs in.
    name: String,
    /// What they may do.
    role: Role,
    /// From then on it opens nothing.
    expires_at: DateTime<Utc>,
}

/// Makes a link that signs a browser in, once.
#[utoipa::path(post, path = "/login-links", tag = "sessions", request_body = Option<LinkBody>, responses((status = 201, body = LoginLink)))]
pub(in crate::http) async fn link(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    proof: Proof,
    headers: HeaderMap,
    body::OptionalJson { value, .. }: body::OptionalJson<LinkBody>,
) -> Result<(StatusCode, Json<LoginLink>), Failure> {
    let LinkBody { name, role } = value.unwrap_or_default();
    if name.is_none() && role.is_some() {
        let message = "`role` is somebody else's, and `name` says whose; leave both out for yourself";
        return Err(Failure::new(ErrorCode::FieldMissing, message).with_details(json!({"field": "name"})));
    }
    let whom = name.map(|name| For { name, role });
    let made = login_links::make(&state.context, &caller, proof.maker(), whom.as_ref()).await?;
    let url = format!("{}/ui/signin#code={}", origin(&state.options.public_url, &headers), made.code.expose_secret());
    let link = LoginLink { url, name: made.principal.name, role: made.principal.role, expires_at: made.expires_at };
    Ok((StatusCode::CREATED, Json(link)))
}
