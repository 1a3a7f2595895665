//! Operating it: costs, background agents, metrics, pages of errors.

pub(super) mod background;
pub(super) mod costs;
pub(super) mod error_page;
pub(super) mod metrics;
