//! What could not be stopped keeps its host from other work, says so, and is given back by a person's word (RELIABILITY 12, 13).

use std::time::Duration;

use chiffon_engine::domain::task::Decision;
use chiffon_harness::site::{Site, step, step_of};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_kernel::store::invariants::{self, Limits};
use chiffon_process::Clock as _;
use chiffon_protocol::message::{HostResult, Outcome};
use chiffon_protocol::topology::{CLAIMS, RESULTS};
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_requests::verbs::cancel;
use chiffon_requests::verbs::release_host::{self, Released};
use chiffon_requests::verbs::resolve::{self, Resolve};
use serde_json::json;
use uuid::Uuid;

const JOB: &str = "\"Back up\" in the background as job j1.2";

/// The end of a run that has left this job on each of these hosts.
async fn ends_with_a_job(agent: &WireAgent, work: &Work, outcome: Outcome, hosts: &[&str]) {
    let mut result = agent.result(work, outcome);
    let left = |host: &&str| HostResult { host: (*host).to_owned(), may_still_run: vec![JOB.to_owned()], ..HostResult::default() };
    result.hosts = hosts.iter().map(left).collect();
    agent.say(RESULTS, result).await;
}

/// A cancelled task of `nas` that could not be stopped whole.
async fn cancelled(site: &Site) -> (WireAgent, Work, Uuid, Principal) {
    let (mut agent, work, request_id) = WireAgent::in_mid_run(site, &[step("one", "nas", &[])]).await;
    let ada = site.app.person("ada", Role::Operator).await;
    cancel::run(&site.app.context, &ada, request_id, None).await.expect("it is cancelled");
    ends_with_a_job(&agent, &work, Outcome::Cancelled, &["nas", "web"]).await;
    site.turn().await;
    agent.hear_all().await;
    (agent, work, request_id, ada)
}

async fn release(site: &Site, who: &Principal, comment: Option<&str>) -> Result<Released, Problem> {
    release_host::run(&site.app.context, who, "nas", comment).await
}

fn code(answer: Result<Released, Problem>) -> ErrorCode {
    answer.expect_err("it is refused").code
}

#[tokio::test]
async fn a_host_on_which_something_may_still_run_is_kept_from_other_work_until_a_person_gives_it_back() {
    let site = Site::start().await;
    let (mut agent, work, request_id, ada) = cancelled(&site).await;
    assert_eq!(site.app.status(request_id).await, "cancelled", "the request has its end");
    assert_eq!(site.locked_hosts().await, ["nas"], "no host that it was not granted");
    assert_eq!(site.audited(request_id, "host.reserved").await, 1);

    let next = site.approved(&[step("two", "nas", &[])]).await;
    let elsewhere = site.approved(&[step("three", "web", &[])]).await;
    site.turn().await;
    let taken = agent.take(&site).await;
    assert_eq!(taken.request.hosts, ["web"], "other hosts are free");
    agent.finish(&taken, Outcome::Succeeded).await;
    site.turn().await;
    assert_eq!(site.status(elsewhere, "three").await, "completed");
    let waits = site.task(next, "two").await["waiting_for"]["text"].as_str().expect("it says for what").to_owned();
    for part in ["host nas is reserved since", JOB, &work.request.task_id.to_string(), "chiffon release nas --comment"] {
        assert!(waits.contains(part), "{waits}");
    }
    let shown = chiffon_requests::store::read::request::get(site.app.pool(), &site.app.context.settings.kinds, request_id)
        .await
        .expect("it reads")
        .expect("it is there")
        .reserved_hosts;
    assert_eq!((shown[0].host.as_str(), shown[0].may_still_run.as_slice()), ("nas", [JOB.to_owned()].as_slice()));
    let limits =
        Limits { now: site.app.clock.now(), overdue_after: Duration::ZERO, since: site.app.clock.now(), longest_call: Duration::ZERO };
    let mut connection = site.app.context.store.acquire().await.expect("the database answers");
    let found = invariants::find(&mut connection, chiffon_harness::parts::named("reservation_without_task"), &limits)
        .await
        .expect("the statement runs");
    drop(connection);
    assert_eq!(found.count, 0, "{found:?}");

    let other = site.app.person("other", Role::Requester).await;
    assert_eq!(code(release(&site, &ada, None).await), ErrorCode::CommentMissing);
    assert_eq!(code(release(&site, &other, Some("I looked")).await), ErrorCode::Forbidden);
    let program = Principal { is_program: true, ..ada.clone() };
    assert_eq!(code(release(&site, &program, Some("I looked")).await), ErrorCode::Forbidden);
    let released = release(&site, &ada, Some("I looked at nas")).await.expect("it is given back");
    assert_eq!((released.request_id, released.may_still_run.as_slice()), (request_id, [JOB.to_owned()].as_slice()));
    let audited: serde_json::Value = sqlx::query_scalar("SELECT jsonb_build_object('by', actor, 'comment', data -> 'comment', 'host', data -> 'host') FROM audit_log WHERE event = 'host.released'")
        .fetch_one(site.app.pool())
        .await
        .expect("it is audited");
    assert_eq!(audited, json!({"by": "ada", "comment": "I looked at nas", "host": "nas"}));
    assert_eq!(code(release(&site, &ada, Some("again")).await), ErrorCode::HostNotReserved);
    agent.hear_all().await;
    site.turn().await;
    assert_eq!(agent.take(&site).await.request.hosts, ["nas"], "other work goes on");
}

#[tokio::test]
async fn what_is_tried_again_by_itself_waits_as_well_and_a_decision_gives_no_host_back() {
    let site = Site::start().await;
    let (agent, work, request_id) = WireAgent::in_mid_run(&site, &[step_of("one", "nas", &[], "yes")]).await;
    ends_with_a_job(&agent, &work, Outcome::Interrupted, &["nas"]).await;
    site.turn().await;
    site.app.clock.advance(Duration::from_mins(10));
    agent.say(CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    assert_eq!(site.status(request_id, "one").await, "waiting");
    let waits = site.task(request_id, "one").await["waiting_for"]["text"].as_str().unwrap_or_default().to_owned();
    assert!(waits.contains("chiffon release nas"), "{waits}");
    let ada = site.app.person("ada", Role::Operator).await;
    cancel::run(&site.app.context, &ada, request_id, None).await.expect("it is cancelled");
    assert_eq!(site.locked_hosts().await, ["nas"], "the host is still kept");
    release(&site, &ada, Some("I looked")).await.expect("it is given back");
    assert_eq!(site.locked_hosts().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_late_word_of_what_still_runs_keeps_a_free_host_and_takes_none_from_others() {
    let site = Site::start().await;
    let (agent, work, request_id) = WireAgent::in_mid_run(&site, &[step_of("one", "nas", &[], "no")]).await;
    site.fall_silent().await;
    let ada = site.app.person("ada", Role::Operator).await;
    cancel::run(&site.app.context, &ada, request_id, None).await.expect("it is cancelled");
    let given_up = Resolve {
        task_id: work.request.task_id,
        decision: Decision::GiveUp,
        attempt: Some(1),
        comment: Some("I looked".to_owned()),
        not_running: true,
    };
    resolve::run(&site.app.context, &ada, given_up).await.expect("it is given up");
    assert_eq!(site.locked_hosts().await, Vec::<String>::new());
    ends_with_a_job(&agent, &work, Outcome::Cancelled, &["nas"]).await;
    site.turn().await;
    assert_eq!(site.locked_hosts().await, ["nas"], "its agent knows better");
    release(&site, &ada, Some("I looked again")).await.expect("it is given back");
}
