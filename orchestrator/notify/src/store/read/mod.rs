//! What others write, read only.

pub mod requests;
pub mod standing;
