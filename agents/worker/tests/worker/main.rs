//! The worker against an orchestrator that speaks the wire contract, with real processes and a real disk.

mod recovery;
mod traces;
mod working;
