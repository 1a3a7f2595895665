//! Use cases, one verb per file. A use case is one transaction (or a short series), told top to bottom.

pub mod check_invariants;
pub mod retain;
