//! What a question is, and who may have it answered.

pub mod permissions;
pub mod question;
