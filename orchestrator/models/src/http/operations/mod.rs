//! Operating it: costs, background agents, metrics, pages of errors.

pub mod costs;
