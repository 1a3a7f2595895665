//! Agents as others see them: what they announce, what they report of themselves, what they can do, and orders to one of them. Whether one takes
//! work is the engine's.

pub mod domain;
pub mod http;
pub mod store;

use chiffon_kernel::part::Part;
use domain::permissions::PERMISSIONS;

/// What it brings to an orchestrator.
pub fn part() -> Part {
    Part { routes: Some(Box::new(http::routes)), permissions: PERMISSIONS, ..Part::default() }
}
