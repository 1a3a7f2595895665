//! What is tried again by itself: with proof that the attempt does not run any more, and only what may be repeated (RELIABILITY 13).

use std::time::Duration;

use chiffon_engine::verbs::lose_attempt::Fence;
use chiffon_engine::verbs::retry;
use chiffon_harness::site::{Site, step, step_of};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_protocol::message::Outcome;
use chiffon_protocol::topology::CLAIMS;
use serde_json::json;
use uuid::Uuid;

async fn running(site: &Site, repeatable: &str) -> (WireAgent, Work, Uuid) {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let mut planned = step_of("one", "nas", &[], repeatable);
    planned["check"] = json!("none");
    let request_id = site.approved(&[planned]).await;
    site.turn().await;
    let work = agent.take(site).await;
    agent.progress(&work, 40, &[1]).await;
    site.turn().await;
    (agent, work, request_id)
}

/// The agent says that its work was cut off.
async fn interrupt(site: &Site, agent: &mut WireAgent, work: &Work) {
    agent.finish(work, Outcome::Interrupted).await;
    site.turn().await;
    agent.hear_all().await;
}

/// The longest that an attempt can run: start, timeout and margin.
fn longest(site: &Site) -> Duration {
    let settings = &site.app.context.settings;
    settings.start_within + Duration::from_mins(1) + settings.retry.margin
}

/// Lets the time pass after which a silent run is over, with the reaper listening; what the reaper did.
async fn let_the_run_end(site: &Site) -> usize {
    site.app.clock.advance(longest(site));
    site.listen_for_a_lease().await
}

#[tokio::test]
async fn what_may_be_repeated_is_tried_again_after_a_pause_as_often_as_is_allowed() {
    let site = Site::start().await;
    let (mut agent, mut work, request_id) = running(&site, "yes").await;
    let tries = site.app.context.settings.retry.tries;
    for number in 2..=tries {
        interrupt(&site, &mut agent, &work).await;
        let task = site.task(request_id, "one").await;
        assert_eq!((&task["status"], &task["waiting_for"]["what"]), (&json!("waiting"), &json!("retry")), "{task:#}");
        let text = task["waiting_for"]["text"].as_str().expect("it says when");
        assert!(text.contains(&format!("try {number} of {tries} begins at ")), "{text}");
        let shown = site.app.text("SELECT waiting_for ->> 'what' FROM requests WHERE id = $1", request_id).await;
        assert_eq!((site.app.status(request_id).await.as_str(), shown.as_deref()), ("running", Some("retry")));
        assert!(site.locked_hosts().await.is_empty() && agent.work().await.is_none());
        let pause = site.app.context.settings.retry.delay(number - 1);
        site.app.clock.advance(pause.saturating_sub(Duration::from_secs(1)));
        site.turn().await;
        assert!(agent.work().await.is_none(), "the pause is not over");
        site.app.clock.advance(Duration::from_secs(1));
        site.turn().await;
        work = agent.take(&site).await;
        assert_eq!(work.request.attempt, number);
        agent.progress(&work, 10, &[]).await;
        site.turn().await;
    }
    interrupt(&site, &mut agent, &work).await;
    assert_eq!(
        (site.status(request_id, "one").await.as_str(), site.app.status(request_id).await.as_str()),
        ("interrupted", "needs_attention")
    );
    assert_eq!(site.audited(request_id, "task.retried").await, i64::from(tries) - 1);
    assert_eq!(site.audited(request_id, "task.interrupted").await, i64::from(tries) - 1);
    let waits = site.app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await.expect("it waits");
    assert!(waits.contains("It is not tried again by itself: it was cut off as often as it may be tried (`retry.tries`)"), "{waits}");
}

#[tokio::test]
async fn the_pause_before_a_retry_stays_when_its_agent_comes_back() {
    let site = Site::start().await;
    let (mut agent, work, _) = running(&site, "yes").await;
    interrupt(&site, &mut agent, &work).await;
    let again = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 2).await;
    again.say(CLAIMS, again.hello.clone()).await;
    site.turn().await;
    assert!(again.work().await.is_none());
}

#[tokio::test]
async fn what_may_not_be_repeated_is_never_tried_again_by_itself() {
    for (repeatable, why) in
        [("no", "its action is not declared as repeatable"), ("check_first", "wants a person's look before it is repeated")]
    {
        let site = Site::start().await;
        let (mut agent, work, request_id) = running(&site, repeatable).await;
        interrupt(&site, &mut agent, &work).await;
        assert_eq!(site.status(request_id, "one").await, "interrupted");
        let waits = site.app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await.expect("it waits");
        assert!(waits.contains(why), "{waits}");
        assert_eq!(let_the_run_end(&site).await, 0);
        site.turn().await;
        assert!(agent.work().await.is_none());

        let site = Site::start().await;
        let (agent, _, request_id) = running(&site, repeatable).await;
        site.fall_silent().await;
        assert_eq!(let_the_run_end(&site).await, 0);
        let task = site.task(request_id, "one").await;
        assert_eq!(task["status"], "unknown");
        assert!(task["error"]["message"].as_str().is_some_and(|text| text.contains(why)), "{task:#}");
        site.turn().await;
        assert!(agent.work().await.is_none());
        assert_eq!(site.locked_hosts().await, ["nas"]);
    }
}

