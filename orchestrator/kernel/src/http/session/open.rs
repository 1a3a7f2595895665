//! `POST /session`: signs a browser in, by a one-time link's code, a token, or a name and a password, and gives it a cookie.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::AppendHeaders;
use chiffon_protocol::ErrorCode;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::role::Role;
use crate::http::auth::{self, From};
use crate::http::body;
use crate::http::cookie;
use crate::http::input::storable;
use crate::http::limits::Peer;
use crate::http::problem::Failure;
use crate::http::state::HttpState;
use crate::verbs::passwords::{self, ByPassword};
use crate::verbs::sessions::{self, Opened};
use crate::verbs::{login_links, tokens};

/// By what a browser signs in: one of `code`, `token`, and `name` with `password`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct OpenBody {
    /// What stands behind `#code=` in a link of `POST /login-links`.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
    /// A person's token.
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
    /// A person's name.
    name: Option<String>,
    /// Their password.
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
    /// Another password to take its place; needed where somebody else has chosen the present one (5036).
    #[schema(value_type = Option<String>, min_length = 8, max_length = 1024)]
    new_password: Option<SecretString>,
}

/// An open session. What it is known by is in the cookie, and nowhere else.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenedSession {
    session_id: Uuid,
    name: String,
    role: Role,
    /// From then on it counts no more, unless it is used before.
    expires_at: DateTime<Utc>,
}

/// Signs a browser in.
#[utoipa::path(
    post, path = "/session", tag = "sessions", request_body = OpenBody,
    responses((status = 201, body = OpenedSession), (status = 401, description = "The link or the token does not count"), (status = 429, description = "Too much that does not count has come from this address, or for this name"))
)]
pub(in crate::http) async fn open(
    State(state): State<HttpState>,
    From(peer): From,
    headers: HeaderMap,
    body::Json { value, .. }: body::Json<OpenBody>,
) -> Result<Answer, Failure> {
    auth::check_page(&state, &headers)?;
    let browser = browser(&headers);
    let OpenBody { code, token, name, password, new_password } = value;
    let opened = match (code, token, name.zip(password)) {
        (None, None, Some((name, password))) => by_password(&state, peer, &ByPassword { name, password, new_password }, browser).await?,
        (None, Some(token), None) => {
            let (principal, token_id) = auth::by_token(&state, peer, token.expose_secret()).await?;
            sessions::open_by_token(&state.context, principal, token_id, browser).await?
        }
        (Some(code), None, None) => {
            let (code, now) = (code.expose_secret().trim(), state.context.clock.elapsed());
            if !login_links::is_plausible(code) {
                let cut = login_links::invalid("the sign-in link is not whole: its code is `chl_` and 43 letters, digits, `-` and `_`");
                return Err(state.limits.does_not_count(peer, now, cut.into()));
            }
            state.limits.may_try(peer, &tokens::sha256(code), now)?;
            sessions::open_by_link(&state.context, code, browser).await.map_err(|problem| match problem.code {
                ErrorCode::LoginLinkInvalid => state.limits.does_not_count(peer, now, problem.into()),
                _ => problem.into(),
            })?
        }
        _ => {
            let message = "send `code`, from a link of `chiffon login`, or `token`, or `name` with `password`, and one of them only";
            return Err(Failure::new(ErrorCode::FieldMissing, message).with_details(json!({"field": "code"})));
        }
    };
    enter(&state, &headers, opened).await
}

/// What a browser calls itself.
pub fn browser(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|name| name.to_str().ok()).unwrap_or_default()
}

async fn by_password(state: &HttpState, peer: Peer, by: &ByPassword, browser: &str) -> Result<Opened, Failure> {
    let now = state.context.clock.elapsed();
    storable(&by.name, "name")?;
    let pair = state.limits.may_try_password(peer, &by.name, now)?;
    let opened = passwords::open(&state.context, &state.hashing, by, browser).await.map_err(|problem| match problem.code {
        ErrorCode::PasswordRefused => state.limits.does_not_count(peer, now, problem.into()),
        _ => problem.into(),
    })?;
    state.limits.counts(&pair);
    Ok(opened)
}

/// The answer that signs a browser in.
pub type Answer = (StatusCode, AppendHeaders<[(header::HeaderName, String); 1]>, Json<OpenedSession>);

/// The header by which a browser gets the cookie of a session, in the place of the one that it had.
pub async fn given(state: &HttpState, headers: &HeaderMap, opened: &Opened) -> Result<String, Failure> {
    // Whoever was signed in there is not any more: nobody holds that cookie now.
    for replaced in cookie::held(state, headers).iter().filter(|held| sessions::is_plausible(held)) {
        sessions::replace(&state.context, &tokens::sha256(replaced)).await?;
    }
    Ok(cookie::given(state, opened.secret.expose_secret()))
}

/// Gives a browser the cookie of a session, in the place of the one that it had.
pub async fn enter(state: &HttpState, headers: &HeaderMap, opened: Opened) -> Result<Answer, Failure> {
    let given = given(state, headers, &opened).await?;
    let (name, role) = (opened.principal.name, opened.principal.role);
    let session = OpenedSession { session_id: opened.session_id, name, role, expires_at: opened.expires_at };
    Ok((StatusCode::CREATED, AppendHeaders([(header::SET_COOKIE, given)]), Json(session)))
}
