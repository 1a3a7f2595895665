//! The network away: refused, cut and half-open, for a moment, for longer than every lease, and for longer than a signature counts.
//! The processes stay; everything comes right by itself.

use std::time::Duration;

use chiffon_e2e::{Stage, StageOptions, eventually};
use chiffon_testkit::FaultProxy;
use serde_json::{Value, json};

use super::verdict::{all_is_well, nothing_is_left};

/// How the network is away, and for how long.
struct Absence {
    how: &'static str,
    take_away: fn(&FaultProxy),
    lasts: Duration,
}

// In place of two seconds, two minutes and twenty: below each lease, beyond each lease and claim, beyond each signature.
const FOR_A_MOMENT: Absence = Absence { how: "refused for a moment", take_away: FaultProxy::refuse, lasts: Duration::from_secs(2) };
const BEYOND_A_LEASE: Absence =
    Absence { how: "refused for longer than a lease", take_away: FaultProxy::refuse, lasts: Duration::from_secs(6) };
const HALF_OPEN: Absence =
    Absence { how: "half-open for longer than a lease", take_away: FaultProxy::hold, lasts: Duration::from_secs(12) };
const BEYOND_A_SIGNATURE: Absence =
    Absence { how: "refused for longer than a signature counts", take_away: FaultProxy::refuse, lasts: Duration::from_secs(15) };

async fn stage() -> Stage {
    let orchestrator =
        vec![("CHIFFON__DISPATCH__SIGNATURE_VALID_FOR", "10s".to_owned()), ("CHIFFON__HTTP__REQUEST_TIMEOUT", "6s".to_owned())];
    Stage::start(StageOptions { orchestrator, ..StageOptions::default() }).await
}

/// A walk in its middle: the request and its host.
async fn in_mid_walk(stage: &mut Stage) -> (String, String) {
    stage.agent_is_alive().await;
    let host = stage.new_host();
    stage.hold_walk(&host, true);
    let id = stage.ask_and_approve(&host).await;
    stage.has_begun(&host).await;
    (id, host)
}

async fn walked_once(stage: &Stage, how: &str, id: &str, host: &str) {
    let done = stage.request_when(id, &["completed", "failed", "cancelled"]).await;
    assert_eq!(done["status"], "completed", "{how}: {done:#}");
    let lines = stage.lines(host);
    assert_eq!((lines.began.len(), &lines.ended), (1, &lines.began), "{how}: walked once, and to the end");
}

async fn until_health_says(stage: &Stage, check: &str, wanted: &str) {
    eventually(&format!("health says that the {check} is {wanted}"), || async {
        let (_, health) = stage.answer("/health").await?;
        if health["checks"][check]["status"] == wanted { Ok(()) } else { Err(health.to_string()) }
    })
    .await;
}

fn neither_was_started_again(stage: &mut Stage) {
    assert_eq!(stage.serve().ended(), None, "the orchestrator runs on");
    assert_eq!(stage.agent().ended(), None, "the agent runs on");
}

