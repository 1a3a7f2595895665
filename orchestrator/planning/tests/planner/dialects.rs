//! What compatible servers do differently: where the answer stands, what they refuse, how they ask to wait, what they count.

use std::sync::Arc;
use std::time::Duration;

use chiffon_models::planner::provider::config::{ProviderConfig, Strategy};
use chiffon_planning::planner::{Planned, Planner as _};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::money::MicroDollars;
use serde_json::{Value, json};

use crate::invented::{catalogue, fleet, request};
use crate::providers::{PLENTY, answer, good, input, made_by, rig, rig_with};
use crate::server::{Entry, Say, Server, completion};

fn plan() -> String {
    answer("temperature_report", &json!({"host": "pluto"}))
}

fn says(message: &Value, finish: &str) -> Say {
    Say::Body("application/json", completion(message, finish, &json!({"prompt_tokens": 1000, "completion_tokens": 100})))
}

#[tokio::test]
async fn the_model_is_shown_the_schema_whatever_form_is_asked_for() {
    for structured in ["json_schema", "json_object", "none"] {
        let server = Server::new(vec![good()]).await;
        let structured = serde_json::from_value(json!(structured)).expect("a form");
        assert_eq!(made_by(&rig(vec![ProviderConfig { structured, ..server.provider("one") }])).await, "one");
        let told = server.heard()[0]["messages"][0]["content"].to_string();
        assert!(told.contains("JSON Schema") && told.contains("depends_on") && told.contains("impossible"), "{told}");
    }
}

#[tokio::test]
async fn a_provider_that_refuses_a_form_of_answers_is_asked_with_a_weaker_one_and_remembered() {
    let no = r#"{"error": {"message": "response_format is not supported"}}"#;
    let server = Server::new(vec![Say::Status(400, no, None), Say::Status(422, no, None), good(), good()]).await;
    let rig = rig(vec![server.provider("one")]);
    assert_eq!(made_by(&rig).await, "one");
    assert_eq!(made_by(&rig).await, "one");
    let forms: Vec<Value> = server.heard().iter().map(|body| body["response_format"]["type"].clone()).collect();
    assert_eq!(forms, [json!("json_schema"), json!("json_object"), Value::Null, Value::Null]);
    assert_eq!(rig.notebook.settled().iter().map(|settled| settled.tries).collect::<Vec<_>>(), [3, 1]);
}

