//! The request that a path names: by its whole id, or by as much of its beginning or its end as lists and hints show.
//!
//! What fits several is refused with their names; nothing is chosen for the caller.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chiffon_kernel::domain::missing;
use chiffon_kernel::http::input::{Name, parse_id};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::ErrorCode;
use serde_json::json;
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::read::requests;

/// How the documents of these endpoints say it.
pub(in crate::http) const WORDS: &str =
    "Of the request; eight characters of its beginning or its end do, too, where they fit no other request";

/// What is shorter is typed by chance.
const SHORTEST: usize = 8;
const WHOLE: usize = 36;
/// So many requests are named of those that a shortened id fits.
const NAMED: usize = 5;

/// The last parameter of a path, as the id of a request.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct RequestId(pub(in crate::http) Uuid);

impl FromRequestParts<HttpState> for RequestId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Failure> {
        let Name(text) = Name::from_request_parts(parts, state).await?;
        match parse_id(&text) {
            Ok(id) => Ok(Self(id)),
            Err(failure) => match shortened(&text) {
                None => Err(failure),
                Some(part) => find(state, &part).await.map(Self),
            },
        }
    }
}

/// A part of an id, in small letters; `None` for what is none.
fn shortened(text: &str) -> Option<String> {
    let is_part = (1..WHOLE).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    is_part.then(|| text.to_ascii_lowercase())
}

async fn find(state: &HttpState, part: &str) -> Result<Uuid, Failure> {
    let refused =
        |message: String, fits: &[Uuid]| Err(Failure::new(ErrorCode::MalformedId, message).with_details(json!({"id": part, "fits": fits})));
    if part.len() < SHORTEST {
        let message = format!("`{part}` is too short for an id; give {SHORTEST} characters of its beginning or its end at least");
        return refused(message, &[]);
    }
    let mut fits = requests::ids_with(state.pool(), part, i64::try_from(NAMED + 1).unwrap_or(i64::MAX)).await?;
    match fits.as_slice() {
        [] => Err(missing::request_like(part).into()),
        [one] => Ok(*one),
        several => {
            let more = if several.len() > NAMED { " and more" } else { "" };
            fits.truncate(NAMED);
            let named = fits.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", ");
            refused(format!("`{part}` fits several requests: {named}{more}; give more of the one that you mean"), &fits)
        }
    }
}
