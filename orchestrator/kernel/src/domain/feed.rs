//! A place in the feed of all events, and its text for those who read on from there: they need not know what it is made of.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Where an event stands among all, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// That of its transaction, or of the event before it in its stream.
    pub position: i64,
    /// Its stream.
    pub stream_id: Uuid,
    /// Its number there.
    pub seq: i64,
}

impl Place {
    /// Before all events.
    pub const START: Self = Self { position: -1, stream_id: Uuid::nil(), seq: 0 };
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}-{}-{:x}", self.position, self.stream_id.simple(), self.seq)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(());
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            i64::from_str_radix(text, 16).ok().filter(|_| is_number).ok_or(())
        };
        let place = Self { position: number(part()?)?, stream_id: Uuid::try_parse(part()?).map_err(|_| ())?, seq: number(part()?)? };
        if parts.next().is_none() { Ok(place) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        let place = Place { position: 4_711, stream_id: Uuid::from_u128(7), seq: 12 };
        assert_eq!(place.to_string(), "1267-00000000000000000000000000000007-c");
        assert_eq!(place.to_string().parse(), Ok(place));
        for other in
            ["", "-", "1267", "1267-7-c", "+1-00000000000000000000000000000007-c", "1-00000000000000000000000000000007-c-0", "ü-ü-ü"]
        {
            assert_eq!(other.parse::<Place>(), Err(()), "{other}");
        }
    }

    #[test]
    fn places_are_in_the_order_in_which_events_are_read() {
        let place = |position, stream, seq| Place { position, stream_id: Uuid::from_u128(stream), seq };
        let in_order = [Place::START, place(0, 1, 1), place(5, 1, 7), place(5, 1, 8), place(5, 2, 1), place(6, 1, 9)];
        assert!(in_order.is_sorted_by(|one, next| one < next));
    }
}
