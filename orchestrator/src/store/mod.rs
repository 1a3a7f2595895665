//! The only module that speaks SQL. One file per noun; statements are checked at compile time.

pub mod backup;
pub mod pruning;
pub mod read;