#[tokio::test]
async fn what_is_refused_in_every_form_is_told_in_the_words_of_the_first_and_nothing_is_remembered() {
    let refusals = [400; 3].map(|status| Say::Status(status, r#"{"error": {"message": "no such model"}}"#, None));
    let server = Server::new([refusals.to_vec(), vec![good()]].concat()).await;
    let rig = rig(vec![server.provider("one")]);
    assert_eq!(made_by(&rig).await, "offline");
    assert!(rig.notebook.settled()[0].error.as_ref().is_some_and(|error| error.message.contains("no such model")));
    assert_eq!(made_by(&rig).await, "one");
    assert_eq!(server.heard()[3]["response_format"]["type"], "json_schema");
}

#[tokio::test]
async fn an_answer_is_found_in_parts_in_tool_calls_and_in_a_stream_that_nobody_asked_for() {
    let chunk = |part: &str| format!("data: {}\n\n", json!({"choices": [{"delta": {"content": part}}]}));
    let (text, usage) = (plan(), json!({"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}));
    let (first, second) = text.split_at_checked(text.len() / 2).expect("ASCII");
    let stream = format!(
        "{}{}data: {{\"choices\": [{{\"finish_reason\": \"stop\"}}]}}\n\ndata: {usage}\n\ndata: [DONE]\n\n",
        chunk(first),
        chunk(second)
    );
    for say in [
        says(&json!({"content": [{"type": "text", "text": text}]}), "stop"),
        says(
            &json!({"content": null, "tool_calls": [{"type": "function", "function": {"name": "answer", "arguments": text}}]}),
            "tool_calls",
        ),
        Say::Body("text/event-stream", stream.clone()),
        Say::Body("application/octet-stream", stream),
    ] {
        let server = Server::new(vec![say.clone()]).await;
        let rig = rig(vec![server.provider("one")]);
        assert_eq!(made_by(&rig).await, "one", "{say:?}");
        assert_eq!(rig.notebook.settled()[0].cost, MicroDollars::new(4_500), "{say:?}");
    }
    let server = Server::new(vec![says(&json!({"content": text}), "stop")]).await;
    assert_eq!(
        made_by(&rig(vec![ProviderConfig { stream: true, ..server.provider("one") }])).await,
        "one",
        "a whole answer instead of a stream"
    );
}

#[tokio::test]
async fn members_that_were_not_asked_for_cost_a_good_answer_nothing() {
    let mut answer: Value = serde_json::from_str(&plan()).expect("JSON");
    answer["confidence"] = json!(0.9);
    answer["steps"][0]["reasoning"] = json!({"because": ["it is hot"]});
    let server = Server::new(vec![Say::Text(answer.to_string())]).await;
    let rig = rig(vec![server.provider("one")]);
    assert_eq!(made_by(&rig).await, "one");
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn when_one_model_says_impossible_the_next_is_asked_and_the_words_are_kept() {
    let impossible = |words: &str| Say::Text(json!({"kind": "impossible", "text": words}).to_string());
    let (first, second) = (Server::new(vec![impossible("Nothing measures heat.")]).await, Server::new(vec![good()]).await);
    let planned = rig(vec![first.provider("one"), second.provider("two")]).chain.plan(&input()).await;
    let Ok(Planned::Plan { draft, planned_by }) = planned else { panic!("{planned:?}") };
    assert_eq!(planned_by.provider, "two");
    assert!(draft.notes.iter().any(|note| note.contains("`one`") && note.contains("Nothing measures heat.")), "{:?}", draft.notes);

    let (first, second) =
        (Server::new(vec![impossible("Nothing measures heat.")]).await, Server::new(vec![impossible("No thermometer.")]).await);
    let planned = rig(vec![first.provider("one"), second.provider("two")]).chain.plan(&input()).await;
    let Ok(Planned::Impossible(problem)) = planned else { panic!("{planned:?}") };
    assert_eq!(problem.code, ErrorCode::CannotPlan);
    assert!(problem.message.contains("Nothing measures heat.") && problem.message.contains("No thermometer."), "{problem}");
}

#[tokio::test]
async fn the_words_of_a_model_that_declines_are_shown_and_the_next_is_asked() {
    for message in [
        json!({"content": null, "refusal": "I can't help\u{1b}[2J with that."}),
        json!({"content": [{"type": "refusal", "refusal": "I can't help\u{1b}[2J with that."}]}),
    ] {
        let (first, second) = (Server::new(vec![says(&message, "stop")]).await, Server::new(vec![good()]).await);
        let rig = rig(vec![first.provider("one"), second.provider("two")]);
        let Ok(Planned::Plan { draft, planned_by }) = rig.chain.plan(&input()).await else { panic!("a plan") };
        assert_eq!(planned_by.provider, "two");
        assert!(draft.notes.iter().any(|note| note.contains(r"I can't help\u{1b}[2J with that.")), "{:?}", draft.notes);
        assert_eq!(rig.notebook.settled()[0].error.as_ref().map(|error| error.code), Some(ErrorCode::ModelDeclined));
        assert!(rig.chain.health().iter().all(|(_, state)| state == "ready"), "a model that declines is not away");
    }
}

#[tokio::test]
async fn empty_refused_and_cut_answers_are_booked_by_what_the_provider_counted() {
    let no_words: [(Value, &str); 4] = [
        (json!({"content": ""}), "stop"),
        (json!({"content": null, "refusal": "No."}), "stop"),
        (json!({"content": "half"}), "content_filter"),
        (json!({"content": "{\"kind\":"}), "length"),
    ];
    for (message, finish) in no_words {
        let server = Server::new(vec![says(&message, finish)]).await;
        let rig = rig(vec![ProviderConfig { max_output_tokens: 500, ..server.provider("one") }]);
        assert_eq!(made_by(&rig).await, "offline", "{message}");
        let settled = rig.notebook.settled();
        assert_eq!((settled.len(), settled[0].state, settled[0].output_tokens), (1, "invalid", Some(100)), "{message}");
        assert_eq!(settled[0].cost, MicroDollars::new(4_500), "{message}");
    }
}

#[tokio::test]
async fn a_call_is_reserved_by_its_tokens_and_a_model_that_needs_more_is_given_more() {
    let server = Server::new(vec![good(), Say::Needs(3000, plan()), Say::Needs(3000, plan()), Say::Needs(3000, plan())]).await;
    let rig = rig(vec![server.provider("one")]);
    assert_eq!(made_by(&rig).await, "one");
    let entries = rig.notebook.entries();
    let [Entry::Reserved(_, reserved), Entry::Settled(settled)] = &entries[..] else { panic!("{entries:?}") };
    assert!(*reserved < settled.cost.times(15), "{reserved} for {}", settled.cost);
    assert_eq!(made_by(&rig).await, "one");
    assert_eq!(made_by(&rig).await, "one");
    let limits: Vec<Value> = server.heard().iter().map(|body| body["max_tokens"].clone()).collect();
    assert_eq!(limits, [1024, 1024, 4096, 4096]);
}

#[tokio::test]
async fn every_header_that_asks_to_wait_is_heeded() {
    for headers in [
        &[("retry-after-ms", "300")][..],
        &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "300ms")][..],
        &[("retry-after", "0.3")][..],
    ] {
        let begun = std::time::Instant::now();
        let server = Server::new(vec![Say::Headers(429, headers, "slow down"), good()]).await;
        assert_eq!(made_by(&rig(vec![server.provider("one")])).await, "one");
        assert!(begun.elapsed() >= Duration::from_millis(300), "{headers:?}: {:?}", begun.elapsed());
    }
    let server = Server::new(vec![Say::Headers(429, &[("x-ratelimit-reset-tokens", "6m0s")], "slow down")]).await;
    assert_eq!(made_by(&rig(vec![server.provider("one")])).await, "offline", "longer than the cap");
}

#[tokio::test]
async fn the_cost_strategy_leaves_what_could_do_harm_to_the_first() {
    let asked = [
        "remove the backup of pluto with all its data",
        "restore the orders database on pluto",
        "wipe pluto",
        "stopping factorio on pluto",
    ];
    for text in asked {
        let (dear, cheap) = (Server::new(vec![good()]).await, Server::new(Vec::new()).await);
        let local = ProviderConfig {
            input_usd_per_million_tokens: MicroDollars::ZERO,
            output_usd_per_million_tokens: MicroDollars::ZERO,
            ..cheap.provider("local")
        };
        let rig = rig_with(vec![dear.provider("dear"), local], Strategy::Cost, PLENTY);
        let planned = rig.chain.plan(&request(text, &Arc::new(catalogue()), &Arc::new(fleet()))).await;
        assert!(matches!(&planned, Ok(Planned::Plan { planned_by, .. }) if planned_by.provider == "dear"), "{text}: {planned:?}");
    }
}
