//! What the tests of the agents' crates share: the other side of the contract, a worker that can be killed, and a small kind of agent.

pub mod journal;
pub mod kinds;
pub mod orchestrator;
pub mod running;
