//! Model providers: in which order they are asked, when one is passed over, what a call may cost and what it did. The only crate that speaks to
//! models; it knows no plan.

pub mod domain;
pub mod http;
pub mod planner;
pub mod store;
pub mod verbs;

use chiffon_kernel::part::Part;
use domain::permissions::PERMISSIONS;
use store::invariants::spending;

/// What it brings to an orchestrator.
pub fn part() -> Part {
    Part { routes: Some(Box::new(http::routes)), permissions: PERMISSIONS, invariants: spending::INVARIANTS, ..Part::default() }
}
