//! People decide about what was cut off: once, under the locks, about what they saw, and with a reason (RELIABILITY 13, 14).

use std::time::Duration;

use chiffon_engine::domain::task::Decision::{self, Done, GiveUp, Retry};
use chiffon_harness::site::{Site, id, step, step_of};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_protocol::message::{Command, Message, Outcome};
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_requests::verbs::cancel;
use chiffon_requests::verbs::resolve::{self, Resolve, Resolved};
use serde_json::{Value, json};
use uuid::Uuid;

/// A task that may not be repeated by itself and was cut off after it began, and one that waits for it.
struct CutOff {
    site: Site,
    agent: WireAgent,
    work: Work,
    request_id: Uuid,
    ada: Principal,
}

impl CutOff {
    async fn running() -> Self {
        let site = Site::start().await;
        let (agent, work, request_id) =
            WireAgent::in_mid_run(&site, &[step_of("one", "nas", &[], "no"), step("two", "nas", &["one"])]).await;
        let ada = site.app.person("ada", Role::Operator).await;
        Self { site, agent, work, request_id, ada }
    }

    /// Its agent says so.
    async fn interrupted() -> Self {
        let mut cut_off = Self::running().await;
        cut_off.agent.finish(&cut_off.work, Outcome::Interrupted).await;
        cut_off.site.turn().await;
        cut_off.agent.hear_all().await;
        assert_eq!(cut_off.status().await, "interrupted");
        cut_off
    }

    /// Its agent fell silent.
    async fn unknown() -> Self {
        let cut_off = Self::running().await;
        cut_off.site.fall_silent().await;
        assert_eq!(cut_off.status().await, "unknown");
        cut_off
    }

    async fn status(&self) -> String {
        self.site.status(self.request_id, "one").await
    }

    fn input(&self, decision: Decision) -> Resolve {
        let comment = Some("I looked at nas".to_owned());
        Resolve { task_id: self.work.request.task_id, decision, attempt: Some(1), comment, not_running: true }
    }

    async fn decide(&self, input: Resolve) -> Result<Resolved, Problem> {
        resolve::run(&self.site.app.context, &self.ada, input).await
    }

    async fn audited(&self) -> Value {
        sqlx::query_scalar("SELECT data || jsonb_build_object('actor', actor) FROM audit_log WHERE chain = $1 AND event = 'task.resolved'")
            .bind(self.request_id.to_string())
            .fetch_one(self.site.app.pool())
            .await
            .expect("it is audited")
    }

    async fn waits_for(&self) -> String {
        let query = "SELECT waiting_for ->> 'text' FROM requests WHERE id = $1";
        self.site.app.text(query, self.request_id).await.unwrap_or_default()
    }

    /// The second step's work, taken and done, which ends the request.
    async fn finish_the_rest(&mut self) {
        self.site.turn().await;
        self.agent.hear_all().await;
        let rest = self.agent.take(&self.site).await;
        self.agent.finish(&rest, Outcome::Succeeded).await;
        self.site.turn().await;
        assert_eq!(self.site.app.status(self.request_id).await, "completed");
    }

    /// What its agent says of the old attempt now is recorded, acknowledged, and nothing else.
    async fn reports_in_vain(&mut self) {
        self.agent.hear_all().await;
        let task = async || {
            let mut task = self.site.task(self.request_id, "one").await;
            // Who could take it is looked at all the time.
            for column in ["waiting_for", "wait_key", "is_explained"] {
                task[column] = Value::Null;
            }
            task
        };
        let (before, stands) = (task().await, self.site.app.status(self.request_id).await);
        self.agent.finish(&self.work, Outcome::Failed).await;
        self.site.turn().await;
        assert_eq!(task().await, before, "the task stays as it is");
        assert_eq!(self.site.app.status(self.request_id).await, stands);
        assert_eq!(self.site.audited(self.request_id, "task.conflicting_report").await, 1);
        let heard = self.agent.hear_all().await;
        assert!(heard.iter().any(|message| matches!(message, Message::ResultAck(ack) if ack.result_stored)), "{heard:?}");
    }
}

fn refused(answer: Result<Resolved, Problem>, code: ErrorCode) -> Problem {
    let problem = answer.expect_err("it is refused");
    assert_eq!(problem.code, code, "{problem}");
    problem
}

