//! What happens to notices: made from what is told and of how things stand, delivered, tested, tried again.

pub mod certificate;
pub mod context;
pub mod deliver;
mod digest;
pub mod follow;
pub mod link;
pub mod look;
pub mod people;
pub mod retry;
pub mod send;
pub mod show;
pub mod test;

pub use context::Context;
