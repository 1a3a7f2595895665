//! What reads text from outside, as pure functions over what it is given: fuzzing drives them. Nothing else calls them.

use std::path::Path;

use chiffon_process::SystemClock;
use chiffon_protocol::message::Mode;
use serde_json::{Map, Value};

use super::Inventory;
use super::play::{Line, Observer, diff_of_result};
use super::redact::Redactor;
use chiffon_worker::{EventSink, Progress};

/// A play's standard output and error, read in both ways of running.
#[derive(Debug)]
pub struct Events {
    observers: Vec<Observer>,
}

impl Events {
    /// Writes the events that it understands to this folder, anew.
    ///
    /// # Panics
    /// When the folder can't be written to.
    pub fn new(folder: &Path) -> Self {
        let observers = [Mode::Apply, Mode::Check].map(|mode| {
            let sink = EventSink::to_file(&folder.join(format!("{mode:?}.jsonl")), SystemClock::shared());
            let redactor = Redactor::new(vec!["hunter22-ß".to_owned()], &Map::new());
            Observer::new(mode, &["nas".to_owned()], redactor, sink, Progress::default())
        });
        Self { observers: observers.into() }
    }

    /// Reads these lines on both pipes.
    pub fn read(&mut self, lines: &[u8]) {
        for observer in &mut self.observers {
            for line in lines.split(|byte| *byte == b'\n') {
                observer.out(Line::Whole(line.to_vec()));
                observer.error(Line::Whole(line.to_vec()));
            }
        }
    }
}

/// The diff of one module's result.
pub fn diff(result: &Value) -> String {
    diff_of_result(result, "a place")
}

/// What `ansible-inventory --list` said.
pub fn inventory(list: &Map<String, Value>) -> Inventory {
    Inventory::from_list(list)
}
