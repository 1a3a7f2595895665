//! The ledger of model calls: no two calls can spend the same last dollar.

use std::sync::Arc;

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{RESTART, ask};
use chiffon_kernel::domain::role::Role;
use chiffon_models::planner::ledger::{Ledger as _, Reservation, Settlement};
use chiffon_models::verbs::ledger::PostgresLedger;
use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_requests::verbs::submit::{self, Submit};
use futures::future::join_all;
use uuid::Uuid;

fn call(app: &TestApp, request_id: Uuid) -> Reservation {
    Reservation {
        call_id: app.context.ids.new_id(),
        request_id,
        round: 1,
        provider: "claude".to_owned(),
        model: "sonnet".to_owned(),
        worst_case: MicroDollars::new(400_000),
        monthly_budget: Some(MicroDollars::new(1_000_000)),
    }
}

fn settled(cost: MicroDollars) -> Settlement {
    Settlement { state: "succeeded", tries: 1, cost, input_tokens: Some(1200), output_tokens: Some(80), error: None, answer: None }
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
        ledger.settle(first.call_id, &settled(MicroDollars::new(125_000)), now).await.expect("it is settled");
    }
    assert_eq!(app.number("SELECT cost_micro_usd FROM requests WHERE id = $1", request_id).await, 125_000);
    ledger.reserve(&call(&app, request_id), now).await.expect("what was not needed is free again");
    ledger.reserve(&call(&app, request_id), now).await.expect("and fits twice");
    let reason = Problem::new(ErrorCode::ProviderUnavailable, "its breaker is open");
    ledger.skipped(&call(&app, request_id), &reason, now).await.expect("it is recorded");
    assert_eq!(app.number("SELECT count(*) FROM llm_calls WHERE request_id = $1", request_id).await, 4);
    app.leave_behind();
}

#[tokio::test]
async fn however_many_reserve_at_once_no_budget_is_passed_by_a_millionth_and_sums_are_exact() {
    let mut app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let (request_id, ledger, now) =
        (ask(&app, &ann, RESTART).await, PostgresLedger::new(app.context.store.clone()), app.context.clock.now());
    // From 0.1 to 0.7 dollars and some millionths, so that binary fractions of them would not add up.
    let worst_case = |number: i64| MicroDollars::new(100_000 * (1 + number % 7) + number);
    let mut all = MicroDollars::ZERO;
    for budget in [MicroDollars::new(3_000_000), MicroDollars::new(7_000_001), MicroDollars::new(9_999_999)] {
        let provider = format!("claude with {budget}");
        let reservation = |number| Reservation {
            provider: provider.clone(),
            worst_case: worst_case(number),
            monthly_budget: Some(budget),
            ..call(&app, request_id)
        };
        let calls: Vec<Reservation> = (0..64).map(reservation).collect();
        let results = join_all(calls.iter().map(|call| ledger.reserve(call, now))).await;
        let of =
            |wanted: bool| calls.iter().zip(&results).filter(move |(_, result)| result.is_ok() == wanted).map(|(call, _)| call.worst_case);
        let reserved: MicroDollars = of(true).sum();
        assert!(reserved <= budget, "{reserved} of {budget}");
        assert!(of(false).all(|refused| reserved + refused > budget), "what still fits is not refused: {reserved} of {budget}");
        all = all + reserved;
        assert_eq!(
            app.number("SELECT sum(reserved_micro_usd)::bigint FROM llm_calls WHERE request_id = $1", request_id).await,
            all.count()
        );
    }
    app.leave_behind();
}

#[tokio::test]
async fn a_requests_limit_holds_over_all_providers_at_once_and_costs_add_up_to_the_millionth() {
    let mut app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let wish = Submit { text: RESTART.to_owned(), max_cost_usd: Some(0.3), ..Submit::default() };
    let request_id = submit::run(&app.context, &ann, wish).await.expect("it is asked").request_id;
    let (ledger, now) = (PostgresLedger::new(app.context.store.clone()), app.context.clock.now());
    let reservation = |number: i64| Reservation {
        provider: format!("provider {number}"),
        worst_case: MicroDollars::new(100_000 * (1 + number % 2)),
        ..call(&app, request_id)
    };
    let calls: Vec<Reservation> = (0..64).map(reservation).collect();
    let results = join_all(calls.iter().map(|call| ledger.reserve(call, now))).await;
    let made: Vec<&Reservation> = calls.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(call, _)| call).collect();
    assert_eq!(made.iter().map(|call| call.worst_case).sum::<MicroDollars>(), MicroDollars::new(300_000), "0.1 and 0.2 are 0.3");
    for call in &made {
        ledger.settle(call.call_id, &settled(call.worst_case), now).await.expect("it is settled");
    }
    assert_eq!(app.number("SELECT cost_micro_usd FROM requests WHERE id = $1", request_id).await, 300_000);
    app.leave_behind();
}
