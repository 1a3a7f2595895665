//! How things look on a terminal. Data goes to standard output, everything else to standard error.

pub mod changed;
pub mod errors;
pub mod plan;
pub mod request;
pub mod story;
pub mod style;
pub mod summary;
pub mod table;
pub mod text;
pub mod time;
