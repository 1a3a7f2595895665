//! Standing approvals: the same steps, asked for again, run without a second word, and whatever is not exactly that waits for a person.

use std::time::Duration;

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{DEPLOY, RESTART, ask, ask_from, decide, end_tasks, planned, tasks};
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_plans::domain::policy::Policy;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_requests::domain::standing_approval::ScopeKind;
use chiffon_requests::verbs::decide::Decision::Approve;
use chiffon_requests::verbs::stand::{self, Stand};
use chiffon_requests::verbs::{plan_round, withdraw_standing};
use serde_json::json;
use uuid::Uuid;

/// People who have a token, as everybody has who decides anything.
async fn person(app: &TestApp, name: &str, role: Role) -> Principal {
    let person = app.person(name, role).await;
    sqlx::query("INSERT INTO api_tokens (id, principal_id, token_sha256, label, created_at) VALUES ($1, $1, $2, 'test', now())")
        .bind(person.id)
        .bind(name.as_bytes())
        .execute(app.pool())
        .await
        .expect("the token is stored");
    person
}

async fn stands(app: &TestApp, person: &Principal, request_id: Uuid) -> Result<Uuid, Problem> {
    stands_for(app, person, request_id, Stand::default()).await
}

async fn stands_for(app: &TestApp, person: &Principal, request_id: Uuid, stand: Stand) -> Result<Uuid, Problem> {
    let plan_sha256 = app.plan_sha256(request_id).await;
    stand::run(&app.context, person, Stand { request_id, plan_sha256, ..stand }).await
}

struct Stood {
    app: TestApp,
    ann: Principal,
    bob: Principal,
    first: Uuid,
    standing: Uuid,
}

/// Ann asked, Bob approved, and stands for it.
async fn stood_for(words: &str, stand: Stand) -> Stood {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let (ann, bob) = (person(&app, "ann", Role::Requester).await, person(&app, "bob", Role::Approver).await);
    let first = planned(&app, &ann, words).await;
    if words == DEPLOY {
        previewed(&app, first, &["a"], "completed").await;
    }
    decide(&app, &bob, first, Approve, None).await.expect("it is taken");
    let standing = stands_for(&app, &bob, first, stand).await.expect("he has approved it");
    Stood { app, ann, bob, first, standing }
}

/// Ends the discovery with these portals, and the previews like this.
async fn previewed(app: &TestApp, request_id: Uuid, portals: &[&str], status: &str) {
    assert_eq!(app.status(request_id).await, "discovering");
    let portals: Vec<_> =
        portals.iter().map(|name| json!({"name": name, "url": format!("http://{name}.lan"), "source": "compose"})).collect();
    end_tasks(app, request_id, "discover", "completed", json!({"portals": portals, "count": portals.len()})).await;
    assert_eq!(app.status(request_id).await, "previewing");
    end_tasks(app, request_id, "preview", status, json!({})).await;
}

async fn waits(app: &TestApp, request_id: Uuid) -> bool {
    let used = app.number("SELECT count(*) FROM approvals a JOIN plans p ON p.id = a.plan_id WHERE p.request_id = $1", request_id).await;
    app.status(request_id).await == "awaiting_approval" && used == 0
}