#[tokio::test]
async fn what_was_interrupted_is_tried_again_when_a_person_says_so() {
    let mut cut_off = CutOff::interrupted().await;
    let waits = cut_off.waits_for().await;
    let command = format!("`chiffon resolve {} --retry`, ", cut_off.work.request.task_id);
    assert!(waits.contains(&command), "the exact command: {waits}");
    assert_eq!(cut_off.site.status(cut_off.request_id, "two").await, "pending", "what comes after it waits for the decision");
    let input = Resolve { comment: None, not_running: false, ..cut_off.input(Retry) };
    let resolved = cut_off.decide(input).await.expect("it is taken");
    assert_eq!((resolved.task_status.as_str(), resolved.request_status.as_str()), ("waiting", "running"));
    cut_off.site.turn().await;
    let again = cut_off.agent.take(&cut_off.site).await;
    assert_eq!((again.request.task_id, again.request.attempt), (cut_off.work.request.task_id, 2));
    cut_off.agent.finish(&again, Outcome::Succeeded).await;
    cut_off.finish_the_rest().await;
}

#[tokio::test]
async fn what_was_interrupted_counts_as_done_by_a_persons_word_and_the_rest_goes_on() {
    let mut cut_off = CutOff::interrupted().await;
    refused(cut_off.decide(Resolve { comment: Some(" ".to_owned()), ..cut_off.input(Done) }).await, ErrorCode::CommentMissing);
    cut_off.decide(Resolve { not_running: false, ..cut_off.input(Done) }).await.expect("it is taken");
    let task = cut_off.site.task(cut_off.request_id, "one").await;
    assert_eq!((&task["status"], &task["error"], &task["changed"]), (&json!("completed"), &Value::Null, &json!(true)), "{task:#}");
    assert_eq!(task["warnings"], json!(["ada decided that \"Set up one on nas\" is done: I looked at nas"]));
    let audited = cut_off.audited().await;
    assert_eq!(
        (&audited["actor"], &audited["decision"], &audited["comment"], &audited["not_running"], &audited["proof"]),
        (&json!("ada"), &json!("done"), &json!("I looked at nas"), &json!(false), &json!("its_report"))
    );
    let said = cut_off.site.app.number(
        "SELECT count(*) FROM messages WHERE request_id = $1 AND text LIKE 'ada decided that \"Set up one on nas\" is done%'",
        cut_off.request_id,
    );
    assert_eq!(said.await, 1);
    cut_off.finish_the_rest().await;
}

#[tokio::test]
async fn what_was_interrupted_and_given_up_fails_and_nothing_after_it_begins() {
    let cut_off = CutOff::interrupted().await;
    cut_off.decide(Resolve { comment: None, not_running: false, ..cut_off.input(GiveUp) }).await.expect("it is taken");
    assert_eq!((cut_off.status().await.as_str(), cut_off.site.app.status(cut_off.request_id).await.as_str()), ("failed", "failed"));
    assert_eq!(cut_off.site.task(cut_off.request_id, "one").await["error"]["code"], 5134);
    assert_eq!(cut_off.site.status(cut_off.request_id, "two").await, "skipped");
}

#[tokio::test]
async fn what_is_unknown_may_still_run_and_wants_a_persons_word_with_a_reason() {
    let cut_off = CutOff::unknown().await;
    for decision in Decision::ALL {
        let input = Resolve { not_running: false, ..cut_off.input(decision) };
        let problem = refused(cut_off.decide(input).await, ErrorCode::MayStillRun);
        assert!(problem.message.contains("infra-1 has not reported its end") && problem.message.contains("--not-running"), "{problem}");
        refused(cut_off.decide(Resolve { comment: None, ..cut_off.input(decision) }).await, ErrorCode::CommentMissing);
    }
    assert_eq!((cut_off.status().await.as_str(), cut_off.site.locked_hosts().await), ("unknown", vec!["nas".to_owned()]));
    let limits = &cut_off.site.app.context.settings;
    cut_off.site.app.clock.advance(limits.start_within + Duration::from_mins(1) + limits.retry.margin);
    cut_off.decide(Resolve { not_running: false, ..cut_off.input(GiveUp) }).await.expect("its longest run time is over, which is proof");
    assert_eq!(cut_off.audited().await["proof"], "run_time_over");
}

