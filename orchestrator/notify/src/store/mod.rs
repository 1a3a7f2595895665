//! Rows of notices, of how far the feed was read for them, and what is read of requests for them.

pub mod counts;
pub mod feed_cursor;
pub mod notices;
pub mod read;
