//! Approving, rejecting and revising: each looks again under the lock (RELIABILITY 18).

use std::time::Duration;

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{RESTART, ask, decide, decide_about, planned, tasks};
use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::domain::role::Role;
use chiffon_plans::domain::policy::Policy;
use chiffon_protocol::ErrorCode;
use chiffon_requests::chores::deadline_reaper::DeadlineReaper;
use chiffon_requests::verbs::decide::Decision::{Approve, Reject, Revise};
use chiffon_requests::verbs::say;
use futures::future::join_all;

async fn proposed(policy: Policy) -> (TestApp, uuid::Uuid) {
    let app = TestApp::with_policy(policy).await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = planned(&app, &ann, RESTART).await;
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    (app, request_id)
}

#[tokio::test]
async fn an_approval_starts_the_run_and_is_consumed_by_it() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    let decided = decide(&app, &bob, request_id, Approve, None).await.expect("it is taken");
    assert_eq!((decided.status.as_str(), decided.approvals_given, decided.approvals_needed), ("running", 1, 1));
    assert_eq!(tasks(&app, request_id).await, 1);
    let consumed = app
        .number(
            "SELECT count(*) FROM approvals a JOIN plans p ON p.id = a.plan_id WHERE p.request_id = $1 AND consumed_at = approved_at",
            request_id,
        )
        .await;
    assert_eq!(consumed, 1);
}

#[tokio::test]
async fn approving_twice_runs_once() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    decide(&app, &bob, request_id, Approve, None).await.expect("it is taken");
    let again = decide(&app, &bob, request_id, Approve, None).await.expect_err("it runs once");
    assert_eq!(again.code, ErrorCode::AlreadyDecided);
    assert_eq!(tasks(&app, request_id).await, 1);
}

#[tokio::test]
async fn of_two_approvals_at_once_exactly_one_starts_the_run() {
    let (app, request_id) = proposed(Policy::default()).await;
    let (bob, eve) = (app.person("bob", Role::Approver).await, app.person("eve", Role::Approver).await);
    let (first, second) = tokio::join!(decide(&app, &bob, request_id, Approve, None), decide(&app, &eve, request_id, Approve, None));
    let refused = if first.is_ok() { second } else { first }.expect_err("one of them comes too late");
    assert_eq!(refused.code, ErrorCode::AlreadyDecided);
    assert_eq!(app.status(request_id).await, "running");
    assert_eq!(tasks(&app, request_id).await, 1);
}

#[tokio::test]
async fn approvals_at_the_same_time_are_one_transaction_and_each_is_answered_by_itself() {
    let app = TestApp::with_policy(Policy { approvals: 2, ..Policy::default() }).await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let (bob, eve, rob) =
        (app.person("bob", Role::Approver).await, app.person("eve", Role::Approver).await, app.person("rob", Role::Requester).await);
    let mut plans = Vec::new();
    for _ in 0..4 {
        let request_id = planned(&app, &ann, RESTART).await;
        plans.push((request_id, app.plan_sha256(request_id).await));
    }
    decide(&app, &eve, plans[0].0, Approve, None).await.expect("it is taken");
    decide(&app, &eve, plans[1].0, Approve, None).await.expect("it is taken");
    let stale = "0".repeat(64);
    let words = [
        // The second of two; and once more, by the same person, which is looked at after it.
        (&bob, plans[0].0, &plans[0].1),
        (&bob, plans[0].0, &plans[0].1),
        (&bob, plans[1].0, &plans[1].1),
        // The first of two.
        (&bob, plans[2].0, &plans[2].1),
        (&rob, plans[3].0, &plans[3].1),
        (&eve, plans[3].0, &stale),
        (&bob, ann.id, &plans[3].1),
    ];
    let answers = join_all(words.map(|(who, id, sha256)| decide_about(&app, who, id, sha256, Approve, None))).await;
    let answers = answers.iter().map(|answer| answer.as_ref().map(|decided| decided.status.as_str()).map_err(|problem| problem.code));
    let expected = [
        Ok("running"),
        Err(ErrorCode::AlreadyDecided),
        Ok("running"),
        Ok("awaiting_approval"),
        Err(ErrorCode::Forbidden),
        Err(ErrorCode::StalePlan),
        Err(ErrorCode::RequestNotFound),
    ];
    assert_eq!(answers.collect::<Vec<_>>(), expected);
    let started = "SELECT count(DISTINCT xmin::text) * 10 + count(*) FROM plans WHERE approved_at IS NOT NULL AND $1::uuid IS NOT NULL";
    assert_eq!(app.number(started, ann.id).await, 12, "two plans of one transaction");
    assert_eq!((tasks(&app, plans[0].0).await, tasks(&app, plans[1].0).await, tasks(&app, plans[2].0).await), (1, 1, 0));
}

