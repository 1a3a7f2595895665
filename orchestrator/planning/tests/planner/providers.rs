//! The chain of providers over HTTP, against everything that such servers do.

use std::sync::Arc;
use std::time::Duration;

use chiffon_models::planner::provider::config::{ProviderConfig, Strategy};
use chiffon_planning::planner::{Planned, Planner as _, PlannerChain, PlannerOptions, PlanningInput};
use chiffon_process::ids::RandomIds;
use chiffon_process::lifecycle::Shutdown;
use chiffon_process::traces::{Kind, Service, SpanId, Traces, Value as Told};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::money::MicroDollars;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::invented::{catalogue, fleet, request};
use crate::server::{Entry, HandClock, Notebook, Say, Server, provider};

/// A chain with what its test looks at.
pub struct Rig {
    /// The chain.
    pub chain: PlannerChain,
    /// What it told the ledger.
    pub notebook: Arc<Notebook>,
    clock: Arc<HandClock>,
}

/// More than any test spends.
pub const PLENTY: MicroDollars = MicroDollars::new(1_000_000_000);

/// A chain.
pub fn rig_with(providers: Vec<ProviderConfig>, strategy: Strategy, budget: MicroDollars) -> Rig {
    rig_within(providers, strategy, budget, Duration::from_mins(2))
}

/// A chain that is given so long.
pub fn rig_within(providers: Vec<ProviderConfig>, strategy: Strategy, budget: MicroDollars, round_within: Duration) -> Rig {
    made(providers, (strategy, round_within), budget, Traces::default())
}

fn made(providers: Vec<ProviderConfig>, (strategy, round_within): (Strategy, Duration), budget: MicroDollars, traces: Traces) -> Rig {
    let (notebook, clock) = (Notebook::new(budget), Arc::new(HandClock::default()));
    let options = PlannerOptions {
        providers,
        strategy,
        round_within,
        clock: Arc::clone(&clock) as _,
        ids: RandomIds::shared(),
        ledger: Arc::clone(&notebook) as _,
        shutdown: Shutdown::new(),
        traces,
    };
    Rig { chain: PlannerChain::new(options).expect("a chain"), notebook, clock }
}

/// A chain that asks in the order listed, with plenty to spend.
pub fn rig(providers: Vec<ProviderConfig>) -> Rig {
    rig_with(providers, Strategy::Quality, PLENTY)
}

/// Something that the catalogue can do.
pub fn input() -> PlanningInput {
    request("how hot is pluto", &Arc::new(catalogue()), &Arc::new(fleet()))
}

/// A plan for it.
pub fn good() -> Say {
    Say::Text(answer("temperature_report", &json!({"host": "pluto"})))
}

/// The text of a plan of one step.
pub fn answer(action: &str, parameters: &Value) -> String {
    let step =
        json!({"step_id": "look", "title": "Look at pluto", "action": action, "parameters": parameters.to_string(), "depends_on": []});
    json!({"kind": "plan", "text": "Look how hot pluto is", "steps": [step], "notes": []}).to_string()
}

