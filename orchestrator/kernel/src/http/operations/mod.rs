//! Operating it: costs, background agents, metrics, pages of errors.

pub(super) mod background;
pub(super) mod error_page;
