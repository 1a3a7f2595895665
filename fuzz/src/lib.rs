//! Feeds everything that reads text from outside with mutations of kept seeds, by seed number: the same number makes the same input.
//!
//! A reader may refuse, ask or cut; it may not panic. What made one panic is kept under `fuzz/seeds/<reader>/` and is read first from then on.
//! It runs on a stable toolchain and guides itself by no coverage: the seeds do.

mod mutate;
mod planning;
mod readers;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Once;

pub use readers::Reader;

/// Panicked on an input.
#[derive(Debug)]
pub struct Found {
    /// What read it.
    pub reader: Reader,
    /// The number that makes the input again; `None` for a kept seed as it is.
    pub number: Option<u64>,
    /// The input.
    pub input: Vec<u8>,
    /// What the panic said.
    pub said: String,
}

/// The folder of the kept seeds.
pub fn seeds_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

/// The kept seeds of a reader, sorted by name.
///
/// # Panics
/// When the folder of the seeds can't be read: without seeds nothing would be tried.
pub fn seeds(reader: Reader) -> Vec<Vec<u8>> {
    let folder = seeds_folder().join(reader.name());
    let listing = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = listing.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let seeds: Vec<Vec<u8>> = paths.iter().map(read).collect();
    assert!(!seeds.is_empty(), "{} has no seed", folder.display());
    seeds
}

/// The input that a number makes of the seeds.
pub fn input(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    mutate::mutated(seeds, &mut fastrand::Rng::with_seed(number))
}

/// While a reader reads, its panics are not printed: they are counted and told once.
fn quietly<T>(read: impl FnOnce() -> T) -> std::thread::Result<T> {
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    QUIET.set(false);
    outcome
}

/// Reads every kept seed, then the inputs of `numbers`. All that panicked.
pub fn run(reader: Reader, numbers: std::ops::Range<u64>) -> Vec<Found> {
    let seeds = seeds(reader);
    let mut read = reader.open();
    let kept = seeds.iter().map(|seed| (None, seed.clone()));
    let made = numbers.map(|number| (Some(number), input(&seeds, number)));
    let mut found = Vec::new();
    for (number, input) in kept.chain(made) {
        if let Err(panic) = quietly(|| read(&input)) {
            let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
            found.push(Found { reader, number, input, said: said.unwrap_or_else(|| "it said nothing".to_owned()) });
            // What it holds may be half-made.
            read = reader.open();
        }
    }
    found
}
