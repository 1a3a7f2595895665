//! The questions about what was, on histories whose answers are known.

mod answering;
mod documenting;
