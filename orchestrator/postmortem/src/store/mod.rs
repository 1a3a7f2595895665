//! The questions and how they are asked: in a transaction that can't write, with a bound to their time and to what they answer.

pub mod answer;
mod questions;

pub use questions::{QUESTIONS, find};
