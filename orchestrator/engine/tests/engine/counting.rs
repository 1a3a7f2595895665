//! What a claim and a result cost in round trips to the database, so that it can't creep back, and that many together cost hardly more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chiffon_engine::verbs::{claim, dispatch, result};
use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::verbs::outcome::Outcome as Taken;
use chiffon_protocol::message::{HostResult, Outcome, WorkClaim, WorkResult};
use chiffon_protocol::topology::CLAIMS;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span;

/// `BEGIN`, of which sqlx does not tell.
const UNHEARD: usize = 1;

/// Hears of each statement that sqlx has sent.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

impl Visit for Statements {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "summary" {
            self.0.lock().expect("it is whole").push(format!("{value:?}"));
        }
    }
}

impl tracing::Subscriber for Statements {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What is done, and its statements.
async fn counted<T>(doing: impl Future<Output = T>) -> (T, Vec<String>) {
    let statements = Statements::default();
    let guard = tracing::subscriber::set_default(statements.clone());
    let done = doing.await;
    drop(guard);
    let all = statements.0.lock().expect("it is whole").clone();
    (done, all)
}

async fn claimed(site: &Site, claims: &[WorkClaim]) -> Vec<String> {
    let key = site.keys[0].id();
    let signed: Vec<claim::Signed<'_>> = claims.iter().map(|claim| claim::Signed { signer: key, claim }).collect();
    let (outcomes, statements) = counted(claim::run(&site.app.context, &signed)).await;
    assert!(outcomes.expect("they are answered").iter().all(|outcome| *outcome == Taken::Done));
    statements
}

async fn reported(site: &Site, results: &[WorkResult]) -> Vec<String> {
    let key = site.keys[0].id();
    let signed: Vec<result::Signed<'_>> = results.iter().map(|result| result::Signed { signer: key, result }).collect();
    let (outcomes, statements) = counted(result::run(&site.app.context, &signed)).await;
    assert!(outcomes.expect("they are applied").iter().all(|outcome| *outcome == Taken::Done));
    statements
}

/// The result of a run that tells what became of its host.
fn done(agent: &WireAgent, work: &Work) -> WorkResult {
    let hosts = work.request.hosts.iter().map(|host| HostResult { host: host.clone(), ok: 1, ..HostResult::default() }).collect();
    WorkResult { hosts, ..agent.whole(work, Outcome::Succeeded, &[1, 2, 3]) }
}

async fn with_many_hosts(site: &Site) -> WireAgent {
    let mut agent = WireAgent::silent(site, "infra-1", "infra-1", &site.keys[0], 1).await;
    agent.hello.hosts = BTreeMap::from([("all".to_owned(), (0..20).map(|number| format!("h{number}")).collect())]);
    agent.say(CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    agent
}

/// So many requests of one step, each on a host of its own, offered.
async fn offered(site: &Site, agent: &WireAgent, hosts: usize) -> Vec<Work> {
    let steps: Vec<Vec<Value>> = (0..hosts).map(|number| vec![step("one", &format!("h{number}"), &[])]).collect();
    for steps in &steps {
        site.approved(steps).await;
    }
    site.turn().await;
    let mut offered = Vec::new();
    while let Some(work) = agent.work().await {
        offered.push(work);
    }
    offered
}

#[tokio::test]
async fn a_claim_takes_ten_round_trips_and_a_result_sixteen_and_many_together_hardly_more() {
    let site = Site::start().await;
    let agent = with_many_hosts(&site).await;
    let works = offered(&site, &agent, 1).await;
    let claims: Vec<WorkClaim> = works.iter().map(|work| agent.claim_for(work)).collect();
    let results: Vec<WorkResult> = works.iter().map(|work| done(&agent, work)).collect();
    let one_claim = claimed(&site, &claims).await;
    assert!(!one_claim.is_empty() && one_claim.len() + UNHEARD <= 10, "{one_claim:#?}");
    let one_result = reported(&site, &results).await;
    assert!(!one_result.is_empty() && one_result.len() + UNHEARD <= 16, "{one_result:#?}");

    let works = offered(&site, &agent, 12).await;
    assert_eq!(works.len(), 12, "each has a host of its own");
    let claims: Vec<WorkClaim> = works.iter().map(|work| agent.claim_for(work)).collect();
    let results: Vec<WorkResult> = works.iter().map(|work| done(&agent, work)).collect();
    let many_claims = claimed(&site, &claims).await;
    assert_eq!(many_claims.len(), one_claim.len(), "{many_claims:#?}");
    let many_results = reported(&site, &results).await;
    assert!(many_results.len() <= one_result.len(), "{many_results:#?}");
}

#[tokio::test]
async fn many_offers_are_one_transaction() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    with_many_hosts(&site).await;
    let mut looks = Vec::new();
    for hosts in [0..1, 1..13] {
        let wanted = hosts.len();
        for number in hosts {
            site.approved(&[step("one", &format!("h{number}"), &[])]).await;
        }
        let (offered, statements) = counted(dispatch::run(&site.app.context)).await;
        assert_eq!(offered.expect("it looks"), wanted);
        looks.push(statements);
    }
    assert_eq!(looks[0].len(), looks[1].len(), "{:#?}", looks[1]);
}
