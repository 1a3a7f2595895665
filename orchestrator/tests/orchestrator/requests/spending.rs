//! The ledger of model calls: no two calls can spend the same last dollar.

use std::sync::Arc;

use chiffon_kernel::domain::role::Role;
use chiffon_models::planner::ledger::{Ledger as _, Reservation, Settlement};
use chiffon_models::verbs::ledger::PostgresLedger;
use chiffon_protocol::{ErrorCode, Problem};
use futures::future::join_all;
use uuid::Uuid;

use super::{RESTART, ask};
use crate::harness::TestApp;

fn call(app: &TestApp, request_id: Uuid) -> Reservation {
    Reservation {
        call_id: app.context.ids.new_id(),
        request_id,
        round: 1,
        provider: "claude".to_owned(),
        model: "sonnet".to_owned(),
        worst_case_usd: 0.4,
        monthly_budget_usd: Some(1.0),
    }
}

fn settled(cost_usd: f64) -> Settlement {
    Settlement { state: "succeeded", tries: 1, cost_usd, input_tokens: Some(1200), output_tokens: Some(80), error: None, answer: None }
}

#[tokio::test]
async fn of_many_calls_at_once_only_those_that_fit_the_month_are_made() {
    let mut app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    let (ledger, now) = (Arc::new(PostgresLedger::new(app.context.store.clone())), app.context.clock.now());
    let calls: Vec<Reservation> = (0..6).map(|_| call(&app, request_id)).collect();
    let results: Vec<Result<(), Problem>> = join_all(calls.iter().map(|call| ledger.reserve(call, now))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2, "{results:?}");
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|problem| problem.code == ErrorCode::BudgetSpent));
    app.leave_behind();
}

#[tokio::test]
async fn what_a_call_came_to_replaces_its_worst_case_once_and_stands_in_the_request() {
    let mut app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = ask(&app, &ann, RESTART).await;
    let (ledger, now) = (PostgresLedger::new(app.context.store.clone()), app.context.clock.now());
    let first = call(&app, request_id);
    ledger.reserve(&first, now).await.expect("it fits");
    for _ in 0..2 {
        ledger.settle(first.call_id, &settled(0.125), now).await.expect("it is settled");
    }
    let cost = app.text("SELECT cost_usd::text FROM requests WHERE id = $1", request_id).await;
    assert_eq!(cost.as_deref(), Some("0.125"));
    ledger.reserve(&call(&app, request_id), now).await.expect("what was not needed is free again");
    ledger.reserve(&call(&app, request_id), now).await.expect("and fits twice");
    let reason = Problem::new(ErrorCode::ProviderUnavailable, "its breaker is open");
    ledger.skipped(&call(&app, request_id), &reason, now).await.expect("it is recorded");
    assert_eq!(app.number("SELECT count(*) FROM llm_calls WHERE request_id = $1", request_id).await, 4);
    app.leave_behind();
}
