//! Channels, what is told, and when it is tried again. Pure.

pub mod backoff;
pub mod channel;
pub mod kind;
pub mod notice;
pub mod permissions;
pub mod rhythm;
pub mod settings;
pub mod smtp;
pub mod standing;
