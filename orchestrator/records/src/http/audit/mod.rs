//! The audit log.

pub(super) mod list;
pub(super) mod verify;

use chiffon_kernel::domain::audit::SYSTEM_CHAIN;
use chiffon_kernel::domain::missing;
use chiffon_kernel::http::input::bad_query;
use chiffon_kernel::http::problem::Failure;
use uuid::Uuid;

use crate::http::HttpState;
use crate::store::read::audit;
use crate::verbs::verify_audit::Head;

/// The head of the chain of this name: a request's id, or `system`, which it is when none is named.
async fn head(state: &HttpState, chain: Option<String>) -> Result<Head, Failure> {
    let id = match chain.as_deref() {
        None | Some(SYSTEM_CHAIN) => None,
        Some(text) => {
            let malformed = || bad_query("chain", format!("`{}` is neither a request's id nor `{SYSTEM_CHAIN}`", text.escape_default()));
            Some(Uuid::try_parse(text).map_err(|_| malformed())?)
        }
    };
    let chain = id.map_or_else(|| SYSTEM_CHAIN.to_owned(), |id| id.to_string());
    let (seq, hash) = audit::head(state.pool(), &chain).await?.ok_or_else(|| missing::request(id.unwrap_or_default()))?;
    Ok(Head { chain, seq, hash })
}
