//! From the words of a request to its end: planning under a lease, decisions under the lock, holding, cancelling, what was cut off, and every
//! way out.

mod asking;
mod cancelling;
mod deciding;
mod expiring;
mod feeding;
mod history;
mod holding;
mod keeping;
mod messaging;
mod origins;
mod outdated;
mod overrunning;
mod panicking;
mod parts;
mod planning_again;
mod relaying;
mod resolving;
mod restoring;
mod running;
mod scoped;
mod standing;
