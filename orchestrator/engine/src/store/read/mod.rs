//! Read models: what people and programs see, each from a fixed number of statements whatever there is to show.

pub mod dead_letters;
pub mod reserved;
pub mod tasks;
pub mod waits;