#[tokio::test]
async fn an_approval_that_can_not_be_dealt_with_takes_no_other_with_it() {
    let (app, request_id) = proposed(Policy::default()).await;
    let zoe = app.person("zoe", Role::Requester).await;
    let bob = app.person("bob", Role::Approver).await;
    let other = planned(&app, &zoe, RESTART).await;
    let hashes = [app.plan_sha256(request_id).await, app.plan_sha256(other).await];
    sqlx::query("UPDATE requests SET waiting_for = '7' WHERE id = $1").bind(other).execute(app.pool()).await.expect("it is spoilt");
    let (good, bad) = tokio::join!(
        decide_about(&app, &bob, request_id, &hashes[0], Approve, None),
        decide_about(&app, &bob, other, &hashes[1], Approve, None)
    );
    assert_eq!(good.expect("it is taken").status.as_str(), "running");
    assert_eq!(bad.expect_err("it can't be read").code, ErrorCode::StoredDataUnreadable);
}

#[tokio::test]
async fn a_plan_that_needs_two_people_is_not_run_by_one() {
    let (app, request_id) = proposed(Policy { approvals: 2, ..Policy::default() }).await;
    let (bob, eve) = (app.person("bob", Role::Approver).await, app.person("eve", Role::Approver).await);
    let first = decide(&app, &bob, request_id, Approve, None).await.expect("it is taken");
    assert_eq!((first.status.as_str(), first.approvals_given), ("awaiting_approval", 1));
    let waiting = app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await;
    assert_eq!(waiting.as_deref(), Some("one more approver (1 of 2 have approved)"));
    let again = decide(&app, &bob, request_id, Approve, None).await.expect_err("the same person counts once");
    assert_eq!(again.code, ErrorCode::AlreadyDecided);
    assert_eq!(tasks(&app, request_id).await, 0);
    let second = decide(&app, &eve, request_id, Approve, None).await.expect("it is taken");
    assert_eq!(second.status.as_str(), "running");
}

#[tokio::test]
async fn a_stale_hash_is_refused_and_shows_the_plan_as_it_is() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    let stale = decide_about(&app, &bob, request_id, &"0".repeat(64), Approve, None).await.expect_err("it is stale");
    assert_eq!(stale.code, ErrorCode::StalePlan);
    assert_eq!(stale.details["plan"]["sha256"], app.plan_sha256(request_id).await);
    assert_eq!(tasks(&app, request_id).await, 0);
}

#[tokio::test]
async fn a_revision_that_came_first_makes_the_approval_stale() {
    let (app, request_id) = proposed(Policy::default()).await;
    let (bob, eve) = (app.person("bob", Role::Approver).await, app.person("eve", Role::Approver).await);
    let seen = app.plan_sha256(request_id).await;
    let revised = decide(&app, &eve, request_id, Revise, Some("restart cron instead")).await.expect("it is taken");
    assert_eq!(revised.status.as_str(), "planning");
    let meanwhile = decide_about(&app, &bob, request_id, &seen, Approve, None).await.expect_err("its plan is given up");
    assert_eq!(meanwhile.code, ErrorCode::StalePlan);
    app.plan().await;
    let after = decide_about(&app, &bob, request_id, &seen, Approve, None).await.expect_err("there is another plan");
    assert_eq!(after.code, ErrorCode::StalePlan);
    assert_eq!(after.details["plan"]["revision"], 2);
    assert_eq!(tasks(&app, request_id).await, 0);
}

