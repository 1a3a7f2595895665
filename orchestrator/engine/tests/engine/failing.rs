//! `on_failure` and `retry`: what becomes of what follows a step that has failed, and whether it is tried again, by the word of its run.

use std::time::Duration;

use chiffon_harness::site::{Site, id, step, step_of};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::role::Role;
use chiffon_protocol::message::{ErrorReport, Outcome};
use chiffon_protocol::topology::RESULTS;
use chiffon_requests::verbs::{cancel, hold};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ordered::Ordered;

const UNREACHABLE: u16 = 5503;
const PLAY_FAILED: u16 = 5504;

fn with(mut step: Value, field: &str, asked: Value) -> Value {
    step[field] = asked;
    step
}

fn retried(mut step: Value, on: &[&str]) -> Value {
    step["retry"] = json!({"max_attempts": 3, "initial_delay_seconds": 10, "max_delay_seconds": 15, "jitter": false, "on": on});
    step
}

async fn fail(site: &Site, agent: &mut WireAgent, work: &Work, code: u16) {
    let mut result = agent.result(work, Outcome::Failed);
    result.error = Some(ErrorReport { code, message: "nas went wrong.".to_owned(), details: Value::Null });
    agent.say(RESULTS, result).await;
    site.turn().await;
    agent.hear_all().await;
}

async fn begun(site: &Site, steps: &[Value]) -> (WireAgent, Work, Uuid) {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(steps).await;
    site.turn().await;
    let work = agent.take(site).await;
    (agent, work, request_id)
}

async fn complete_next(site: &Site, agent: &mut WireAgent, step_id: &str) {
    let work = agent.take(site).await;
    assert_eq!(work.request.step_id, step_id);
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
}

async fn told(site: &Site, request_id: Uuid) -> String {
    let last = "SELECT text FROM messages WHERE request_id = $1 AND sender = 'chiffon' ORDER BY seq DESC LIMIT 1";
    site.app.text(last, request_id).await.expect("it was told")
}

