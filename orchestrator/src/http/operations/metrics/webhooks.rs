//! What programs asked by webhooks.

use chiffon_hooks::store::calls;
use chiffon_kernel::http::problem::Failure;

use super::exact;
use super::families::{Families, Kind};
use crate::http::HttpState;

/// Adds them.
pub(super) async fn add(families: &mut Families, state: &HttpState) -> Result<(), Failure> {
    let labels = |of: &calls::Counted| vec![("hook", of.hook.clone()), ("outcome", of.outcome.clone())];
    let counted = calls::list(state.pool()).await?.iter().map(|of| (labels(of), exact(of.count))).collect();
    families.add(Kind::Counter, "chiffon_webhook_calls_total", "Calls of webhooks, by what came of them.", counted);
    Ok(())
}
