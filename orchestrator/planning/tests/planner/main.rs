//! Planning: the offline planner on a catalogue it has never seen, the checks that every draft goes through, and the
//! chain of providers against a local OpenAI-compatible server.

mod assembling;
mod conversing;
mod dialects;
mod examples;
mod hostile;
mod invented;
mod lossless;
mod names;
mod offline;
mod providers;
mod revising;
mod server;
mod speed;
mod story;
mod unicode;
mod unwanted;
