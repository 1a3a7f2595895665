//! The behaviour that every driver has, one function each.

pub mod bounds;
pub mod connection;
pub mod consume;
pub mod publish;
pub mod settle;
