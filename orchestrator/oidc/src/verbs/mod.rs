//! Use cases of signing in by a provider, one verb per file.

pub mod begin;
pub mod finish;
pub mod follow;
pub mod leave;
pub mod provider;
pub mod refresh;
pub mod seal;