#[tokio::test]
async fn words_that_change_nothing_take_no_plan_away_however_they_are_said() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    let seen = app.plan_sha256(request_id).await;
    for words in ["nice weather today", "why?", "make it purple"] {
        let answered = decide(&app, &bob, request_id, Revise, Some(words)).await.expect("it is answered");
        assert_eq!(answered.status.as_str(), "awaiting_approval", "{words}");
    }
    assert_eq!(app.plan_sha256(request_id).await, seen);
    decide_about(&app, &bob, request_id, &seen, Approve, None).await.expect("the plan that was seen is still there");
}

#[tokio::test]
async fn of_an_approval_and_a_revision_at_once_one_wins_and_the_other_is_told() {
    let (app, request_id) = proposed(Policy::default()).await;
    let (bob, eve) = (app.person("bob", Role::Approver).await, app.person("eve", Role::Approver).await);
    let (approved, revised) =
        tokio::join!(decide(&app, &bob, request_id, Approve, None), decide(&app, &eve, request_id, Revise, Some("restart cron instead")));
    assert!(approved.is_ok() != revised.is_ok(), "{approved:?} {revised:?}");
    let status = app.status(request_id).await;
    assert_eq!(status, if approved.is_ok() { "running" } else { "planning" });
    app.plan().await;
}

#[tokio::test]
async fn only_people_with_the_role_decide() {
    let (app, request_id) = proposed(Policy::default()).await;
    let requester = app.person("rob", Role::Requester).await;
    let program = app.principal("bot", Role::Admin, true).await;
    for principal in [&requester, &program] {
        for decision in [Approve, Reject] {
            let refused = decide(&app, principal, request_id, decision, None).await.expect_err("it is refused");
            assert_eq!(refused.code, ErrorCode::Forbidden, "{principal:?}");
        }
    }
    assert_eq!(app.status(request_id).await, "awaiting_approval");
}

#[tokio::test]
async fn a_policy_can_keep_people_from_approving_their_own_plans() {
    let app = TestApp::with_policy(Policy { self_approval: false, ..Policy::default() }).await;
    app.announce_actions().await;
    let (adam, bob) = (app.person("adam", Role::Admin).await, app.person("bob", Role::Approver).await);
    let request_id = planned(&app, &adam, RESTART).await;
    let refused = decide(&app, &adam, request_id, Approve, None).await.expect_err("it is his own");
    assert_eq!(refused.code, ErrorCode::SelfApproval);
    decide(&app, &bob, request_id, Approve, None).await.expect("it is somebody else's");
}

#[tokio::test]
async fn whoever_changed_a_request_in_words_is_an_author_and_the_requester_is_told() {
    let app = TestApp::with_policy(Policy { self_approval: false, ..Policy::default() }).await;
    app.announce_actions().await;
    let (ann, bob, eve) =
        (app.person("ann", Role::Requester).await, app.person("bob", Role::Approver).await, app.person("eve", Role::Approver).await);
    let request_id = planned(&app, &ann, RESTART).await;
    decide(&app, &bob, request_id, Revise, Some("restart the service cron on nas")).await.expect("an approver may change it");
    app.plan().await;
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    let refused = decide(&app, &bob, request_id, Approve, None).await.expect_err("these are his own words");
    assert_eq!((refused.code, &refused.details["authors"]), (ErrorCode::SelfApproval, &serde_json::json!(["ann", "bob"])));
    assert!(refused.message.contains("`bob` changed what was asked for"), "{}", refused.message);
    let told = "SELECT text FROM messages WHERE request_id = $1 AND sender = 'chiffon' AND principal_id IS NOT NULL";
    let told = app.text(told, request_id).await.expect("ann is told");
    assert!(told.contains("bob changed this request") && told.contains("restart the service cron on nas"), "{told}");
    let shown = "SELECT count(*) FROM request_events WHERE request_id = $1 AND data ->> 'text' LIKE 'bob changed this request%'";
    assert_eq!(app.number(shown, request_id).await, 1, "whoever watches sees it at once");
    let audited = "SELECT count(*) FROM audit_log WHERE chain = $1::text AND event = 'plan.revision_wanted' AND actor = 'bob'";
    assert_eq!(app.number(audited, request_id).await, 1);
    let decided = decide(&app, &eve, request_id, Approve, None).await.expect("she said no word");
    assert_eq!(decided.status.as_str(), "running");
}