#[tokio::test]
async fn what_is_unknown_is_tried_again_only_when_its_longest_run_time_is_over() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = running(&site, "yes").await;
    site.fall_silent().await;
    let task = site.task(request_id, "one").await;
    let text = task["error"]["message"].as_str().expect("it says so");
    assert!(text.contains("When it has reported nothing by ") && text.contains("(try 2 of 2)"), "{text}");
    assert_eq!(site.app.status(request_id).await, "needs_attention");
    site.app.clock.advance(longest(&site).saturating_sub(Duration::from_mins(2)));
    assert_eq!(site.listen_for_a_lease().await, 0);
    assert_eq!((site.status(request_id, "one").await.as_str(), site.locked_hosts().await), ("unknown", vec!["nas".to_owned()]));
    assert_eq!(let_the_run_end(&site).await, 1);
    assert_eq!((site.status(request_id, "one").await.as_str(), site.app.status(request_id).await.as_str()), ("waiting", "running"));
    agent.hear_all().await;
    agent.say(CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    site.app.clock.advance(site.app.context.settings.retry.delay(1));
    site.turn().await;
    let again = agent.take(&site).await;
    assert_eq!(again.request.attempt, 2);
    agent.finish(&work, Outcome::Failed).await;
    site.turn().await;
    assert_eq!(site.audited(request_id, "task.conflicting_report").await, 1, "the old attempt decides nothing any more");
    agent.finish(&again, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn only_the_holder_of_the_lease_tries_again_what_is_silent() {
    let site = Site::start().await;
    let (_agent, _, request_id) = running(&site, "yes").await;
    site.fall_silent().await;
    site.app.clock.advance(longest(&site));
    let epoch =
        |name: &'static str| sqlx::query_scalar::<_, i64>("SELECT epoch FROM leases WHERE name = $1").bind(name).fetch_one(site.app.pool());
    let current = epoch("lease_reaper").await.expect("it has looked");
    let older = Fence { lease: "lease_reaper", epoch: current - 1 };
    assert_eq!(retry::run(&site.app.context, older).await.expect("it looks"), 0);
    assert_eq!(site.status(request_id, "one").await, "unknown");
    let fence = Fence { lease: "lease_reaper", epoch: current };
    assert_eq!(retry::run(&site.app.context, fence).await.expect("it looks"), 1);
    assert_eq!(retry::run(&site.app.context, fence).await.expect("it looks again"), 0);
}

#[tokio::test]
async fn what_was_to_be_stopped_or_was_restored_is_not_tried_again_by_itself() {
    for statement in ["UPDATE tasks SET cancel_requested_at = now(), cancel_reason = 'enough'", "UPDATE tasks SET fenced_attempt = 1001"] {
        let site = Site::start().await;
        let (mut agent, work, request_id) = running(&site, "yes").await;
        sqlx::query(statement).execute(site.app.pool()).await.expect("it is noted");
        interrupt(&site, &mut agent, &work).await;
        assert_eq!(site.status(request_id, "one").await, "interrupted", "{statement}");

        let site = Site::start().await;
        let (_agent, _, request_id) = running(&site, "yes").await;
        sqlx::query(statement).execute(site.app.pool()).await.expect("it is noted");
        site.fall_silent().await;
        assert_eq!(let_the_run_end(&site).await, 0);
        assert_eq!(site.status(request_id, "one").await, "unknown", "{statement}");
    }
}

#[tokio::test]
async fn what_was_cut_off_and_cancelled_before_its_retry_says_that_part_of_it_was_done() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = running(&site, "yes").await;
    interrupt(&site, &mut agent, &work).await;
    let ada = site.app.person("ada", chiffon_kernel::domain::role::Role::Operator).await;
    chiffon_requests::verbs::cancel::run(&site.app.context, &ada, request_id, None).await.expect("it is taken");
    let task = site.task(request_id, "one").await;
    assert_eq!(task["status"], "cancelled");
    assert!(
        task["error"]["message"].as_str().is_some_and(|text| text.ends_with("what its cut-off attempt had done stays done")),
        "{task:#}"
    );
    let records = "SELECT count(*) FROM git_outbox WHERE request_id = $1";
    assert_eq!(site.app.number(records, request_id).await, 1, "and it is recorded");
    assert_eq!(site.app.status(request_id).await, "cancelled");
}

#[tokio::test]
async fn a_step_after_one_that_is_tried_again_waits_for_it() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "nas", &["one"])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    interrupt(&site, &mut agent, &work).await;
    assert_eq!(site.status(request_id, "two").await, "pending");
    site.app.clock.advance(site.app.context.settings.retry.delay(1));
    for _ in 0..2 {
        site.turn().await;
        let work = agent.take(&site).await;
        agent.finish(&work, Outcome::Succeeded).await;
        site.turn().await;
        agent.hear_all().await;
    }
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn what_changes_nothing_is_tried_again_whatever_its_action_declares() {
    for is_silent in [false, true] {
        let site = Site::start().await;
        let (mut agent, work, request_id) = running(&site, "no").await;
        for statement in [
            "UPDATE tasks SET purpose = 'discover'",
            "UPDATE plans SET state = 'discovering'",
            "UPDATE requests SET status = 'discovering', resend_at = now()",
        ] {
            sqlx::query(statement).execute(site.app.pool()).await.expect("it is a discovery");
        }
        if is_silent {
            site.fall_silent().await;
            assert_eq!((site.status(request_id, "one").await.as_str(), let_the_run_end(&site).await), ("unknown", 1));
            agent.say(CLAIMS, agent.hello.clone()).await;
        } else {
            interrupt(&site, &mut agent, &work).await;
        }
        assert_eq!((site.status(request_id, "one").await.as_str(), site.app.status(request_id).await.as_str()), ("waiting", "discovering"));
        site.app.clock.advance(site.app.context.settings.retry.delay(1));
        agent.hear_all().await;
        site.turn().await;
        assert_eq!(agent.take(&site).await.request.attempt, 2);
    }
}
