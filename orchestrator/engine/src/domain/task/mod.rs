//! The life of a task: its states with the data they own, and the only ways from one to another.
//!
//! Pure: no clock, no SQL. Reports of a superseded attempt or offer are named cases ([`InvalidTransition`]), never guesses.

mod asks;
mod attempt;
mod given_back;
mod resolve;
mod retry;
mod state;
mod transition;
mod words;

pub use asks::Asks;
pub use attempt::{Claim, Claimed, Known, NextOffer, Reported, claim, next_offer, result};
pub use given_back::given_back;
pub use resolve::{Asked, Refusal, resolve};
pub use retry::{CutOff, Limits, Next, Proof, Why, doubled, over_at, spread};
pub use state::{Decision, Event, InvalidTransition, Owned, Task};
pub use words::{Purpose, Status};

#[cfg(test)]
mod matrix;
