//! What happens when the broker dies, freezes, blocks or closes a channel: nothing confirmed is lost, nobody waits for ever, and
//! everything comes back by itself. Each test has a node of its own.

mod cluster;
mod dead;
mod frozen;
mod strict;
mod stripped;
