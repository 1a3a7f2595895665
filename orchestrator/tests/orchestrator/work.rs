//! From a pending task to its end, with agents that are nothing but what they put on the wire: signed messages in, signed
//! messages out. The database is real; the clock and every look of the background agents are the test's.

mod binding;
mod checking;
mod claiming;
mod cutting_off;
mod dispatching;
mod dying;
mod flooding;
mod foretelling;
mod history;
mod holding;
mod introducing;
mod keeping;
mod ordering;
mod outdated;
mod overrunning;
mod panicking;
mod pausing;
mod planning_again;
mod pooling;
mod reporting;
mod resolving;
mod restoring;
mod resulting;
mod retaining;
mod scribing;
mod site;
mod trying_again;
mod unverified;
mod verifying;
mod waiting;
mod watching;
mod wire;
