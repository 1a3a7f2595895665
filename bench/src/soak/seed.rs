//! Chance that can be repeated: SplitMix64, because its whole state is the seed that the report names.

use std::ops::Range;
use std::time::Duration;

/// A source of numbers. Two of one seed and one stream give the same.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The numbers of one user of a seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut chance = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// A time within these seconds.
    pub fn seconds(&mut self, range: Range<u64>) -> Duration {
        let width = usize::try_from((range.end - range.start) * 1000).unwrap_or(1);
        let extra = u64::try_from(self.below(width)).unwrap_or(0);
        Duration::from_secs(range.start) + Duration::from_millis(extra)
    }
}
