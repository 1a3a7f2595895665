//! `GET /requests`: the requests, newest first, by state, host, action, who, since when and words.

use axum::Json;
use axum::extract::State;
use chiffon_kernel::http::input::{Params, bad_query, cut, moment, page_size};
use chiffon_kernel::http::problem::Failure;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::domain::origin::is_kind;
use crate::domain::request::Status;
use crate::http::HttpState;
use crate::store::read::requests::{self, Filter, RequestSummary};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListQuery {
    /// One state, or several with commas.
    status: Option<String>,
    /// Has a task for this host.
    host: Option<String>,
    /// Has a task of this action.
    action: Option<String>,
    /// Asked by the principal of this name.
    who: Option<String>,
    /// What began it: a kind such as `schedule`, or `schedule:` and its id.
    origin: Option<String>,
    /// Its id begins or ends with this: four characters at least.
    id: Option<String>,
    /// Asked at or after this moment (RFC 3339).
    #[serde(default, deserialize_with = "moment")]
    since: Option<DateTime<Utc>>,
    /// Has these words.
    text: Option<String>,
    /// Came over AMQP by the message with this id.
    message_id: Option<Uuid>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Items of a page, 1 to 200; 50 unless told otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A page of requests.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RequestPage)]
pub(in crate::http) struct Page {
    items: Vec<RequestSummary>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<Uuid>,
}

/// Lists requests, newest first.
#[utoipa::path(get, path = "/requests", tag = "requests", params(ListQuery), responses((status = 200, body = Page)))]
pub(in crate::http) async fn list(State(state): State<HttpState>, Params(query): Params<ListQuery>) -> Result<Json<Page>, Failure> {
    let limit = page_size(query.limit, 50, 200)?;
    let filter = Filter {
        status: states(query.status.as_deref())?,
        host: query.host,
        action: query.action,
        who: query.who,
        origin: query.origin.as_deref().map(origin).transpose()?,
        id_part: query.id.as_deref().map(id_part).transpose()?,
        since: query.since,
        text: query.text.filter(|text| !text.trim().is_empty()),
        message_id: query.message_id,
        before: query.cursor,
    };
    let mut items = requests::list(state.pool(), &state.context.settings.kinds, &filter, limit + 1).await?;
    let more = cut(&mut items, limit);
    let next_cursor = items.last().map(|request| request.request_id).filter(|_| more);
    Ok(Json(Page { items, next_cursor }))
}

fn origin(text: &str) -> Result<(String, Option<String>), Failure> {
    let (kind, id) = text.split_once(':').map_or((text, None), |(kind, id)| (kind, Some(id)));
    if is_kind(kind) && id != Some("") {
        return Ok((kind.to_owned(), id.map(str::to_owned)));
    }
    let message = format!("`{}` is no origin; give a kind such as `schedule`, or `schedule:` and its id", text.escape_default());
    Err(bad_query("origin", message))
}

fn id_part(part: &str) -> Result<String, Failure> {
    let part = part.to_ascii_lowercase();
    if (4..=36).contains(&part.len()) && part.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Ok(part);
    }
    Err(bad_query(
        "id",
        format!("`{}` is no part of an id; give 4 to 36 hexadecimal digits of its beginning or its end", part.escape_default()),
    ))
}

fn states(words: Option<&str>) -> Result<Vec<String>, Failure> {
    let words = words.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let known = || Status::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ");
            let unknown = || bad_query("status", format!("`{}` is not a state; there are {}", word.escape_default(), known()));
            Status::from_word(word).map(|status| status.as_str().to_owned()).ok_or_else(unknown)
        })
        .collect()
}
