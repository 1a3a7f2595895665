//! Webhooks: signed calls of other programs, each of which asks for something once. What is asked is said in the configuration, with places
//! that a call fills; what becomes of it is decided by people, as of any other request.

pub mod domain;
pub mod http;
pub mod store;
pub mod verbs;

use chiffon_kernel::part::Part;
use domain::permissions::PERMISSIONS;
use verbs::Context;

/// What it brings to an orchestrator.
pub fn part(context: &Context) -> Part {
    let room = context.clone();
    Part { routes: Some(Box::new(move |server| http::routes(server, room.clone()))), permissions: PERMISSIONS, ..Part::default() }
}
