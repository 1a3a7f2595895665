//! What others write, read only.

pub mod requests;