/// Requests are taken and plays go on, and then all is told.
async fn the_broker_is_away(Absence { how, take_away, lasts }: Absence) {
    let mut stage = stage().await;
    let (running, running_on) = in_mid_walk(&mut stage).await;
    for link in [&stage.links.orchestrator, &stage.links.agent] {
        take_away(link);
    }
    until_health_says(&stage, "bus", "down").await;
    let (ready, answer) = stage.answer("/health/ready").await.expect("it answers");
    assert_eq!(ready, 503, "{how}: {answer:#}");
    let host = stage.new_host();
    let asked = stage.api().ask(&format!("walk on {host}")).await;
    let waiting = stage.request(&asked).await;
    // Planning needs no broker, so it may be over by now.
    assert!(waiting["status"] == "planning" || waiting["status"] == "awaiting_approval", "{how}: {waiting:#}");
    assert!(waiting["waiting_for"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{how}: it says what it waits for: {waiting:#}");
    stage.hold_walk(&running_on, false);
    stage.journal_is(&["finished"]).await;
    tokio::time::sleep(lasts).await;
    for link in [&stage.links.orchestrator, &stage.links.agent] {
        link.forward();
    }
    let planned = stage.request_when(&asked, &["awaiting_approval"]).await;
    stage.approve(&planned).await;
    walked_once(&stage, how, &running, &running_on).await;
    walked_once(&stage, how, &asked, &host).await;
    nothing_is_left(&stage, how).await;
    neither_was_started_again(&mut stage);
    all_is_well(&stage).await;
    stage.stop();
}

/// Calls are refused with a code and plays go on, and then all is recorded.
async fn the_database_is_away(Absence { how, take_away, lasts }: Absence) {
    let mut stage = stage().await;
    let (running, running_on) = in_mid_walk(&mut stage).await;
    take_away(&stage.links.database);
    until_health_says(&stage, "database", "down").await;
    let host = stage.new_host();
    let text = format!("walk on {host}");
    let (status, refused) = stage.api().try_post("/request", &json!({"text": text})).await.expect("an answer, and soon");
    assert_is_refused(how, status, &refused);
    let (status, refused) = stage.answer(&format!("/request/{running}")).await.expect("an answer, and soon");
    assert_is_refused(how, status, &refused);
    stage.hold_walk(&running_on, false);
    tokio::time::sleep(lasts).await;
    stage.links.database.forward();
    walked_once(&stage, how, &running, &running_on).await;
    until_health_says(&stage, "database", "ok").await;
    let asked = stage.ask_and_approve(&host).await;
    walked_once(&stage, how, &asked, &host).await;
    let recorded = stage.rows(&format!("SELECT id::text FROM requests WHERE text = '{text}'")).await.expect("the database answers");
    assert_eq!(recorded, [asked], "{how}: what was refused was not done later");
    nothing_is_left(&stage, how).await;
    neither_was_started_again(&mut stage);
    all_is_well(&stage).await;
    stage.stop();
}

mod while_the_broker_is_away_requests_are_taken_and_plays_go_on_and_then_all_is_told {
    use super::{BEYOND_A_LEASE, BEYOND_A_SIGNATURE, FOR_A_MOMENT, HALF_OPEN, the_broker_is_away};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn for_a_moment() {
        the_broker_is_away(FOR_A_MOMENT).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn for_longer_than_a_lease() {
        the_broker_is_away(BEYOND_A_LEASE).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn half_open_for_longer_than_a_lease() {
        the_broker_is_away(HALF_OPEN).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn for_longer_than_a_signature_counts() {
        the_broker_is_away(BEYOND_A_SIGNATURE).await;
    }
}

mod while_the_database_is_away_calls_are_refused_with_a_code_and_plays_go_on_and_then_all_is_recorded {
    use super::{BEYOND_A_LEASE, BEYOND_A_SIGNATURE, FOR_A_MOMENT, HALF_OPEN, the_database_is_away};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn for_a_moment() {
        the_database_is_away(FOR_A_MOMENT).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn for_longer_than_a_lease() {
        the_database_is_away(BEYOND_A_LEASE).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn half_open_for_longer_than_a_lease() {
        the_database_is_away(HALF_OPEN).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn for_longer_than_a_signature_counts() {
        the_database_is_away(BEYOND_A_SIGNATURE).await;
    }
}

/// 503 with the database's code, or that of a call that took too long.
fn assert_is_refused(how: &str, status: u16, answer: &Value) {
    assert!([503, 504].contains(&status), "{how}: {status}: {answer:#}");
    assert!([json!(5801), json!(5001)].contains(&answer["code"]), "{how}: {answer:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_dies_without_a_word_is_noticed_and_another_is_made() {
    let mut stage = stage().await;
    let (running, host) = in_mid_walk(&mut stage).await;
    // What is open now never hears of anything again; what is made anew leads to the database.
    stage.links.database.abandon();
    stage.hold_walk(&host, false);
    walked_once(&stage, "abandoned", &running, &host).await;
    nothing_is_left(&stage, "abandoned").await;
    neither_was_started_again(&mut stage);
    all_is_well(&stage).await;
    stage.stop();
}
