//! Client verbs, one file each: they speak HTTP only.

pub mod actions;
pub mod agents;
pub mod audit;
pub mod cancel;
pub mod costs;
pub mod dead_letters;
pub mod decide;
pub mod explain;
pub mod follow;
pub mod hold;
pub mod key;
pub mod logs;
mod over;
mod progress;
pub mod release;
pub mod request;
pub mod requests;
pub mod resolve;
pub mod standing;
pub mod terminal;
pub mod token;
mod undecided;
pub mod why;
