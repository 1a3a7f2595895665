//! Reading the journal's file: entry for entry, past what is damaged, up to a torn end.

use super::entry::{HEAD, Head, Kind, MAGIC};
use super::record::Key;

/// What stands at a place of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// An entry, whole.
    Entry {
        /// Its place, in bytes.
        at: usize,
        kind: Kind,
        key: Key,
        json: &'a [u8],
        raw: &'a [u8],
        /// All its bytes.
        bytes: &'a [u8],
    },
    /// What was written once and can't be read any more, from this byte on; of which attempt, where that can be told.
    Damaged { at: usize, key: Option<Key> },
    /// What a crash cut off while it was written: nobody was told that it stands there.
    Torn { at: usize },
}

/// All pieces of a file in their order.
pub(super) fn pieces(bytes: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let head = Head::parse(rest);
        let key = head.map(|head| head.key);
        if let Some(head) = &head
            && let Some((entry, behind)) = rest.split_at_checked(head.entry_bytes())
        {
            let body = head.body(entry);
            if body.is_none() && is_unwritten(entry) && behind.iter().all(|byte| *byte == 0) {
                pieces.push(Piece::Torn { at });
                break;
            }
            pieces.push(match body {
                Some((json, raw)) => Piece::Entry { at, kind: head.kind, key: head.key, json, raw, bytes: entry },
                None => Piece::Damaged { at, key },
            });
            at += entry.len();
            continue;
        }
        let next = next_head(bytes, at + 1);
        let ends_early = head.is_some() || rest.len() < HEAD || is_unwritten(rest);
        pieces.push(if next.is_none() && ends_early { Piece::Torn { at } } else { Piece::Damaged { at, key } });
        at = next.unwrap_or(bytes.len());
    }
    pieces
}

/// Whether these bytes end with what a file's length has and was never written; no entry does.
fn is_unwritten(bytes: &[u8]) -> bool {
    bytes.last() == Some(&0)
}

/// The next place with a whole line.
fn next_head(bytes: &[u8], from: usize) -> Option<usize> {
    let places = bytes.get(from..)?.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    places.map(|(place, _)| from + place).find(|place| Head::parse(&bytes[*place..]).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::entry::bytes_of;
    use super::*;
    use uuid::Uuid;

    fn entry(task: u128, json: &str) -> Vec<u8> {
        bytes_of(Kind::Changed, (Uuid::from_u128(task), 1), json.as_bytes(), b"")
    }

    fn told(bytes: &[u8]) -> Vec<String> {
        let word = |piece: &Piece<'_>| match piece {
            Piece::Entry { key, .. } => key.0.as_u128().to_string(),
            Piece::Damaged { key, .. } => format!("damaged {}", key.map_or("?".to_owned(), |key| key.0.as_u128().to_string())),
            Piece::Torn { .. } => "torn".to_owned(),
        };
        pieces(bytes).iter().map(word).collect()
    }

    #[test]
    fn an_end_that_is_torn_at_any_byte_or_full_of_zeros_from_there_is_no_damage() {
        let whole = [entry(1, "{\"a\":1}"), entry(2, "{\"b\":2}")].concat();
        let last = entry(3, "{\"c\":3}");
        assert_eq!(told(&[whole.clone(), last.clone()].concat()), ["1", "2", "3"]);
        for length in 0..last.len() {
            let mut torn = [whole.clone(), last[..length].to_vec()].concat();
            let expected: &[&str] = if length == 0 { &["1", "2"] } else { &["1", "2", "torn"] };
            assert_eq!(told(&torn), expected, "{length} bytes");
            torn.resize(whole.len() + last.len(), 0);
            assert_eq!(told(&torn), ["1", "2", "torn"], "{length} bytes and zeros");
            torn.resize(whole.len() + 4_096, 0);
            assert_eq!(told(&torn), ["1", "2", "torn"], "{length} bytes and many zeros");
        }
    }

    #[test]
    fn a_flipped_bit_costs_its_entry_and_no_other_one() {
        let whole = [entry(1, "{\"a\":1}"), entry(2, "{\"b\":2}"), entry(3, "{\"c\":3}")].concat();
        let (begin, end) = (entry(1, "{\"a\":1}").len(), whole.len() - entry(3, "{\"c\":3}").len());
        for place in begin..end {
            let mut damaged = whole.clone();
            damaged[place] ^= 4;
            let said = told(&damaged);
            assert!(said == ["1", "damaged 2", "3"] || said == ["1", "damaged ?", "3"], "byte {place}: {said:?}");
            let names_it = said[1] == "damaged 2";
            assert_eq!(names_it, place >= begin + HEAD, "byte {place}");
        }
    }
}
