//! What is kept about calls.

pub mod calls;
