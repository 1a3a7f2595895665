//! `GET /docs/errors/{code}`: the page of an error's code, where a problem's `type` points.

use axum::http::header;
use axum::response::IntoResponse;
use chiffon_protocol::ErrorCode;

use crate::http::input::Name;
use crate::http::problem::Failure;

/// Shows what an error's code means and what to do.
#[utoipa::path(
    get, path = "/docs/errors/{code}", tag = "operations", params(("code" = u16, Path)),
    responses((status = 200, description = "Markdown", content_type = "text/markdown", body = String))
)]
pub(in crate::http) async fn error_page(Name(code): Name) -> Result<impl IntoResponse, Failure> {
    let known = code.parse().ok().and_then(ErrorCode::from_number);
    let shown = || code.chars().take(20).collect::<String>().escape_default().to_string();
    let known = known.ok_or_else(|| Failure::new(ErrorCode::NoSuchEndpoint, format!("there is no error code `{}`", shown())))?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], known.page()))
}
