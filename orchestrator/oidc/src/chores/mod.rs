//! What looks by itself.

pub mod refresher;
