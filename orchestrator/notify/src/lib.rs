//! Notifications: what happened, told to people where they are, once and with the one link that matters. What is to be told stands in Postgres
//! before anybody is told; a receiver may get a message twice, under the same id.
//!
//! It decides nothing about requests, and reads them only.

pub mod chores;
pub mod domain;
pub mod http;
pub mod store;
pub mod verbs;

use std::sync::Arc;

use chiffon_kernel::part::Part;
use chores::lookout::Lookout;
use chores::notifier::Notifier;
use chores::postman::Postman;
use domain::permissions::PERMISSIONS;
use verbs::Context;

/// What it brings to an orchestrator. Without channels nothing looks.
pub fn part(context: &Context) -> Part {
    let room = context.clone();
    let mut part =
        Part { routes: Some(Box::new(move |server| http::routes(server, room.clone()))), permissions: PERMISSIONS, ..Part::default() };
    if !context.settings.channels.is_empty() {
        part.chores = vec![
            Arc::new(Notifier::new(context.clone())),
            Arc::new(Postman::new(context.clone())),
            Arc::new(Lookout::new(context.clone())),
        ];
    }
    part
}
