//! `POST /approval-links/{id}`: opens the link of a notification, once. It approves nothing.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::AppendHeaders;
use chiffon_kernel::http::auth::{self, From};
use chiffon_kernel::http::body;
use chiffon_kernel::http::input::Id;
use chiffon_kernel::http::problem::Failure;
use chiffon_kernel::http::session::open::{browser, given};
use chiffon_kernel::verbs::tokens;
use chiffon_protocol::ErrorCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::HttpState;
use crate::verbs::approval_links::{self, Came, Coming};

/// With what somebody comes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct OpenLinkBody {
    /// What stands behind `#code=` in the link.
    #[schema(value_type = String)]
    code: SecretString,
    /// Whether somebody else who is signed in with this browser is to be signed out for it.
    #[serde(default)]
    instead: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum LinkOutcome {
    /// This browser is signed in, for this plan only.
    SignedIn,
    /// Who was signed in is it, and stays so.
    Kept,
    /// Somebody else is signed in with this browser. The link was not used; `instead` signs them out for it.
    SomebodyElse,
}

/// Where a link leads.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct OpenedLink {
    outcome: LinkOutcome,
    /// Whose link it is.
    name: String,
    /// Who is signed in with this browser, now.
    signed_in: String,
    /// The request.
    request_id: Uuid,
    /// The plan for which it is.
    plan_sha256: String,
}

type Answer = (StatusCode, AppendHeaders<Option<(HeaderName, String)>>, Json<OpenedLink>);

/// Opens the link of a notification, once: signs its person in to look at the request, and to approve or reject exactly its plan. It approves
/// nothing.
#[utoipa::path(
    post, path = "/approval-links/{id}", tag = "sessions", params(("id" = Uuid, Path)), request_body = OpenLinkBody,
    responses(
        (status = 200, body = OpenedLink),
        (status = 403, description = "The link opens nothing, or the call comes from another page"),
        (status = 429, description = "Too much that does not count has come from this address")
    )
)]
pub(in crate::http) async fn open(
    State(state): State<HttpState>,
    From(peer): From,
    headers: HeaderMap,
    Id(id): Id,
    body::Json { value, .. }: body::Json<OpenLinkBody>,
) -> Result<Answer, Failure> {
    auth::check_page(&state, &headers)?;
    let now = state.context.clock.elapsed();
    let code = value.code.expose_secret().trim();
    state.limits.may_try(peer, &tokens::sha256(code), now)?;
    let here = auth::signed_in(&state, &headers).await?;
    let coming = Coming { id, code, here: here.as_ref(), instead: value.instead, browser: browser(&headers) };
    let led = approval_links::open(&state.context, coming).await.map_err(|problem| match problem.code {
        ErrorCode::ApprovalLinkInvalid => state.limits.does_not_count(peer, now, problem.into()),
        _ => problem.into(),
    })?;
    let name = led.person.name;
    let was = here.map(|here| here.principal.name);
    let (outcome, signed_in, cookie) = match led.came {
        Came::SignedIn(opened) => (LinkOutcome::SignedIn, name.clone(), Some(given(&state, &headers, &opened).await?)),
        Came::Kept => (LinkOutcome::Kept, name.clone(), None),
        Came::SomebodyElse => (LinkOutcome::SomebodyElse, was.unwrap_or_default(), None),
    };
    let answer = OpenedLink { outcome, name, signed_in, request_id: led.request_id, plan_sha256: led.plan_sha256 };
    Ok((StatusCode::OK, AppendHeaders(cookie.map(|cookie| (header::SET_COOKIE, cookie))), Json(answer)))
}
