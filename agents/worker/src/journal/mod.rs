//! The agent's memory on disk: what it was asked to do, how far it came, and what it has not yet been able to report.
//!
//! One file that only grows: an entry for each thing that must survive a power cut. One writer takes what waits, writes it at once, syncs
//! once, and then answers all who wait. When the file has grown, what still counts begins the next one, and the old one goes. The log of
//! an attempt is a file of its own beside it. One process holds it at a time. No journal, no claim (RELIABILITY 6).

mod contents;
mod entry;
mod event_log;
mod files;
mod lock;
mod look;
mod older;
mod record;
mod segment;
mod start;
#[cfg(test)]
mod tests;
mod whole;
mod writer;

pub(crate) use event_log::{Cursor, EventLog, Rest};
pub use look::journalled;
pub(crate) use record::{Key, Record};
pub(crate) use start::Found;
pub(crate) use whole::Journal;
