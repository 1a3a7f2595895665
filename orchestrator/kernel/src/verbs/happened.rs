//! How often what happened, by the names that the audit log has for it: counted in this process since it began, once it is committed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The counts.
#[derive(Debug, Default)]
pub struct Happened {
    by_event: Mutex<BTreeMap<&'static str, u64>>,
}

impl Happened {
    /// Counts these.
    pub fn count(&self, events: impl IntoIterator<Item = &'static str>) {
        let mut counts = self.by_event.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            *counts.entry(event).or_default() += 1;
        }
    }

    /// All counts, by name.
    pub fn all(&self) -> BTreeMap<&'static str, u64> {
        self.by_event.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
