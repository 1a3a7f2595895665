//! A request and its conversation: asking, planning rounds, decisions, deadlines, and what its work comes to.

pub mod chores;
pub mod deliveries;
pub mod domain;
pub mod http;
pub mod store;
pub mod verbs;

use std::sync::Arc;

use chiffon_kernel::part::Part;
use chiffon_process::Spawner;
use chores::deadline_reaper::DeadlineReaper;
use chores::planning::PlanningDesk;
use deliveries::requests::RequestsInbox;
use domain::permissions::PERMISSIONS;
use store::invariants::requests;
use verbs::Context;

/// What it brings to an orchestrator.
pub fn part(context: &Context, spawner: &Spawner) -> Part {
    let desk = PlanningDesk::new(context.clone(), spawner.clone());
    let room = context.clone();
    Part {
        routes: Some(Box::new(move |server| http::routes(server, room.clone()))),
        permissions: PERMISSIONS,
        deliveries: vec![Arc::new(RequestsInbox::new(desk.clone()))],
        chores: vec![Arc::new(desk), Arc::new(DeadlineReaper::new(context.clone()))],
        invariants: requests::INVARIANTS,
        ..Part::default()
    }
}
