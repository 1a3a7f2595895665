//! Read models: what people and programs see, each from a fixed number of statements whatever there is to show.

pub mod audit;
