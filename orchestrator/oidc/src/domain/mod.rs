//! What a provider is, and what its claims come to here. Pure.

pub mod claims;
pub mod settings;
