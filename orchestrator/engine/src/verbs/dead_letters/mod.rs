//! Dead letters: kept in Postgres, led back where that is safe by itself, replayed and purged by people, let go in the end.

pub mod authenticity;
pub mod by_itself;
pub mod keep;
pub mod let_go;
pub mod purge;
pub mod replay;
mod way;