#[tokio::test]
async fn what_is_unknown_is_tried_again_and_the_old_attempt_reports_in_vain() {
    let mut cut_off = CutOff::unknown().await;
    cut_off.decide(cut_off.input(Retry)).await.expect("it is taken");
    assert!(cut_off.site.locked_hosts().await.is_empty());
    assert_eq!(cut_off.audited().await["not_running"], true);
    cut_off.reports_in_vain().await;
    cut_off.agent.say(chiffon_protocol::topology::CLAIMS, cut_off.agent.hello.clone()).await;
    cut_off.site.turn().await;
    let again = cut_off.agent.take(&cut_off.site).await;
    assert_eq!(again.request.attempt, 2);
    assert_eq!(cut_off.site.locked_hosts().await, ["nas"]);
    cut_off.agent.finish(&again, Outcome::Succeeded).await;
    cut_off.finish_the_rest().await;
}

#[tokio::test]
async fn an_attempt_that_outlived_a_decision_is_told_to_stop_and_no_other_one() {
    let mut cut_off = CutOff::unknown().await;
    // Without an attempt, the newest one is meant.
    cut_off.decide(Resolve { attempt: None, ..cut_off.input(Retry) }).await.expect("it is taken");
    cut_off.agent.say(chiffon_protocol::topology::CLAIMS, cut_off.agent.hello.clone()).await;
    cut_off.site.turn().await;
    let again = cut_off.agent.take(&cut_off.site).await;
    cut_off.agent.beat(1, &[&cut_off.work, &again]).await;
    cut_off.site.turn().await;
    let told = cut_off.agent.hear_all().await;
    let stops: Vec<_> =
        told.iter().filter_map(|message| if let Message::Control(control) = message { Some(control) } else { None }).collect();
    assert_eq!(stops.len(), 1, "{told:?}");
    assert_eq!((stops[0].command, stops[0].task_id, stops[0].attempt), (Command::Cancel, Some(cut_off.work.request.task_id), Some(1)));
    // What it then says of it changes nothing, and it is not told again.
    cut_off.agent.finish(&cut_off.work, Outcome::Cancelled).await;
    cut_off.site.turn().await;
    cut_off.agent.hear_all().await;
    cut_off.agent.beat(2, &[&again]).await;
    cut_off.site.turn().await;
    assert!(cut_off.agent.hear_all().await.is_empty());
    cut_off.agent.finish(&again, Outcome::Succeeded).await;
    cut_off.finish_the_rest().await;
}

#[tokio::test]
async fn what_is_unknown_counts_as_done_and_the_old_attempt_reports_in_vain() {
    let mut cut_off = CutOff::unknown().await;
    cut_off.decide(cut_off.input(Done)).await.expect("it is taken");
    assert_eq!(cut_off.status().await, "completed");
    assert!(cut_off.site.locked_hosts().await.is_empty());
    cut_off.reports_in_vain().await;
    cut_off.agent.say(chiffon_protocol::topology::CLAIMS, cut_off.agent.hello.clone()).await;
    cut_off.finish_the_rest().await;
}

