//! Endpoints of questions.

pub mod ask;
pub mod list;
