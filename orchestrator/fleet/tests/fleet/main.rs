//! What agents say of themselves, and what one of them is told.

mod introducing;
mod ordering;
