//! What the entries of the journal's file come to: the attempts that count, and those of which that can't be told any more.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chiffon_protocol::message::WorkResult;
use serde::{Deserialize, Serialize};

use super::entry::{Kind, bytes_of};
use super::event_log::Rest;
use super::record::{Key, Record};
use super::segment::{Piece, pieces};

/// What the JSON of an [`Kind::Ended`] entry holds; the rest of the log stands behind it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) record: Record,
    pub(super) result: WorkResult,
    /// Where in the log the rest begins.
    pub(super) rest_at: u64,
}

/// The entries of one attempt that the next file begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carry {
    pub(super) received: Vec<u8>,
    pub(super) latest: Option<Vec<u8>>,
}

/// One attempt that counts.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) record: Record,
    /// The work as it came; empty where it was damaged.
    pub(super) work: Bytes,
    pub(super) end: Option<(WorkResult, Rest)>,
    pub(super) carry: Carry,
}

impl Held {
    /// An attempt with its work; entries of its own are made for it.
    pub(super) fn new(record: Record, work: Bytes, result: Option<WorkResult>) -> serde_json::Result<Self> {
        let received = bytes_of(Kind::Received, record.key(), &serde_json::to_vec(&record)?, &work);
        let mut held = Self { record: record.clone(), work, end: None, carry: Carry { received, latest: None } };
        if let Some(result) = result {
            let end = End { record, result, rest_at: 0 };
            held.carry.latest = Some(bytes_of(Kind::Ended, end.record.key(), &serde_json::to_vec(&end)?, b""));
            held.end = Some((end.result, Rest::default()));
        }
        Ok(held)
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) held: BTreeMap<Key, Held>,
    /// Whether it says that what is older does not count. One that does not was never finished: the one before it counts.
    pub(super) is_whole: bool,
    /// Where it can't be read, in bytes.
    pub(super) damaged_at: Vec<usize>,
    /// Attempts of which nobody can know how far they came. They are no part of what is held.
    pub(super) in_doubt: BTreeSet<Key>,
}

impl Contents {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut contents = Self::default();
        for piece in pieces(bytes) {
            match piece {
                Piece::Entry { at, kind, key, json, raw, bytes } => {
                    if contents.take(kind, key, json, raw, bytes).is_err() {
                        contents.doubt(at, Some(key));
                    }
                }
                Piece::Damaged { at, key } => contents.doubt(at, key),
                Piece::Torn { .. } => {}
            }
        }
        for key in &contents.in_doubt {
            contents.held.remove(key);
        }
        contents
    }

    fn take(&mut self, kind: Kind, key: Key, json: &[u8], raw: &[u8], bytes: &[u8]) -> serde_json::Result<()> {
        match kind {
            Kind::Received => {
                let carry = Carry { received: bytes.to_vec(), latest: None };
                self.held.insert(key, Held { record: serde_json::from_slice(json)?, work: Bytes::copy_from_slice(raw), end: None, carry });
            }
            Kind::Changed => self.change(key, serde_json::from_slice(json)?, None, bytes)?,
            Kind::Ended => {
                let End { record, result, rest_at } = serde_json::from_slice(json)?;
                self.change(key, record, Some((result, Rest { at: rest_at, bytes: raw.to_vec() })), bytes)?;
            }
            Kind::Forgotten => {
                self.held.remove(&key);
            }
            Kind::Carried => {
                self.is_whole = true;
                return Ok(());
            }
        }
        // Each entry says all that counts, so that it makes up for damaged ones before it.
        self.in_doubt.remove(&key);
        Ok(())
    }

    fn change(&mut self, key: Key, record: Record, end: Option<(WorkResult, Rest)>, bytes: &[u8]) -> serde_json::Result<()> {
        let held = match self.held.entry(key) {
            Entry::Occupied(held) => held.into_mut(),
            // Its beginning is damaged.
            Entry::Vacant(place) => place.insert(Held::new(record.clone(), Bytes::new(), None)?),
        };
        (held.record, held.end, held.carry.latest) = (record, end, Some(bytes.to_vec()));
        Ok(())
    }

    /// What could not be read may have been about this attempt, or about any: those with a result stay, for nothing was to follow it but
    /// that they are forgotten.
    fn doubt(&mut self, at: usize, key: Option<Key>) {
        self.damaged_at.push(at);
        let may_lack = |held: Option<&Held>| held.is_none_or(|held| held.end.is_none());
        match key {
            Some(key) if may_lack(self.held.get(&key)) => drop(self.in_doubt.insert(key)),
            Some(_) => {}
            None => self.in_doubt.extend(self.held.iter().filter(|(_, held)| held.end.is_none()).map(|(key, _)| *key)),
        }
    }
}
