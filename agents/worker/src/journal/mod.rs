//! The agent's memory on disk: what it was asked to do, how far it came, and what it has not yet been able to report.
//!
//! One folder per attempt; every change is whole or not there (draft, fsync, rename, fsync of the folder). One process
//! holds it at a time. No journal, no claim (RELIABILITY 6).

mod event_log;
mod files;
mod folder;
mod lock;
mod record;

pub(crate) use event_log::{Cursor, EventLog};
pub(crate) use folder::{AttemptFolder, Found};
pub(crate) use lock::Journal;
pub(crate) use record::Record;
