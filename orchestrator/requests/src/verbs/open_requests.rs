//! How many requests may be open at once, of one principal and in all. Callers that ask side by side may pass the bound by as many as
//! there are connections to the database.

use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

use super::Context;
use crate::store::requests;

/// Requests end by people's decisions and by agents' work: a look after this is early enough.
const RETRY_AFTER_SECONDS: u64 = 10;

/// How many requests may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRequestLimits {
    /// In all.
    pub all: u32,
    /// Of one principal.
    pub of_one: u32,
}

impl Default for OpenRequestLimits {
    fn default() -> Self {
        Self { all: 20_000, of_one: 10_000 }
    }
}

/// Refuses one more than there may be.
pub async fn check(context: &Context, work: &mut Work, principal: &Principal) -> Result<(), Problem> {
    let most = context.settings.open_requests;
    let open = requests::count_open(work, principal.id, i64::from(most.all), i64::from(most.of_one)).await?;
    if open.of_one >= i64::from(most.of_one) {
        let message = format!("`{}` has {} open requests, which is the most that one may have", principal.name, most.of_one);
        return Err(too_many(&message, "planning.max_open_requests_per_principal"));
    }
    if open.all >= i64::from(most.all) {
        return Err(too_many(&format!("{} requests are open, which is the most", most.all), "planning.max_open_requests"));
    }
    Ok(())
}

fn too_many(what: &str, setting: &str) -> Problem {
    let message = format!("{what} (`{setting}`); `chiffon requests` lists them, `chiffon cancel` ends one");
    Problem::new(ErrorCode::TooManyOpenRequests, message)
        .with_details(json!({"setting": setting, "retry_after_seconds": RETRY_AFTER_SECONDS}))
}
