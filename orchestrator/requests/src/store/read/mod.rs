//! Read models: what people and programs see, each from a fixed number of statements whatever there is to show.

pub mod live;
pub mod request;
pub mod requests;
pub mod revisions;
pub mod standing_approvals;