#[tokio::test]
async fn what_follows_goes_on_where_the_run_wants_that_and_is_told_of_the_failure() {
    let (site, run) = Ordered::start().await;
    let steps = [with(step("one", "nas", &[]), "on_failure", json!("continue")), step("two", "nas", &["one"])];
    let (mut agent, one, request_id) = begun(&site, &steps).await;
    fail(&site, &mut agent, &one, PLAY_FAILED).await;
    assert_eq!(run.asked(), ["on_failure one"]);
    let row = site.task(request_id, "one").await;
    assert_eq!((&row["status"], &row["consequence"]), (&json!("failed"), &json!("continue")));
    // The same result once more, and another one: nobody is asked again.
    fail(&site, &mut agent, &one, PLAY_FAILED).await;
    agent.finish(&one, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!((run.asked().len(), site.audited(request_id, "task.failure_passed").await), (0, 1));
    complete_next(&site, &mut agent, "two").await;
    assert_eq!(site.app.status(request_id).await, "completed");
    let told = told(&site, request_id).await;
    assert!(told.contains("Failed, which its plan allows: Set up one on nas: nas went wrong."), "{told}");
    assert_eq!(site.app.text("SELECT error::text FROM requests WHERE id = $1", request_id).await, None);
}

#[tokio::test]
async fn only_a_branch_is_skipped_where_the_run_wants_that() {
    let site = Site::start().await;
    let steps = [
        with(step("one", "nas", &[]), "on_failure", json!("skip")),
        step("two", "nas", &["one"]),
        step("three", "nas", &["two"]),
        step("aside", "nas", &[]),
    ];
    let (mut agent, one, request_id) = begun(&site, &steps).await;
    fail(&site, &mut agent, &one, PLAY_FAILED).await;
    for step_id in ["two", "three"] {
        let row = site.task(request_id, step_id).await;
        assert_eq!((&row["status"], &row["consequence"]), (&json!("skipped"), &json!("skip")), "{row:#}");
    }
    complete_next(&site, &mut agent, "aside").await;
    assert_eq!(site.app.status(request_id).await, "completed");
}

#[tokio::test]
async fn a_failure_fails_the_run_where_nobody_says_otherwise() {
    for asked in [None, Some(json!("abort"))] {
        let (site, run) = Ordered::start().await;
        let first = step("one", "nas", &[]);
        let first = asked.clone().map_or_else(|| first.clone(), |asked| with(first.clone(), "on_failure", asked));
        let (mut agent, one, request_id) = begun(&site, &[first, step("two", "nas", &["one"])]).await;
        fail(&site, &mut agent, &one, PLAY_FAILED).await;
        assert_eq!((site.status(request_id, "two").await.as_str(), site.app.status(request_id).await.as_str()), ("skipped", "failed"));
        assert_eq!(run.asked().len(), usize::from(asked.is_some()), "what asks nothing is not asked about");
    }
}

#[tokio::test]
async fn what_was_to_be_stopped_is_neither_tried_again_nor_gone_on_from() {
    let (site, run) = Ordered::start().await;
    let first = with(retried(step("one", "nas", &[]), &["permanent"]), "on_failure", json!("continue"));
    let (mut agent, one, request_id) = begun(&site, &[first, step("two", "nas", &["one"])]).await;
    let operator = site.app.person("olga", Role::Operator).await;
    cancel::run(&site.app.context, &operator, request_id, None).await.expect("it is taken");
    fail(&site, &mut agent, &one, PLAY_FAILED).await;
    assert_eq!(run.asked().len(), 0);
    let row = site.task(request_id, "one").await;
    assert!(row["error"]["message"].as_str().is_some_and(|text| text.ends_with("It is not tried again: it is to be stopped")), "{row:#}");
    assert_eq!((site.status(request_id, "two").await.as_str(), site.app.status(request_id).await.as_str()), ("cancelled", "cancelled"));
    assert!(agent.work().await.is_none());
}

#[tokio::test]
async fn a_failure_is_tried_again_after_its_pauses_until_the_attempts_are_used_up() {
    let (site, run) = Ordered::start().await;
    let steps = [retried(step("one", "nas", &[]), &["transient", "permanent"]), step("two", "nas", &["one"])];
    let (mut agent, mut work, request_id) = begun(&site, &steps).await;
    for (number, pause) in [(2, 10), (3, 15)] {
        fail(&site, &mut agent, &work, PLAY_FAILED).await;
        assert_eq!(run.asked(), ["retry one"]);
        let row = site.task(request_id, "one").await;
        assert_eq!((&row["status"], &row["waiting_for"]["what"]), (&json!("waiting"), &json!("retry")), "{row:#}");
        let text = row["waiting_for"]["text"].as_str().expect("it says when");
        assert!(text.starts_with(&format!("it failed (nas went wrong); attempt {number} of 3 begins at ")), "{text}");
        assert!(site.locked_hosts().await.is_empty(), "its host is free meanwhile");
        // The same result once more: it was for an attempt that is over.
        fail(&site, &mut agent, &work, PLAY_FAILED).await;
        assert_eq!(run.asked().len(), 0);
        site.app.clock.advance(Duration::from_secs(pause - 1));
        site.turn().await;
        assert!(agent.work().await.is_none(), "the pause is not over");
        site.app.clock.advance(Duration::from_secs(1));
        site.turn().await;
        work = agent.take(&site).await;
        assert_eq!(work.request.attempt, number);
    }
    fail(&site, &mut agent, &work, PLAY_FAILED).await;
    let row = site.task(request_id, "one").await;
    assert_eq!(row["status"], "failed");
    assert_eq!(row["error"]["message"], "nas went wrong. It is not tried again after 3 attempts: that were all of its 3 attempts");
    for attempt in 1..=3 {
        assert_eq!(site.attempt(id(&row), attempt).await["outcome"], "failed");
    }
    assert_eq!(site.audited(request_id, "task.attempt_failed").await, 2);
    assert_eq!((site.status(request_id, "two").await.as_str(), site.app.status(request_id).await.as_str()), ("skipped", "failed"));
}

#[tokio::test]
async fn an_attempt_that_succeeds_after_one_that_failed_completes_its_step() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = begun(&site, &[retried(step("one", "nas", &[]), &["transient"])]).await;
    fail(&site, &mut agent, &work, UNREACHABLE).await;
    site.app.clock.advance(Duration::from_secs(10));
    site.turn().await;
    let again = agent.take(&site).await;
    agent.finish(&again, Outcome::Succeeded).await;
    // What the first attempt says now is of another attempt.
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!((site.status(request_id, "one").await.as_str(), site.app.status(request_id).await.as_str()), ("completed", "completed"));
    let row = site.task(request_id, "one").await;
    assert_eq!((&row["error"], &row["attempt"]), (&json!(null), &json!(2)));
    assert!(row["warnings"][0].as_str().is_some_and(|text| text.starts_with("this was try 2; what the earlier ones did")), "{row:#}");
}