#[tokio::test]
async fn the_same_steps_asked_for_again_run_at_once_and_others_wait() {
    let Stood { app, ann, bob, first, standing } = stood_for(RESTART, Stand::default()).await;
    let second = planned(&app, &ann, RESTART).await;
    assert_eq!((app.status(second).await.as_str(), tasks(&app, second).await), ("running", 1));
    assert_ne!(app.plan_sha256(second).await, app.plan_sha256(first).await, "it is another plan");
    let approvals = "SELECT count(*) FROM approvals a JOIN plans p ON p.id = a.plan_id JOIN standing_approvals s ON s.id = a.standing_id
        WHERE p.request_id = $1 AND a.plan_sha256 = p.sha256 AND a.decision = 'approve' AND a.principal_id = s.given_by
        AND a.consumed_at = p.approved_at AND p.approved_at IS NOT NULL";
    assert_eq!((app.number(approvals, second).await, app.number(approvals, first).await), (1, 0));
    let audited = app
        .text(
            "SELECT actor || ' ' || (data #>> '{standing_approvals,0,id}') || ' ' || (data #>> '{standing_approvals,0,given_by}')
            FROM audit_log WHERE chain = $1::text AND event = 'plan.approved'",
            second,
        )
        .await;
    assert_eq!(audited, Some(format!("chiffon {standing} {}", bob.name)));
    let told = app.text("SELECT text FROM messages WHERE request_id = $1 ORDER BY seq DESC LIMIT 1", second).await.expect("they are told");
    assert!(told.contains("bob stands for its steps until") && told.contains(&format!("`chiffon standing withdraw {standing}`")), "{told}");

    let elsewhere = planned(&app, &ann, "restart the service nginx on web").await;
    assert!(waits(&app, elsewhere).await, "another host");
    let other = planned(&app, &ann, "restart the service cron on nas").await;
    assert!(waits(&app, other).await, "another parameter");
    let stood = "SELECT count(*) FROM audit_log WHERE chain = 'system' AND event = 'approval.stood' AND actor = 'bob'
        AND data ->> 'standing_approval' = $1::text";
    assert_eq!(app.number(stood, standing).await, 1);
}

/// Edits the action that restarts: its content is another, and its risk this.
async fn edit(app: &TestApp, risk: &str) {
    for statement in [
        "INSERT INTO actions (name, sha256, agent_type, spec, first_seen_at)
        SELECT name, repeat('e', 64), agent_type, jsonb_set(spec, '{risk}', to_jsonb($1::text)), now() FROM actions WHERE name = 'restart_service'",
        "UPDATE agent_actions SET sha256 = repeat('e', 64) WHERE name = 'restart_service' AND $1 <> ''",
    ] {
        sqlx::query(statement).bind(risk).execute(app.pool()).await.expect("it is edited");
    }
}

#[tokio::test]
async fn what_an_action_was_edited_to_is_not_covered() {
    let Stood { app, ann, .. } = stood_for(RESTART, Stand::default()).await;
    edit(&app, "low").await;
    let second = planned(&app, &ann, RESTART).await;
    assert!(waits(&app, second).await);
}

#[tokio::test]
async fn what_a_discovery_finds_is_no_part_of_it_and_what_was_not_previewed_waits() {
    let Stood { app, ann, .. } = stood_for(DEPLOY, Stand::default()).await;
    let second = planned(&app, &ann, DEPLOY).await;
    previewed(&app, second, &["b", "c"], "completed").await;
    assert_eq!(app.status(second).await, "running");
    let third = planned(&app, &ann, DEPLOY).await;
    previewed(&app, third, &["a"], "failed").await;
    assert!(waits(&app, third).await, "a preview failed");
}

#[tokio::test]
async fn a_plan_whose_previews_read_other_variables_waits() {
    let Stood { app, ann, first, .. } = stood_for(DEPLOY, Stand::default()).await;
    let variables = |digest: &str| json!({"key_id": "k", "hosts": [{"host": "nas", "digest": digest}]});
    let set = async |request_id: Uuid, digest: &str| {
        sqlx::query("UPDATE tasks SET variables = $2 WHERE request_id = $1 AND purpose = 'preview'")
            .bind(request_id)
            .bind(variables(digest))
            .execute(app.pool())
            .await
            .expect("stored");
    };
    set(first, "one").await;
    for (digest, status) in [("one", "running"), ("other", "awaiting_approval")] {
        let next = planned(&app, &ann, DEPLOY).await;
        let found = json!({"portals": [], "count": 0});
        end_tasks(&app, next, "discover", "completed", found).await;
        set(next, digest).await;
        end_tasks(&app, next, "preview", "completed", json!({})).await;
        assert_eq!(app.status(next).await, status, "{digest}");
    }
}

