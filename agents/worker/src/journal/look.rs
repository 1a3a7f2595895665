//! Looking at a journal from outside, while an agent writes it: what stands in it now.

use std::io;
use std::path::Path;

use uuid::Uuid;

use super::contents::Contents;
use super::start::numbers;
use crate::machine::State;

/// The attempts that stand in the journal under this data folder, each with how far it came. Changes nothing; the agent may hold it.
pub fn journalled(data_dir: &Path) -> io::Result<Vec<(Uuid, u32, State)>> {
    for path in numbers(&data_dir.join("journal"))?.into_values().rev() {
        let bytes = match std::fs::read(&path) {
            // The agent has begun the next one meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return journalled(data_dir),
            read => read?,
        };
        let contents = Contents::read(&bytes);
        if contents.is_whole {
            return Ok(contents.held.into_iter().map(|((task, attempt), held)| (task, attempt, held.record.state)).collect());
        }
    }
    Ok(Vec::new())
}