#[tokio::test]
async fn what_is_not_of_a_class_that_is_tried_again_fails_at_once() {
    let site = Site::start().await;
    let (mut agent, work, request_id) = begun(&site, &[retried(step("one", "nas", &[]), &["transient"])]).await;
    fail(&site, &mut agent, &work, PLAY_FAILED).await;
    let row = site.task(request_id, "one").await;
    assert_eq!(row["status"], "failed");
    assert!(
        row["error"]["message"].as_str().is_some_and(|text| text.contains("what went wrong (5504) is not what its plan wants")),
        "{row:#}"
    );
    assert_eq!(site.app.status(request_id).await, "failed");
}

#[tokio::test]
async fn what_is_not_repeatable_is_not_asked_about_and_what_was_cut_off_keeps_its_own_rules() {
    for (repeatable, outcome, becomes) in
        [("no", Outcome::Failed, "failed"), ("check_first", Outcome::Failed, "failed"), ("no", Outcome::Interrupted, "interrupted")]
    {
        let (site, run) = Ordered::start().await;
        let mut planned = retried(step_of("one", "nas", &[], repeatable), &["transient", "permanent"]);
        planned["check"] = json!("none");
        let (agent, work, request_id) = begun(&site, &[planned]).await;
        agent.finish(&work, outcome).await;
        site.turn().await;
        assert_eq!((site.status(request_id, "one").await.as_str(), run.asked().len()), (becomes, 0), "{repeatable} {outcome:?}");
        site.app.clock.advance(Duration::from_mins(5));
        site.turn().await;
        assert!(agent.work().await.is_none());
    }
}

#[tokio::test]
async fn a_cancel_ends_the_pause_and_a_hold_outlasts_it() {
    let site = Site::start().await;
    let operator = site.app.person("olga", Role::Operator).await;
    let (mut agent, work, request_id) = begun(&site, &[retried(step("one", "nas", &[]), &["transient"])]).await;
    fail(&site, &mut agent, &work, UNREACHABLE).await;
    hold::pause(&site.app.context, &operator, request_id, None).await.expect("it is held");
    site.app.clock.advance(Duration::from_mins(1));
    site.turn().await;
    assert!(agent.work().await.is_none(), "its request is held");
    hold::resume(&site.app.context, &operator, request_id, None).await.expect("it goes on");
    site.turn().await;
    let again = agent.take(&site).await;
    fail(&site, &mut agent, &again, UNREACHABLE).await;
    cancel::run(&site.app.context, &operator, request_id, None).await.expect("it is taken");
    assert_eq!((site.status(request_id, "one").await.as_str(), site.app.status(request_id).await.as_str()), ("cancelled", "cancelled"));
    site.app.clock.advance(Duration::from_mins(1));
    site.turn().await;
    assert!(agent.work().await.is_none());
}