#[tokio::test]
async fn what_is_unknown_and_given_up_fails_or_is_cancelled_when_it_was_to_be_stopped() {
    let mut cut_off = CutOff::unknown().await;
    cut_off.decide(cut_off.input(GiveUp)).await.expect("it is taken");
    assert_eq!((cut_off.status().await.as_str(), cut_off.site.app.status(cut_off.request_id).await.as_str()), ("failed", "failed"));
    cut_off.reports_in_vain().await;

    let cut_off = CutOff::unknown().await;
    cancel::run(&cut_off.site.app.context, &cut_off.ada, cut_off.request_id, None).await.expect("it is taken");
    let problem = refused(cut_off.decide(cut_off.input(Retry)).await, ErrorCode::NothingToDecide);
    assert!(problem.message.contains("cancelled work is not tried again"), "{problem}");
    cut_off.decide(cut_off.input(GiveUp)).await.expect("it is taken");
    assert_eq!((cut_off.status().await.as_str(), cut_off.site.app.status(cut_off.request_id).await.as_str()), ("cancelled", "cancelled"));
    cut_off.site.turn().await;
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_does_and_the_other_is_told() {
    let mut cut_off = CutOff::interrupted().await;
    let bob = cut_off.site.app.person("bob", Role::Operator).await;
    let (mine, his) = (cut_off.input(Done), cut_off.input(GiveUp));
    let (mine, his) = tokio::join!(cut_off.decide(mine), resolve::run(&cut_off.site.app.context, &bob, his));
    assert_eq!(u8::from(mine.is_ok()) + u8::from(his.is_ok()), 1, "{mine:?} {his:?}");
    let (won, lost) = if mine.is_ok() { ("ada decided `done`", his) } else { ("bob decided `give_up`", mine) };
    let problem = refused(lost, ErrorCode::NothingToDecide);
    assert!(problem.message.contains(won), "{problem}");
    assert_eq!(cut_off.site.audited(cut_off.request_id, "task.resolved").await, 1);
    if cut_off.site.app.status(cut_off.request_id).await == "running" {
        cut_off.finish_the_rest().await;
    }
}

#[tokio::test]
async fn a_decision_counts_only_for_the_attempt_that_was_seen_and_where_there_is_one() {
    let mut cut_off = CutOff::interrupted().await;
    cut_off.decide(cut_off.input(Retry)).await.expect("it is taken");
    let problem = refused(cut_off.decide(cut_off.input(Retry)).await, ErrorCode::NothingToDecide);
    assert!(problem.message.contains("is `waiting`") && problem.message.contains("ada decided `retry`"), "{problem}");
    cut_off.site.turn().await;
    let again = cut_off.agent.take(&cut_off.site).await;
    cut_off.agent.progress(&again, 10, &[]).await;
    cut_off.agent.finish(&again, Outcome::Interrupted).await;
    cut_off.site.turn().await;
    let problem = refused(cut_off.decide(cut_off.input(Done)).await, ErrorCode::StaleAttempt);
    assert_eq!((&problem.details["attempt"], &problem.details["status"]), (&json!(2), &json!("interrupted")), "{problem}");
    cut_off.decide(Resolve { attempt: Some(2), ..cut_off.input(GiveUp) }).await.expect("it is taken");
    let problem = refused(cut_off.decide(Resolve { attempt: Some(2), ..cut_off.input(Done) }).await, ErrorCode::NothingToDecide);
    assert_eq!(problem.details["request_status"], "failed", "{problem}");
    let missing = Resolve { task_id: cut_off.request_id, ..cut_off.input(Done) };
    refused(cut_off.decide(missing).await, ErrorCode::TaskNotFound);
}

#[tokio::test]
async fn who_asked_and_operators_decide_and_no_program() {
    let cut_off = CutOff::interrupted().await;
    let context = &cut_off.site.app.context;
    let other = cut_off.site.app.person("other", Role::Requester).await;
    let robot = cut_off.site.app.principal("robot", Role::Operator, true).await;
    for principal in [&other, &robot] {
        let answer = resolve::run(context, principal, cut_off.input(Done)).await;
        refused(answer, ErrorCode::Forbidden);
    }
    let row: (Uuid, String) =
        sqlx::query_as("SELECT p.id, p.name FROM requests r JOIN principals p ON p.id = r.principal_id WHERE r.id = $1")
            .bind(cut_off.request_id)
            .fetch_one(cut_off.site.app.pool())
            .await
            .expect("an asker");
    let asker = Principal { id: row.0, name: row.1, role: Role::Requester, grants: Vec::new(), is_program: false };
    resolve::run(context, &asker, cut_off.input(GiveUp)).await.expect("it is their own");
}

#[tokio::test]
async fn one_decision_of_two_leaves_the_other_to_be_made() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let ada = site.app.person("ada", Role::Operator).await;
    let mut second = step_of("two", "web", &[], "check_first");
    second["check"] = json!("none");
    let request_id = site.approved(&[step_of("one", "nas", &[], "no"), second]).await;
    site.turn().await;
    for _ in 0..2 {
        let work = agent.take(&site).await;
        agent.finish(&work, Outcome::Interrupted).await;
        site.turn().await;
        agent.hear_all().await;
    }
    let text = async || site.app.text("SELECT waiting_for ->> 'text' FROM requests WHERE id = $1", request_id).await.expect("it waits");
    let (one, two) = (id(&site.task(request_id, "one").await), id(&site.task(request_id, "two").await));
    let both = text().await;
    assert!(both.contains(&one.to_string()) && both.contains(&two.to_string()), "{both}");
    let input = Resolve { task_id: one, decision: GiveUp, attempt: Some(1), comment: None, not_running: false };
    let resolved = resolve::run(&site.app.context, &ada, input.clone()).await.expect("it is taken");
    assert_eq!(resolved.request_status.as_str(), "needs_attention");
    let rest = text().await;
    assert!(!rest.contains(&one.to_string()) && rest.contains(&two.to_string()), "{rest}");
    let resolved = resolve::run(&site.app.context, &ada, Resolve { task_id: two, ..input }).await.expect("it is taken");
    assert_eq!(resolved.request_status.as_str(), "failed");
}
