//! Faults on real parts, enumerated: whatever may fail is killed (`kill -9`) or frozen (`SIGSTOP`, for longer than each lease) at
//! each named point of a request's way. Afterwards nothing is lost, nothing has happened twice, nothing is stuck, and
//! `chiffon why` tells the story.

mod deliveries;
mod leaving;
mod matrix;
mod outage;
mod planning_again;
mod point;
mod surroundings;
mod verdict;
