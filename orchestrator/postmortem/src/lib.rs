//! Post-mortems: questions that people have about what was, each with its SQL, its columns and how it is drawn. It reads what the other
//! crates have recorded, in transactions that can't write, and writes nothing.

pub mod domain;
pub mod http;
pub mod store;

use chiffon_kernel::part::Part;
use domain::permissions::PERMISSIONS;

/// What it brings to an orchestrator.
pub fn part() -> Part {
    Part { routes: Some(Box::new(http::routes)), permissions: PERMISSIONS, ..Part::default() }
}