#[tokio::test]
async fn a_plan_that_needs_two_people_needs_two_who_stand_for_it() {
    let app = TestApp::with_policy(Policy { approvals: 2, ..Policy::default() }).await;
    app.announce_actions().await;
    let ann = person(&app, "ann", Role::Requester).await;
    let (bob, eve) = (person(&app, "bob", Role::Approver).await, person(&app, "eve", Role::Approver).await);
    let first = planned(&app, &ann, RESTART).await;
    decide(&app, &bob, first, Approve, None).await.expect("it is taken");
    let early = stands(&app, &bob, first).await.expect_err("it is not approved whole");
    assert_eq!(early.code, ErrorCode::NotApprovedByYou);
    decide(&app, &eve, first, Approve, None).await.expect("it is taken");
    for _ in 0..2 {
        stands(&app, &bob, first).await.expect("he has approved it");
    }
    let second = planned(&app, &ann, RESTART).await;
    assert!(waits(&app, second).await, "one person counts once");
    stands(&app, &eve, first).await.expect("she has, too");
    let third = planned(&app, &ann, RESTART).await;
    assert_eq!(app.status(third).await, "running");
    let by = "SELECT count(DISTINCT a.principal_id) FROM approvals a JOIN plans p ON p.id = a.plan_id WHERE p.request_id = $1";
    assert_eq!(app.number(by, third).await, 2);
    assert!(waits(&app, second).await, "what waits for people goes on waiting");
}

#[tokio::test]
async fn where_nobody_approves_their_own_nobody_stands_for_it_either() {
    let app = TestApp::with_policy(Policy { self_approval: false, ..Policy::default() }).await;
    app.announce_actions().await;
    let (adam, bob) = (person(&app, "adam", Role::Admin).await, person(&app, "bob", Role::Approver).await);
    let first = planned(&app, &adam, RESTART).await;
    decide(&app, &bob, first, Approve, None).await.expect("it is adam's");
    stands_for(&app, &bob, first, Stand { scope: ScopeKind::Any, ..Stand::default() }).await.expect("he has approved it");
    let his = planned(&app, &bob, RESTART).await;
    assert!(waits(&app, his).await, "he asked for it himself");
    let adams = planned(&app, &adam, RESTART).await;
    assert_eq!(app.status(adams).await, "running");
}

#[tokio::test]
async fn it_covers_whose_requests_it_was_given_for() {
    let Stood { app, ann, bob, first, .. } = stood_for(RESTART, Stand::default()).await;
    let rob = person(&app, "rob", Role::Requester).await;
    let his = planned(&app, &rob, RESTART).await;
    assert!(waits(&app, his).await, "somebody else's, unless told otherwise");
    let scheduled = |principal| ask_from(&app, principal, ("schedule", "nightly"), RESTART);
    let hers = scheduled(&ann).await;
    app.plan().await;
    assert_eq!(app.status(hers).await, "running", "she asks, however she does");

    let kinds = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let origin = Stand { scope: ScopeKind::Origin, origin_kinds: kinds(&["schedule"]), ..Stand::default() };
    stands_for(&app, &bob, first, origin).await.expect("it is given");
    let by_itself = scheduled(&rob).await;
    app.plan().await;
    assert_eq!(app.status(by_itself).await, "running");
    let again = planned(&app, &rob, RESTART).await;
    assert!(waits(&app, again).await, "he asks himself");
    for (scope, origin_kinds) in
        [(ScopeKind::Origin, kinds(&[])), (ScopeKind::Origin, kinds(&["Schedule 1"])), (ScopeKind::Any, kinds(&["schedule"]))]
    {
        let refused = stands_for(&app, &bob, first, Stand { scope, origin_kinds, ..Stand::default() }).await.expect_err("it is no scope");
        assert_eq!((refused.code, &refused.details["field"]), (ErrorCode::InvalidField, &json!("origin_kinds")));
    }
    stands_for(&app, &bob, first, Stand { scope: ScopeKind::Any, ..Stand::default() }).await.expect("it is given");
    let at_last = planned(&app, &rob, RESTART).await;
    assert_eq!(app.status(at_last).await, "running");
}

