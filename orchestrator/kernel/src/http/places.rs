//! Places of which there is a number in all and a number for each who takes them: connections by address, live views and waits by
//! principal. A place is given back with its value.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// Of everybody together.
    pub all: usize,
    /// Of one.
    pub of_one: usize,
}

/// Which bound was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All are taken.
    All,
    /// All that one may take are taken.
    OfOne,
}

/// Places, and who has how many of them.
#[derive(Debug)]
pub struct Places<K: Eq + Hash + Clone> {
    most: Most,
    taken: Mutex<(usize, HashMap<K, usize>)>,
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// All of them free.
    pub fn new(most: Most) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::new((0, HashMap::new())) })
    }

    /// A place, if there is one. `counts_alone`: whether this one has a bound of its own.
    pub fn take(self: &Arc<Self>, one: K, counts_alone: bool) -> Result<Place<K>, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_one) = &mut *taken;
        let of_one = by_one.get(&one).copied().unwrap_or_default();
        if counts_alone && of_one >= self.most.of_one {
            return Err(Full::OfOne);
        }
        if *all >= self.most.all {
            return Err(Full::All);
        }
        *all += 1;
        by_one.insert(one.clone(), of_one + 1);
        Ok(Place { places: Arc::clone(self), one })
    }

    fn give_back(&self, one: &K) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_one) = &mut *taken;
        *all = all.saturating_sub(1);
        if let Some(of_one) = by_one.get_mut(one) {
            *of_one = of_one.saturating_sub(1);
            if *of_one == 0 {
                by_one.remove(one);
            }
        }
    }
}

/// A place; given back with the value.
#[derive(Debug)]
pub struct Place<K: Eq + Hash + Clone> {
    places: Arc<Places<K>>,
    one: K,
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        self.places.give_back(&self.one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_a_bound_and_all_have_one_and_places_come_back() {
        let places = Places::new(Most { all: 4, of_one: 2 });
        let taken = [places.take('a', true).unwrap(), places.take('a', true).unwrap()];
        assert_eq!(places.take('a', true).unwrap_err(), Full::OfOne);
        let more = [places.take('a', false).unwrap(), places.take('b', true).unwrap()];
        assert_eq!(places.take('c', true).unwrap_err(), Full::All);
        assert_eq!(places.take('c', false).unwrap_err(), Full::All, "nobody is beyond the bound of all");
        drop((taken, more));
        assert_eq!(*places.taken.lock().unwrap(), (0, HashMap::new()));
    }
}
