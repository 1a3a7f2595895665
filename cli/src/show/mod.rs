//! How things look on a terminal. Data goes to standard output, everything else to standard error.

/// Says a line on standard error, for whoever is there: a terminal that was closed, or a reader that has gone, ends nothing.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        std::writeln!(std::io::stderr(), $($words)*).ok();
    }};
}

pub mod called;
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