#[tokio::test]
async fn where_people_may_approve_their_own_plans_a_changed_one_is_no_exception() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    decide(&app, &bob, request_id, Revise, Some("restart the service cron on nas")).await.expect("an approver may change it");
    app.plan().await;
    decide(&app, &bob, request_id, Approve, None).await.expect("the policy allows it");
}

#[tokio::test]
async fn a_rejected_plan_ends_the_request() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    decide(&app, &bob, request_id, Reject, Some("not on a Friday")).await.expect("it is taken");
    assert_eq!(app.status(request_id).await, "rejected");
    let late = decide(&app, &bob, request_id, Approve, None).await.expect_err("it is over");
    assert_eq!(late.code, ErrorCode::AlreadyDecided);
}

#[tokio::test]
async fn a_plan_that_does_not_stand_where_its_request_says_is_not_moved_by_a_decision() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    for (state, decision) in [("failed", Reject), ("expired", Approve), ("nonsense", Reject)] {
        if state == "nonsense" {
            sqlx::query("ALTER TABLE plans DROP CONSTRAINT plans_state_check").execute(app.pool()).await.expect("an owner");
        }
        sqlx::query("UPDATE plans SET state = $1").bind(state).execute(app.pool()).await.expect("it is taken");
        let refused = decide(&app, &bob, request_id, decision, None).await.expect_err("it has no such move");
        let code = if state == "nonsense" { ErrorCode::StoredDataUnreadable } else { ErrorCode::Internal };
        assert_eq!(refused.code, code, "{refused}");
        assert!(refused.message.contains("plans"), "{refused}");
        assert_eq!(app.text("SELECT state FROM plans WHERE request_id = $1", request_id).await.as_deref(), Some(state));
        assert_eq!((app.status(request_id).await.as_str(), tasks(&app, request_id).await), ("awaiting_approval", 0));
    }
}

#[tokio::test]
async fn a_plan_that_nobody_approved_in_time_expires() {
    let (app, request_id) = proposed(Policy { plan_valid_for: Duration::from_hours(1), ..Policy::default() }).await;
    let bob = app.person("bob", Role::Approver).await;
    let expirer = DeadlineReaper::new(app.context.clone());
    assert_eq!(expirer.tick().await.expect("it looks").done, 0);
    app.clock.advance(Duration::from_secs(3601));
    let late = decide(&app, &bob, request_id, Approve, None).await.expect_err("its time is over");
    assert_eq!(late.code, ErrorCode::PlanExpired);
    assert_eq!(app.status(request_id).await, "expired");
    assert_eq!(expirer.tick().await.expect("it looks").done, 0, "it is expired already");
}

#[tokio::test]
async fn the_expirer_ends_what_nobody_looks_at() {
    let (app, request_id) = proposed(Policy { plan_valid_for: Duration::from_hours(1), ..Policy::default() }).await;
    app.clock.advance(Duration::from_secs(3601));
    assert_eq!(DeadlineReaper::new(app.context.clone()).tick().await.expect("it looks").done, 1);
    assert_eq!(app.status(request_id).await, "expired");
}

