//! Whole-system tests on real parts. One binary, one module per story.

mod backup;
mod bad_starts;
mod cluster;
mod compose;
mod faults;
mod foretold;
mod kill;
mod monitoring;
mod over_ssh;
mod people;
mod programs;
mod secrets;
mod separate;
mod story;
mod supervised;
mod traces;
mod upgrade;
