//! From a pending task to its end, with agents that are nothing but what they put on the wire. The database is real; the clock and every
//! look of the background agents are the test's.

mod binding;
mod checking;
mod claiming;
mod counting;
mod cutting_off;
mod dispatching;
mod dying;
mod failing;
mod flooding;
mod foretelling;
mod kinds;
mod late;
mod leaving_out;
mod ordered;
mod pausing;
mod reporting;
mod resulting;
mod trying_again;
mod unreadable;
mod unverified;
mod waiting;
