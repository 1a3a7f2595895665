//! The only module that speaks SQL. One file per noun; statements are checked at compile time.

pub mod actions;
pub mod agent_orders;
pub mod agents;
pub mod catalogue;
pub mod inventories;
pub mod metrics;
pub mod read;
pub mod refused_hellos;
pub mod variables;