#[tokio::test]
async fn it_is_over_when_its_time_is_and_never_lasts_longer_than_the_policy_lets_it() {
    let hour = Duration::from_hours(1);
    let Stood { app, ann, bob, first, .. } = stood_for(RESTART, Stand { valid_for: Some(hour), ..Stand::default() }).await;
    for valid_for in [Duration::ZERO, Duration::from_hours(24 * 91), Duration::MAX] {
        let refused =
            stands_for(&app, &bob, first, Stand { valid_for: Some(valid_for), ..Stand::default() }).await.expect_err("no such time");
        assert_eq!((refused.code, &refused.details["field"]), (ErrorCode::InvalidField, &json!("valid_for")), "{valid_for:?}");
    }
    app.clock.advance(hour.saturating_sub(Duration::from_secs(1)));
    let in_time = planned(&app, &ann, RESTART).await;
    assert_eq!(app.status(in_time).await, "running");
    app.clock.advance(Duration::from_secs(1));
    let late = planned(&app, &ann, RESTART).await;
    assert!(waits(&app, late).await);
}

#[tokio::test]
async fn once_a_withdrawal_is_answered_nothing_begins_under_it_and_what_runs_goes_on() {
    let Stood { app, ann, bob, standing, .. } = stood_for(RESTART, Stand::default()).await;
    let running = planned(&app, &ann, RESTART).await;
    let stranger = withdraw_standing::run(&app.context, &ann, standing, None).await.expect_err("it is not hers");
    assert_eq!((stranger.code, &stranger.details["permission"]), (ErrorCode::Forbidden, &json!("approvals.withdraw")));
    for _ in 0..2 {
        let going_on = withdraw_standing::run(&app.context, &bob, standing, Some("nginx moves")).await.expect("it is his");
        assert_eq!(going_on, [running]);
    }
    assert_eq!(app.status(running).await, "running");
    let later = planned(&app, &ann, RESTART).await;
    assert!(waits(&app, later).await);
    let audited = "SELECT count(*) FROM audit_log WHERE chain = 'system' AND event = 'approval.withdrawn' AND actor = 'bob'
        AND data = jsonb_build_object('standing_approval', $1::text, 'reason', 'nginx moves')";
    assert_eq!(app.number(audited, standing).await, 1, "once");
    let unknown = withdraw_standing::run(&app.context, &bob, Uuid::nil(), None).await.expect_err("there is none");
    assert_eq!(unknown.code, ErrorCode::StandingNotFound);
    let oscar = person(&app, "oscar", Role::Operator).await;
    withdraw_standing::run(&app.context, &oscar, standing, None).await.expect("operators may");
}

