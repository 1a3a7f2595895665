//! What every part of the orchestrator stands on: the pool and its transactions, the outbox and its relay, the audit chain, events, leases,
//! principals and their tokens and keys, the HTTP frame, the loops of deliveries and chores, and what a part is.
//!
//! It knows no plan, no task and no agent. In each crate modules are layered `domain <- store <- verbs <- {http, deliveries, chores}`.

pub mod chores;
pub mod deliveries;
pub mod domain;
pub mod http;
pub mod part;
pub mod store;
pub mod verbs;

use std::sync::Arc;

use chores::outbox_relay::OutboxRelay;
use domain::permissions::PERMISSIONS;
use part::Part;
use store::invariants::messages;
use verbs::Context;
use verbs::returned::Returned;

/// What it brings by itself. `offers` hears what came back.
pub fn part(context: &Context, offers: Arc<dyn Returned>) -> Part {
    Part {
        routes: Some(Box::new(http::routes)),
        permissions: PERMISSIONS,
        chores: vec![Arc::new(OutboxRelay::new(context.clone(), offers))],
        invariants: messages::INVARIANTS,
        ..Part::default()
    }
}
