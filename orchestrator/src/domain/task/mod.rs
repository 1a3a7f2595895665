//! The life of a task: its states with the data they own, and the only ways from one to another.
//!
//! Pure: no clock, no SQL. Reports of a superseded attempt or offer are named cases ([`InvalidTransition`]), never guesses.

mod state;
mod transition;
mod words;

pub use state::{Event, InvalidTransition, Owned, Task};
pub use words::{Purpose, Status};

#[cfg(test)]
mod matrix;
