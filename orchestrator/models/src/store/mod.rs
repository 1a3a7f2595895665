//! The only module that speaks SQL. One file per noun; statements are checked at compile time.

pub mod invariants;
pub mod llm_calls;
pub mod read;
