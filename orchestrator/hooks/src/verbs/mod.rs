//! What happens with calls of hooks.

mod context;
pub mod receive;
mod secret;
pub mod show;
pub mod try_out;

pub use context::Context;
