//! Sends spans to a collector by OTLP over HTTP (protobuf): in batches, in the background, and within bounds.
//!
//! Whoever makes spans never waits for this, whatever the collector does. What is made and for whom is the business of
//! `chiffon_process::traces`; nothing here knows what Chiffon is for.

mod deliver;
mod exporter;
mod settings;
mod wire;

pub use exporter::Exporter;
pub use settings::{Settings, Target};