/// Who made the plan.
pub async fn made_by(rig: &Rig) -> String {
    match rig.chain.plan(&input()).await.expect("planned") {
        Planned::Plan { draft, planned_by } => {
            assert_eq!(draft.steps[0].action, "temperature_report");
            planned_by.provider
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_good_plan_is_taken_and_paid_for_by_what_the_provider_counted() {
    let server = Server::new(vec![good()]).await;
    let rig = rig(vec![server.provider("one")]);
    assert_eq!(made_by(&rig).await, "one");
    let settled = rig.notebook.settled();
    assert_eq!((settled[0].state, settled[0].tries, settled[0].input_tokens), ("succeeded", 1, Some(1000)));
    assert_eq!(settled[0].cost, MicroDollars::new(4_500));
    let heard = server.heard();
    assert_eq!(heard[0].pointer("/response_format/json_schema/strict"), Some(&json!(true)));
    let told = heard[0]["messages"].to_string();
    assert!(told.contains("create_dns_record") && told.contains("pluto") && told.contains("how hot is pluto"));
}

#[tokio::test]
async fn every_shape_of_429_is_tried_again() {
    for body in [
        r#"{"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limit_exceeded"}}"#,
        "Too Many Requests",
        r#"{"error": "too many"}"#,
        r#"{"error": {"message": "slow", "code": 429}}"#,
    ] {
        let server = Server::new(vec![Say::Status(429, body, None), good()]).await;
        let rig = rig(vec![server.provider("one")]);
        assert_eq!(made_by(&rig).await, "one", "{body}");
        assert_eq!(rig.notebook.settled()[0].tries, 2, "{body}");
    }
}

#[tokio::test]
async fn a_provider_that_stays_limited_is_passed_over_with_its_words() {
    for body in [r#"{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}"#, "slow down", r#"{"error": "slow down"}"#] {
        let limited = Server::new(vec![Say::Status(429, body, None), Say::Status(429, body, None)]).await;
        let other = Server::new(vec![good()]).await;
        let rig = rig(vec![limited.provider("one"), other.provider("two")]);
        assert_eq!(made_by(&rig).await, "two");
        let settled = rig.notebook.settled();
        let error = settled[0].error.clone().expect("an error");
        assert_eq!((settled[0].state, settled[0].cost, error.code), ("failed", MicroDollars::ZERO, ErrorCode::ProviderRateLimited));
        assert!(error.message.contains("HTTP 429: slow down"), "{error}");
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_up_to_the_cap_as_seconds_and_as_a_date() {
    let begun = std::time::Instant::now();
    let server = Server::new(vec![Say::Status(429, "wait", Some("1".to_owned())), good()]).await;
    assert_eq!(made_by(&rig(vec![server.provider("one")])).await, "one");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());

    let begun = std::time::Instant::now();
    // The test's clock stands at Tue, 14 Nov 2023 22:13:20 GMT.
    let server = Server::new(vec![Say::Status(503, "wait", Some("Tue, 14 Nov 2023 22:13:21 GMT".to_owned())), good()]).await;
    assert_eq!(made_by(&rig(vec![server.provider("one")])).await, "one");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());

    for far in ["3600", "Wed, 15 Nov 2023 22:13:20 GMT"] {
        let server = Server::new(vec![Say::Status(429, "come back later", Some(far.to_owned()))]).await;
        let provider = ProviderConfig { retry_after_cap: Duration::from_mins(1), ..server.provider("one") };
        let begun = std::time::Instant::now();
        assert_eq!(made_by(&rig(vec![provider])).await, "offline");
        assert!(begun.elapsed() < Duration::from_secs(30), "not for as long as the cap: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_spent_quota_and_a_wrong_key_are_not_tried_again() {
    for (status, body, code) in [
        (429, r#"{"error": {"message": "no credit", "code": "insufficient_quota"}}"#, ErrorCode::ProviderRateLimited),
        (401, r#"{"error": {"message": "bad key"}}"#, ErrorCode::ProviderRefused),
    ] {
        let server = Server::new(vec![Say::Status(status, body, None)]).await;
        let rig = rig(vec![server.provider("one")]);
        assert_eq!(made_by(&rig).await, "offline");
        let settled = rig.notebook.settled();
        assert_eq!((settled[0].tries, settled[0].error.as_ref().map(|error| error.code)), (1, Some(code)));
    }
}

#[tokio::test]
async fn trouble_of_the_server_is_tried_again_and_then_passed_over() {
    let server = Server::new(vec![Say::Status(500, "oops", None), Say::Status(502, "<html>bad gateway</html>", None)]).await;
    let rig = rig(vec![server.provider("one")]);
    assert_eq!(made_by(&rig).await, "offline");
    let settled = rig.notebook.settled();
    assert_eq!((settled[0].state, settled[0].tries), ("failed", 2));
    assert!(settled[0].error.as_ref().is_some_and(|error| error.message.contains("HTTP 502")));
}

#[tokio::test]
async fn a_timeout_counts_as_spent_and_is_repeated_at_most_once() {
    let server = Server::new(vec![Say::Silence, Say::Silence]).await;
    let config = ProviderConfig { timeout: Duration::from_millis(100), max_tries: 5, ..server.provider("one") };
    let rig = rig(vec![config]);
    assert_eq!(made_by(&rig).await, "offline");
    let entries = rig.notebook.entries();
    let [Entry::Reserved(_, worst), Entry::Settled(settled)] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((settled.state, settled.tries), ("uncertain", 2));
    assert_eq!(settled.cost, *worst);
    assert_eq!(settled.error.as_ref().map(|error| error.code), Some(ErrorCode::ProviderTimeout));
}

#[tokio::test]
async fn a_refused_connection_costs_nothing() {
    let url = Server::new(Vec::new()).await.url.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let free = format!("http://{}/v1", listener.local_addr().expect("address"));
    drop(listener);
    assert_ne!(url, free);
    let rig = rig(vec![provider("one", &free)]);
    assert_eq!(made_by(&rig).await, "offline");
    let settled = rig.notebook.settled();
    assert_eq!((settled[0].state, settled[0].cost, settled[0].tries), ("failed", MicroDollars::ZERO, 2));
    assert!(settled[0].error.as_ref().is_some_and(|error| error.message.contains("can't be reached")), "{settled:?}");
}

#[tokio::test]
async fn what_is_no_chat_completion_is_passed_over_and_counted() {
    let server = Server::new(vec![Say::Status(200, "{\"choices\": [", None)]).await;
    let rig = rig(vec![server.provider("one")]);
    assert_eq!(made_by(&rig).await, "offline");
    let settled = rig.notebook.settled();
    assert_eq!((settled[0].state, settled[0].tries), ("invalid", 1));
    assert!(settled[0].cost > MicroDollars::ZERO);
}

#[tokio::test]
async fn an_invalid_plan_is_repaired_once_with_the_list_of_what_is_wrong() {
    let wrong = answer("temperature_reprot", &json!({"host": "pluto"}));
    let server = Server::new(vec![
        Say::Text(wrong.clone()),
        Say::Text(format!("Sorry! Here it is:\n```json\n{}\n```", answer("temperature_report", &json!({"host": "pluto"})))),
    ])
    .await;
    let rig = rig(vec![server.provider("one")]);
    assert_eq!(made_by(&rig).await, "one");
    let settled = rig.notebook.settled();
    assert_eq!((settled[0].state, settled[1].state), ("invalid", "succeeded"));
    assert_eq!(settled[0].answer.as_ref(), Some(&wrong));
    let repair = server.heard()[1]["messages"].to_string();
    assert!(repair.contains("did you mean `temperature_report`?"), "{repair}");
}

#[tokio::test]
async fn a_plan_that_is_invalid_twice_is_left_to_the_next_provider() {
    for wrong in [
        answer("temperature_report", &json!({"host": "mars"})),
        "I would rather talk.".to_owned(),
        answer("reboot_machine", &json!({"host": ["pluto"], "command": "rm -rf /"})),
    ] {
        let first = Server::new(vec![Say::Text(wrong.clone()), Say::Text(wrong)]).await;
        let second = Server::new(vec![good()]).await;
        let rig = rig(vec![first.provider("one"), second.provider("two")]);
        match rig.chain.plan(&input()).await.expect("planned") {
            Planned::Plan { draft, planned_by } => {
                assert_eq!(planned_by.provider, "two");
                assert!(draft.notes.iter().any(|note| note.contains("`one` gave an invalid plan twice")), "{:?}", draft.notes);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn questions_and_refusals_of_a_model_are_passed_on() {
    let server = Server::new(vec![
        Say::Text(json!({"kind": "question", "text": "Which machine?"}).to_string()),
        Say::Text(json!({"kind": "impossible", "text": "Nothing does that."}).to_string()),
    ])
    .await;
    let rig = rig(vec![server.provider("one")]);
    assert!(matches!(rig.chain.plan(&input()).await.expect("planned"), Planned::Question { text, .. } if text == "Which machine?"));
    assert!(
        matches!(rig.chain.plan(&input()).await.expect("planned"), Planned::Impossible(problem) if problem.code == ErrorCode::CannotPlan)
    );
}

#[tokio::test]
async fn a_streamed_answer_counts_only_when_it_is_whole() {
    let text = answer("temperature_report", &json!({"host": "pluto"}));
    let server = Server::new(vec![Say::Stream(text.clone(), false), Say::Stream(text, true)]).await;
    let rig = rig(vec![ProviderConfig { stream: true, ..server.provider("one") }]);
    assert_eq!(made_by(&rig).await, "one");
    let settled = rig.notebook.settled();
    assert_eq!((settled[0].state, settled[0].tries, settled[0].output_tokens), ("succeeded", 2, Some(100)));
    assert!(settled[0].cost > MicroDollars::new(4_500), "the broken try counts too: {}", settled[0].cost);
    assert_eq!(server.heard()[0]["stream"], true);
}

#[tokio::test]
async fn a_spent_budget_passes_a_provider_over_without_a_call() {
    let server = Server::new(Vec::new()).await;
    let over_month = rig(vec![ProviderConfig { monthly_budget_usd: Some(MicroDollars::new(100)), ..server.provider("one") }]);
    assert_eq!(made_by(&over_month).await, "offline");
    let over_request = rig(vec![server.provider("one")]);
    let planned = over_request.chain.plan(&PlanningInput { budget_left: Some(MicroDollars::new(100)), ..input() }).await;
    assert!(matches!(planned, Ok(Planned::Plan { planned_by, .. }) if planned_by.provider == "offline"));
    for rig in [over_month, over_request] {
        let entries = rig.notebook.entries();
        assert!(
            matches!(&entries[..], [Entry::Skipped(name, problem)] if name == "one" && problem.code == ErrorCode::BudgetSpent),
            "{entries:?}"
        );
    }
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn a_breaker_opens_after_failures_and_lets_one_call_try_again() {
    let server = Server::new(vec![Say::Status(500, "a", None), Say::Status(500, "b", None), Say::Status(500, "c", None), good()]).await;
    let config = ProviderConfig { breaker_failures: 2, breaker_cool_down: Duration::from_mins(1), max_tries: 1, ..server.provider("one") };
    let rig = rig(vec![config]);
    for _ in 0..3 {
        assert_eq!(made_by(&rig).await, "offline");
    }
    assert_eq!(server.heard().len(), 2, "the third time it was left alone");
    assert!(matches!(rig.notebook.entries().last(), Some(Entry::Skipped(_, problem)) if problem.message.contains("60 s")));
    assert!(rig.chain.health()[0].1.contains("left alone"), "{:?}", rig.chain.health());
    rig.clock.advance(Duration::from_mins(1));
    assert_eq!(made_by(&rig).await, "offline");
    assert_eq!(made_by(&rig).await, "offline");
    assert_eq!(server.heard().len(), 3, "one call tried, and failed");
    rig.clock.advance(Duration::from_mins(1));
    assert_eq!(made_by(&rig).await, "one");
    assert_eq!(rig.chain.health(), [("one".to_owned(), "ready".to_owned()), ("offline".to_owned(), "ready".to_owned())]);
}

#[tokio::test]
async fn the_cost_strategy_asks_the_cheapest_first_for_routine_requests_only() {
    let (dear, cheap) = (Server::new(vec![good()]).await, Server::new(vec![good()]).await);
    let local = ProviderConfig {
        input_usd_per_million_tokens: MicroDollars::ZERO,
        output_usd_per_million_tokens: MicroDollars::ZERO,
        ..cheap.provider("local")
    };
    let rig = rig_with(vec![dear.provider("dear"), local], Strategy::Cost, PLENTY);
    assert_eq!(made_by(&rig).await, "local");
    let long = "first look how hot pluto is and then, if it is too hot, stop the factorio server there, but only after a backup of the orders database, and finally tell me what it was";
    let planned = rig.chain.plan(&request(long, &Arc::new(catalogue()), &Arc::new(fleet()))).await;
    assert!(matches!(planned, Ok(Planned::Plan { planned_by, .. }) if planned_by.provider == "dear"));
}

#[tokio::test]
async fn a_provider_without_its_key_is_passed_over_and_says_so() {
    let server = Server::new(Vec::new()).await;
    let rig = rig(vec![ProviderConfig { api_key_env: Some("CHIFFON_TEST_NO_SUCH_KEY".to_owned()), ..server.provider("one") }]);
    assert_eq!(made_by(&rig).await, "offline");
    assert!(rig.chain.health()[0].1.contains("CHIFFON_TEST_NO_SUCH_KEY"), "{:?}", rig.chain.health());
    assert!(matches!(&rig.notebook.entries()[..], [Entry::Skipped(..)]));
}

#[tokio::test]
async fn when_nobody_can_plan_it_every_reason_is_given() {
    let server = Server::new(vec![Say::Status(401, "bad key", None)]).await;
    let rig = rig(vec![server.provider("one")]);
    let planned = rig.chain.plan(&request("order a pizza", &Arc::new(catalogue()), &Arc::new(fleet()))).await.expect("planned");
    let Planned::Impossible(problem) = planned else { panic!("{planned:?}") };
    assert_eq!(problem.code, ErrorCode::NoProviderLeft);
    assert!(problem.message.contains("HTTP 401") && problem.message.contains("you could ask"), "{problem}");
}

#[tokio::test]
async fn each_call_is_a_span_of_its_round_with_what_it_took_and_without_what_was_said() {
    let limited = Server::new(vec![Say::Status(429, "slow down", None), Say::Status(429, "slow down", None)]).await;
    let other = Server::new(vec![good()]).await;
    let (traces, mut line) = Traces::new(Service { name: "chiffon-orchestrator", instance: "test".to_owned() }, 1.0);
    let providers = vec![limited.provider("one"), other.provider("two")];
    let rig = made(providers, (Strategy::Quality, Duration::from_mins(2)), PLENTY, traces);
    let round = SpanId::of_message(Uuid::from_u128(42 << 64));
    let asked = PlanningInput { span: Some(round), ..input() };
    assert!(matches!(rig.chain.plan(&asked).await, Ok(Planned::Plan { .. })));
    let calls: Vec<_> = std::iter::from_fn(|| line.try_recv().ok()).map(|ended| ended.span).collect();
    let [refused, answered] = calls.as_slice() else { panic!("{calls:#?}") };
    for (call, name) in [(refused, "one"), (answered, "two")] {
        assert_eq!((call.kind, call.parent), (Kind::Client, Some(round)));
        assert_eq!(call.get("gen_ai.provider.name"), Some(&Told::from(name)));
        assert_eq!(call.get("gen_ai.operation.name"), Some(&Told::from("chat")));
        assert_eq!(call.get("server.address"), Some(&Told::from("127.0.0.1")));
    }
    assert_eq!(refused.error.as_deref(), Some(ErrorCode::ProviderRateLimited.number().to_string().as_str()));
    assert_eq!(refused.get("gen_ai.usage.input_tokens"), None, "nobody counted");
    assert_eq!((answered.error.as_deref(), answered.get("gen_ai.usage.input_tokens")), (None, Some(&Told::from(1_000_u64))));
    let told = format!("{calls:?}");
    for said in ["pluto", "temperature_report", "slow down"] {
        assert!(!told.contains(said), "`{said}` was said: {told}");
    }
}
