//! How client verbs talk to Chiffon: HTTP and nothing else.

mod address;
mod api;
mod events;
mod loss;

pub use api::{Api, new_key, rows};
pub use events::{Event, Events};
