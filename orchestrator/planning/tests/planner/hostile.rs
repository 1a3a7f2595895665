//! Models that answer without end, with texts that no plan needs, with counts that nobody can have used, and with anything at all.

use std::time::Duration;

use chiffon_models::planner::provider::config::ProviderConfig;
use chiffon_models::planner::provider::wire::{self, Heard};
use chiffon_planning::planner::provider::answer;
use chiffon_planning::planner::{Planned, Planner as _};
use chiffon_protocol::ErrorCode;
use chiffon_protocol::money::MicroDollars;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::providers::{PLENTY, answer as plan, good, input, made_by, rig, rig_with, rig_within};
use crate::server::{Entry, Say, Server, completion};

fn plan_with(change: impl Fn(&mut Value)) -> Say {
    let mut plan: Value = serde_json::from_str(&plan("temperature_report", &json!({"host": "pluto"}))).expect("JSON");
    change(&mut plan);
    Say::Text(plan.to_string())
}

#[tokio::test]
async fn an_answer_without_end_is_read_up_to_a_bound_and_passed_over() {
    for (kind, beginning) in [
        ("application/json", r#"{"choices": [{"message": {"content": ""#),
        ("text/event-stream", "data: {\"choices\": [{\"delta\": {\"content\": \""),
        ("text/html", "<html>"),
    ] {
        let endless = Server::new(vec![Say::Endless(200, kind, beginning)]).await;
        let second = Server::new(vec![good()]).await;
        let rig = rig(vec![ProviderConfig { timeout: Duration::from_mins(1), ..endless.provider("one") }, second.provider("two")]);
        assert_eq!(made_by(&rig).await, "two", "{kind}");
        let settled = rig.notebook.settled();
        assert_eq!((settled[0].state, settled[0].tries), ("invalid", 1), "{kind}");
        assert_eq!(settled[0].error.as_ref().map(|error| error.code), Some(ErrorCode::AnswerTooLong), "{kind}");
        assert!(settled[0].cost > MicroDollars::ZERO, "it may have been charged");
        assert!(endless.sent_bytes() < 16 * 1024 * 1024, "{kind}: {} bytes were taken", endless.sent_bytes());
    }
}

#[tokio::test]
async fn a_refusal_without_end_is_read_up_to_a_bound() {
    let endless = Server::new(vec![Say::Endless(401, "text/plain", "no such key ")]).await;
    let rig = rig(vec![ProviderConfig { timeout: Duration::from_mins(1), ..endless.provider("one") }]);
    assert_eq!(made_by(&rig).await, "offline");
    let error = rig.notebook.settled()[0].error.clone().expect("an error");
    assert!(error.message.contains("HTTP 401: no such key") && error.message.len() < 1000, "{error}");
    assert!(endless.sent_bytes() < 16 * 1024 * 1024, "{} bytes were taken", endless.sent_bytes());
}

#[tokio::test]
async fn a_text_that_is_longer_than_any_plan_needs_is_repaired_once_and_then_passed_over() {
    let long = || {
        [
            plan_with(|plan| plan["notes"] = json!(["x".repeat(50_000)])),
            plan_with(|plan| plan["text"] = json!("x".repeat(50_000))),
            plan_with(|plan| plan["steps"][0]["title"] = json!("x".repeat(50_000))),
            plan_with(|plan| plan["notes"] = json!(vec!["x"; 500])),
            plan_with(|plan| plan["steps"][0]["depends_on"] = json!(vec!["x".repeat(50_000)])),
            plan_with(|plan| plan["kind"] = json!("x".repeat(50_000))),
        ]
    };
    for say in long() {
        let first = Server::new(vec![say.clone(), say]).await;
        let second = Server::new(vec![good()]).await;
        let rig = rig(vec![first.provider("one"), second.provider("two")]);
        let Planned::Plan { draft, planned_by } = rig.chain.plan(&input()).await.expect("planned") else { panic!("a plan") };
        assert_eq!(planned_by.provider, "two");
        let stored = serde_json::to_string(&draft).expect("JSON").len();
        assert!(stored < 4000, "{stored} bytes of plan");
        for settled in rig.notebook.settled() {
            let error = settled.error.map(|error| error.message).unwrap_or_default();
            assert!(settled.answer.unwrap_or_default().len() <= 16_000 && error.len() < 1000, "{error}");
        }
        assert!(first.heard()[1].to_string().len() < 60_000, "the repair repeats it in part only");
    }
    for say in long() {
        let server = Server::new(vec![say, good()]).await;
        assert_eq!(made_by(&rig(vec![server.provider("one")])).await, "one", "the repaired answer counts");
    }
}

#[tokio::test]
async fn a_text_that_no_database_stores_is_repaired() {
    for say in [
        plan_with(|plan| plan["notes"] = json!(["a\0b"])),
        plan_with(|plan| plan["text"] = json!("a\0b")),
        plan_with(|plan| plan["steps"][0]["step_id"] = json!("a\0b")),
        plan_with(|plan| plan["steps"][0]["parameters"] = json!({"host": "pluto\0"})),
        plan_with(|plan| plan["steps"][0]["parameters"] = json!({"host": "pluto", "deep": [{"x\0": 1}]})),
        plan_with(|plan| plan["kind"] = json!("a\0b")),
        Say::Text("I would \0 rather not".to_owned()),
        Say::Text("{\"kind\": \"plan\", \"text\": \"\\ud800\"}".to_owned()),
    ] {
        let server = Server::new(vec![say.clone(), good()]).await;
        assert_eq!(made_by(&rig(vec![server.provider("one")])).await, "one", "{say:?}");
    }
}

#[tokio::test]
async fn counts_that_nobody_can_have_used_are_held_to_what_is_possible_and_noted() {
    let message = json!({"content": plan("temperature_report", &json!({"host": "pluto"}))});
    for (usage, note) in [
        (json!({"prompt_tokens": 1e15, "completion_tokens": 1e300}), true),
        (json!({"prompt_tokens": -1_000_000_000_i64, "completion_tokens": -5}), true),
        (json!({"prompt_tokens": "inf", "completion_tokens": "-inf"}), false),
        (json!({"prompt_tokens": "1000", "completion_tokens": "100"}), false),
        (json!({"prompt_tokens": "NaN", "completion_tokens": []}), false),
        (json!("lots"), false),
    ] {
        let server = Server::new(vec![Say::Body("application/json", completion(&message, "stop", &usage))]).await;
        let rig = rig_with(vec![server.provider("one")], chiffon_models::planner::provider::config::Strategy::Quality, PLENTY);
        let Planned::Plan { draft, planned_by } = rig.chain.plan(&input()).await.expect("planned") else { panic!("a plan") };
        assert_eq!(planned_by.provider, "one", "{usage}");
        assert_eq!(draft.notes.iter().any(|note| note.contains("is not believed")), note, "{usage}: {:?}", draft.notes);
        let entries = rig.notebook.entries();
        let [Entry::Reserved(_, worst), Entry::Settled(settled)] = &entries[..] else { panic!("{entries:?}") };
        assert!(settled.cost >= MicroDollars::ZERO && settled.cost <= *worst, "{usage}: {} of {worst}", settled.cost);
        assert_eq!(settled.state, "succeeded");
        assert_eq!(settled.error.as_ref().map(|error| error.code), note.then_some(ErrorCode::UsageNotBelieved));
        assert!(settled.input_tokens.unwrap_or(0) >= 0 && settled.output_tokens.unwrap_or(0) >= 0);
    }
}

#[tokio::test]
async fn models_that_hang_cost_no_more_than_the_round_may_take_and_leave_time_to_the_next() {
    let begun = std::time::Instant::now();
    let hanging = Server::new(vec![Say::Silence]).await;
    let quick = Server::new(vec![good()]).await;
    let slow = |server: &Server, name| ProviderConfig { timeout: Duration::from_mins(1), max_tries: 3, ..server.provider(name) };
    let rig = rig_within(
        vec![slow(&hanging, "one"), slow(&quick, "two")],
        chiffon_models::planner::provider::config::Strategy::Quality,
        PLENTY,
        Duration::from_secs(2),
    );
    assert_eq!(made_by(&rig).await, "two");
    assert_eq!(rig.notebook.settled()[0].error.as_ref().map(|error| error.code), Some(ErrorCode::ProviderTimeout));

    let all = Server::new(vec![Say::Silence, Say::Silence, Say::Silence]).await;
    let providers = vec![slow(&all, "one"), slow(&all, "two"), slow(&all, "three")];
    let rig = rig_within(providers, chiffon_models::planner::provider::config::Strategy::Quality, PLENTY, Duration::from_secs(1));
    assert_eq!(made_by(&rig).await, "offline");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn whatever_a_server_answers_the_request_is_planned() {
    let bodies = [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "data: [DONE]\n\n",
        "data: 7\n\n",
        "\u{feff}{}",
        r#"{"choices": {"0": 1}}"#,
        r#"{"choices": [null]}"#,
        r#"{"choices": [{"message": 7}]}"#,
        r#"{"choices": [{"message": {"content": {}, "tool_calls": {"0": 1}}}], "usage": -1}"#,
        r#"{"error": {"message": {"deep": [1]}}}"#,
    ];
    for body in bodies {
        for kind in ["application/json", "text/event-stream"] {
            let server = Server::new(vec![Say::Body(kind, body.to_owned())]).await;
            let rig = rig(vec![ProviderConfig { max_tries: 1, ..server.provider("one") }]);
            assert_eq!(made_by(&rig).await, "offline", "{kind}: {body}");
        }
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let server = Server::new(vec![Say::Body("application/json", deep.clone()), Say::Text(format!("{{\"kind\": {deep}")), good()]).await;
    let rig = rig(vec![ProviderConfig { max_tries: 1, ..server.provider("one") }]);
    assert_eq!(made_by(&rig).await, "offline");
    assert_eq!(made_by(&rig).await, "one");
}

/// JSON of any shape around the names that the readers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let names = [
        "choices",
        "message",
        "delta",
        "content",
        "text",
        "usage",
        "prompt_tokens",
        "completion_tokens",
        "error",
        "finish_reason",
        "tool_calls",
        "function",
        "arguments",
        "refusal",
        "kind",
        "steps",
        "step_id",
        "title",
        "action",
        "parameters",
        "depends_on",
        "notes",
    ];
    let words = prop_oneof![Just("plan".to_owned()), Just("question".to_owned()), Just("{\"kind\":".to_owned()), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(names.to_vec()), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())),
        ]
    })
}

