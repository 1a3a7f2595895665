//! Work: tasks and their attempts, which agent gets which, offers, claims, results, what was cut off, and messages that died. Whoever ordered it is a
//! [`Run`](verbs::run::Run); the engine knows no more of that.

pub mod chores;
pub mod deliveries;
pub mod domain;
pub mod http;
pub mod store;
pub mod verbs;

use std::sync::Arc;

use chiffon_kernel::part::Part;
use chiffon_protocol::topology::Topology;
use chores::dead_letter_keeper::DeadLetterKeeper;
use chores::dispatcher::Dispatcher;
use chores::lease_reaper::LeaseReaper;
use deliveries::claims::ClaimsInbox;
use deliveries::dead_letters::DeadLettersInbox;
use deliveries::heartbeats::HeartbeatsInbox;
use deliveries::results::ResultsInbox;
use deliveries::status::StatusInbox;
use domain::permissions::PERMISSIONS;
use store::invariants::work;
use verbs::Context;
use verbs::intake::Intake;

/// What it brings to an orchestrator.
pub fn part(context: &Context) -> Part {
    let intake = Arc::new(Intake::default());
    let room = context.clone();
    Part {
        routes: Some(Box::new(move |server| http::routes(server, room.clone()))),
        permissions: PERMISSIONS,
        topology: Some(of_unverified(context)),
        deliveries: vec![
            Arc::new(ClaimsInbox::new(context.clone())),
            Arc::new(StatusInbox::new(context.clone())),
            Arc::new(ResultsInbox::new(context.clone())),
            Arc::new(HeartbeatsInbox::new(context.clone(), intake.clone())),
            Arc::new(DeadLettersInbox::new(context.clone())),
        ],
        chores: vec![
            Arc::new(Dispatcher::new(context.clone())),
            Arc::new(LeaseReaper::new(context.clone(), intake)),
            Arc::new(DeadLetterKeeper::new(context.clone())),
        ],
        invariants: work::INVARIANTS,
    }
}

/// A peer that knows only the fixed fields may expect its queue to be there.
fn of_unverified(context: &Context) -> Topology {
    let mut topology = Topology { exchanges: Vec::new(), queues: Vec::new() };
    for peer in &context.settings.unverified {
        topology.queues.extend(Topology::of_agent(context.settings.queue_type, peer.kind(), peer.hostname()).queues);
    }
    topology
}