/// Waits until so many wait for a lock in this test's database.
async fn so_many_wait(app: &TestApp, many: i64) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND $1::uuid IS NOT NULL";
    while app.number(waiting, Uuid::nil()).await < many {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_plan_waits_for_a_withdrawal_that_is_under_way_and_then_for_a_person() {
    let Stood { app, ann, standing, .. } = stood_for(RESTART, Stand::default()).await;
    let second = ask(&app, &ann, RESTART).await;
    let mut withdrawing = app.pool().begin().await.expect("a transaction");
    sqlx::query("UPDATE standing_approvals SET withdrawn_at = given_at, withdrawn_by = 'bob' WHERE id = $1")
        .bind(standing)
        .execute(&mut *withdrawing)
        .await
        .expect("it is withdrawn");
    let committed = async {
        so_many_wait(&app, 1).await;
        assert_eq!(app.status(second).await, "planning");
        withdrawing.commit().await.expect("it is withdrawn");
    };
    tokio::join!(app.plan(), committed);
    assert!(waits(&app, second).await);
}

#[tokio::test]
async fn a_withdrawal_waits_for_a_plan_that_begins_and_names_it() {
    let Stood { app, ann, bob, standing, .. } = stood_for(RESTART, Stand::default()).await;
    let second = ask(&app, &ann, RESTART).await;
    // Tasks are made after it was looked at who stands for the steps.
    let mut others = app.pool().begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE tasks IN SHARE MODE").execute(&mut *others).await.expect("nobody makes tasks");
    let withdrawn = async {
        so_many_wait(&app, 1).await;
        let let_go = async {
            so_many_wait(&app, 2).await;
            others.commit().await.expect("tasks are made again");
        };
        tokio::join!(withdraw_standing::run(&app.context, &bob, standing, None), let_go).0
    };
    let (_, going_on) = tokio::join!(app.plan(), withdrawn);
    assert_eq!(going_on.expect("it is his"), [second]);
    assert_eq!(app.status(second).await, "running");
}

#[tokio::test]
async fn however_a_use_and_a_withdrawal_meet_one_comes_after_the_other() {
    let Stood { app, ann, bob, first, .. } = stood_for(RESTART, Stand::default()).await;
    for round in 0..24 {
        let standing = stands(&app, &bob, first).await.expect("he has approved it");
        let others = "UPDATE standing_approvals SET withdrawn_at = given_at, withdrawn_by = 'bob' WHERE id <> $1 AND withdrawn_at IS NULL";
        sqlx::query(others).bind(standing).execute(app.pool()).await.expect("stored");
        let next = ask(&app, &ann, RESTART).await;
        let lease = plan_round::lease(&app.context, next, 1).await.expect("the database").expect("a round to plan");
        let plan = async {
            if round % 3 == 0 {
                tokio::time::sleep(Duration::from_millis(round)).await;
            }
            plan_round::run(&app.context, &lease).await.expect("a plan");
        };
        let withdraw = async {
            if round % 3 == 1 {
                tokio::time::sleep(Duration::from_millis(3 * round)).await;
            }
            withdraw_standing::run(&app.context, &bob, standing, None).await.expect("it is his")
        };
        let ((), going_on) = tokio::join!(plan, withdraw);
        let is_running = app.status(next).await == "running";
        assert_eq!(going_on, if is_running { vec![next] } else { vec![] }, "what began is named, and what is not named never begins");
        assert!(is_running || waits(&app, next).await);
        let later = planned(&app, &ann, RESTART).await;
        assert!(waits(&app, later).await, "nothing begins after the answer");
    }
}

#[tokio::test]
async fn only_a_person_stands_and_only_for_what_they_have_approved_in_a_word_of_their_own() {
    let Stood { app, ann, bob, first, .. } = stood_for(RESTART, Stand::default()).await;
    let program = app.principal("bot", Role::Admin, true).await;
    for refused in [&program, &ann] {
        let refused = stands(&app, refused, first).await.expect_err("it is refused");
        assert_eq!((refused.code, &refused.details["permission"]), (ErrorCode::Forbidden, &json!("approvals.stand")));
    }
    let eve = person(&app, "eve", Role::Approver).await;
    let refused = stands(&app, &eve, first).await.expect_err("she has approved nothing");
    assert_eq!(refused.code, ErrorCode::NotApprovedByYou);
    let second = planned(&app, &ann, RESTART).await;
    assert_eq!(app.status(second).await, "running");
    let refused = stands(&app, &bob, second).await.expect_err("he has not looked at this one");
    assert_eq!(refused.code, ErrorCode::NotApprovedByYou, "{refused}");
    for (plan_sha256, code) in [("0".repeat(64), ErrorCode::StalePlan), ("00".to_owned(), ErrorCode::InvalidField)] {
        let refused =
            stand::run(&app.context, &bob, Stand { request_id: first, plan_sha256, ..Stand::default() }).await.expect_err("no such plan");
        assert_eq!(refused.code, code);
    }
    let unknown =
        stand::run(&app.context, &bob, Stand { plan_sha256: "0".repeat(64), ..Stand::default() }).await.expect_err("no such request");
    assert_eq!(unknown.code, ErrorCode::RequestNotFound);
}

#[tokio::test]
async fn nobody_stands_for_what_destroys() {
    let app = TestApp::with_policy(Policy { high_risk_approvals: 1, ..Policy::default() }).await;
    app.announce_actions().await;
    edit(&app, "destructive").await;
    let (ann, bob) = (person(&app, "ann", Role::Requester).await, person(&app, "bob", Role::Approver).await);
    let first = planned(&app, &ann, RESTART).await;
    decide(&app, &bob, first, Approve, None).await.expect("it is taken");
    let refused = stands(&app, &bob, first).await.expect_err("it destroys");
    assert_eq!((refused.code, &refused.details["risk"]), (ErrorCode::NotStandable, &json!("destructive")));
}

#[tokio::test]
async fn whoever_could_not_approve_it_today_does_not_stand_for_it_either() {
    let Stood { app, ann, bob, .. } = stood_for(RESTART, Stand::default()).await;
    let changes = [
        (
            "UPDATE api_tokens SET revoked_at = created_at WHERE principal_id = $1",
            "UPDATE api_tokens SET revoked_at = NULL WHERE principal_id = $1",
        ),
        (
            "UPDATE api_tokens SET expires_at = '2001-01-01' WHERE principal_id = $1",
            "UPDATE api_tokens SET expires_at = NULL WHERE principal_id = $1",
        ),
        ("UPDATE principals SET role = 'operator' WHERE id = $1", "UPDATE principals SET role = 'approver' WHERE id = $1"),
        ("UPDATE principals SET kind = 'program' WHERE id = $1", "UPDATE principals SET kind = 'person' WHERE id = $1"),
    ];
    for (taken, given_back) in changes {
        sqlx::query(taken).bind(bob.id).execute(app.pool()).await.expect("it is taken");
        let refused = planned(&app, &ann, RESTART).await;
        assert!(waits(&app, refused).await, "{taken}");
        sqlx::query(given_back).bind(bob.id).execute(app.pool()).await.expect("it is given back");
        let run = planned(&app, &ann, RESTART).await;
        assert_eq!(app.status(run).await, "running", "{given_back}");
    }
}

#[tokio::test]
async fn what_is_held_waits_for_a_person() {
    let Stood { app, ann, .. } = stood_for(RESTART, Stand::default()).await;
    let held = ask(&app, &ann, RESTART).await;
    sqlx::query("UPDATE requests SET held_at = now(), held_by = 'ann' WHERE id = $1").bind(held).execute(app.pool()).await.expect("held");
    app.plan().await;
    assert!(waits(&app, held).await);
}

#[tokio::test]
async fn of_a_standing_approval_nothing_changes_but_that_it_is_withdrawn_once() {
    let Stood { app, bob, standing, .. } = stood_for(RESTART, Stand::default()).await;
    let longer = "UPDATE standing_approvals SET expires_at = expires_at + interval '1 day' WHERE id = $1";
    assert!(sqlx::query(longer).bind(standing).execute(app.pool()).await.is_err());
    withdraw_standing::run(&app.context, &bob, standing, None).await.expect("it is his");
    let back = "UPDATE standing_approvals SET withdrawn_at = NULL, withdrawn_by = NULL WHERE id = $1";
    assert!(sqlx::query(back).bind(standing).execute(app.pool()).await.is_err());
}