/// Whatever they are given, the readers come to an end, and say little about it.
fn is_read(body: &[u8]) {
    for heard in [Heard::whole(body), Heard::events(body, 4096)] {
        match heard {
            Ok(heard) => assert!(heard.text.len() + heard.called_with.len() + heard.refusal.len() <= 4 * body.len() + 16),
            Err(why) => assert!(why.len() < 500, "{why}"),
        }
    }
    wire::is_event_stream(None, body);
    let text = String::from_utf8_lossy(body);
    match answer::read(&text) {
        Ok(answer) => drop((answer.unstorable(), answer.into_draft())),
        Err(problem) => assert!(problem.message.len() < 1000, "{problem}"),
    }
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_to_an_end(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
        is_read(&body);
    }

    #[test]
    fn texts_of_any_kind_are_read_to_an_end(before in ".{0,200}", after in ".{0,200}") {
        is_read(format!("{before}{{{after}}}").as_bytes());
        is_read(format!("data: {before}\n\n{after}").as_bytes());
    }

    #[test]
    fn json_of_any_shape_is_read_to_an_end(value in any_json(), cut in any::<prop::sample::Index>()) {
        let text = value.to_string();
        is_read(text.as_bytes());
        is_read(format!("data: {text}\n\ndata: {text}\n\n").as_bytes());
        let bytes = text.as_bytes();
        is_read(bytes.get(..cut.index(bytes.len().max(1))).unwrap_or_default());
    }
}

#[test]
fn a_text_is_read_quickly_however_it_is_built() {
    for piece in ["{", "{\"a\":", "{}", "{\"", "[{", "</think>{", "{\"kind\":\"plan\","] {
        let begun = chiffon_testkit::CpuInstant::now();
        is_read(piece.repeat(400_000 / piece.len()).as_bytes());
        assert!(begun.elapsed() < Duration::from_secs(5), "{piece}: {:?}", begun.elapsed());
    }
}
