//! What was told to people, what waits to be, and for how long.

use chiffon_kernel::http::problem::Failure;
use chiffon_notify::store::{counts, notices};

use super::exact;
use super::families::{Families, Kind, Sample};
use crate::http::HttpState;

/// Adds them.
pub(super) async fn add(families: &mut Families, state: &HttpState) -> Result<(), Failure> {
    let labels = |of: &counts::Counted| vec![("channel", of.channel.clone()), ("kind", of.kind.clone()), ("outcome", of.outcome.clone())];
    let counted = counts::list(state.pool()).await?.iter().map(|of| (labels(of), exact(of.count))).collect();
    families.add(Kind::Counter, "chiffon_notifications_total", "Tries to tell something, by channel, kind and outcome.", counted);
    let now = state.context.clock.now();
    let standing = notices::standing(&mut *state.context.store.acquire().await?, now).await?;
    let each = |value: &dyn Fn(&notices::Standing) -> f64| -> Vec<Sample> {
        standing.iter().map(|of| (vec![("channel", of.channel.clone())], value(of))).collect()
    };
    families.add(Kind::Gauge, "chiffon_notifications_waiting", "Notifications that wait to be delivered.", each(&|of| exact(of.waiting)));
    families.add(
        Kind::Gauge,
        "chiffon_notifications_held",
        "Those of them that are gathered or wait for quiet hours to end.",
        each(&|of| exact(of.held)),
    );
    let age = each(&|of| of.oldest.map_or(0.0, |oldest| exact((now - oldest).num_seconds().max(0))));
    families.add(
        Kind::Gauge,
        "chiffon_notifications_oldest_waiting_seconds",
        "For how long the oldest of them that is not held has waited.",
        age,
    );
    Ok(())
}