#[tokio::test]
async fn a_request_without_a_plan_can_not_be_decided_about() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let (ann, bob) = (app.person("ann", Role::Requester).await, app.person("bob", Role::Approver).await);
    let request_id = ask(&app, &ann, RESTART).await;
    let early = decide_about(&app, &bob, request_id, &"0".repeat(64), Approve, None).await.expect_err("there is no plan");
    assert_eq!(early.code, ErrorCode::NoPlanYet);
    let unknown = decide_about(&app, &bob, uuid::Uuid::nil(), &"0".repeat(64), Approve, None).await.expect_err("there is no request");
    assert_eq!(unknown.code, ErrorCode::RequestNotFound);
    app.plan().await;
}

#[tokio::test]
async fn who_decides_about_a_request_that_waits_for_an_answer_is_told_that() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let (ann, bob) = (app.person("ann", Role::Requester).await, app.person("bob", Role::Approver).await);
    let request_id = planned(&app, &ann, "paint the fence green").await;
    assert_eq!(app.status(request_id).await, "needs_input");
    let refused = decide_about(&app, &bob, request_id, &"0".repeat(64), Approve, None).await.expect_err("there is no plan");
    assert_eq!(refused.code, ErrorCode::NoPlanYet);
    let next = format!("it waits for an answer first: `chiffon revise {request_id} \"your words\"`");
    assert!(refused.message.contains(&next) && !refused.message.contains("shortly"), "{}", refused.message);
}

#[tokio::test]
async fn who_asked_may_change_the_plan_in_words_and_a_stranger_may_not() {
    let (app, request_id) = proposed(Policy::default()).await;
    let stranger = app.person("rob", Role::Requester).await;
    let refused = say::run(&app.context, &stranger, request_id, "restart cron", None).await.expect_err("it is not theirs");
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let operator = app.person("oscar", Role::Operator).await;
    say::run(&app.context, &operator, request_id, "restart the service cron on nas", None).await.expect("operators may");
    let twice = say::run(&app.context, &operator, request_id, "and nginx", None).await.expect_err("a planner reads what was said");
    assert_eq!(twice.code, ErrorCode::InvalidTransition);
    app.plan().await;
    assert_eq!(app.number("SELECT max(revision)::bigint FROM plans WHERE request_id = $1", request_id).await, 2);
}

#[tokio::test]
async fn a_plan_with_a_tool_that_nobody_here_serves_is_shown_and_not_approved() {
    let (app, request_id) = proposed(Policy::default()).await;
    let bob = app.person("bob", Role::Approver).await;
    // As a newer orchestrator would have stored it: in place of the plan, whose body nothing changes any more.
    sqlx::query(
        "WITH newer AS (
            INSERT INTO plans (id, request_id, revision, round, state, sha256, body, summary, risk, estimated_seconds, planned_by, approvals_needed, expires_at, created_at)
            SELECT gen_random_uuid(), request_id, revision + 1, round, state, repeat('d', 64),
                jsonb_set(body, '{steps,0}', (body #> '{steps,0}') - ARRAY['agent_type', 'action', 'action_sha256']
                    || '{\"tool\": {\"uri\": \"mcp:chat#post\", \"sha256\": \"\"}}'),
                summary, risk, estimated_seconds, planned_by, approvals_needed, expires_at, created_at
            FROM plans
            WHERE request_id = $1
            RETURNING id
        )
        UPDATE requests SET plan_id = newer.id FROM newer WHERE requests.id = $1",
    )
    .bind(request_id)
    .execute(app.pool())
    .await
    .expect("stored");
    let shown = chiffon_requests::store::read::request::get(app.pool(), &app.context.settings.kinds, request_id).await;
    let step = shown.expect("it reads").expect("it is there").plan.expect("a plan").steps.remove(0).step;
    assert_eq!((step.action(), step.agent_tool()), ("mcp:chat#post", None));
    let refused = decide(&app, &bob, request_id, Approve, None).await.expect_err("nobody serves it");
    assert_eq!(refused.code, ErrorCode::ToolSchemeUnknown);
    assert!(refused.message.contains("the scheme `mcp` (`mcp:chat#post`); plans may call agent"), "{}", refused.message);
    assert_eq!(app.status(request_id).await, "awaiting_approval");
    decide(&app, &bob, request_id, Reject, Some("not here")).await.expect("it can be rejected");
}
