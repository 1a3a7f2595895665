//! Hostile texts through every field of every endpoint, as the API's own document lists them: each is taken as it is or refused by name.

use chiffon_kernel::domain::role::Role;
use chiffon_testkit::hostile;
use reqwest::{Method, Url};
use serde_json::{Map, Value, json};

use super::{Answer, App};

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    /// Where each stands (`path` or `query`), and its name.
    parameters: Vec<(String, String)>,
    body: Option<Value>,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let parameters = parameters.map(|parameter| (text(parameter, "in"), text(parameter, "name"))).collect();
            let body = operation.pointer("/requestBody/content/application~1json/schema").cloned();
            operations.push(Operation { method, path: path.clone(), parameters, body });
        }
    }
    assert!(operations.len() > 40, "only {} operations are documented", operations.len());
    operations
}

/// A body with this text in every field that takes one.
fn filled(document: &Value, schema: &Value, text: &str, depth: u8) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        return filled(document, document.pointer(name).expect("a schema"), text, depth);
    }
    if let Some(choice) = ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[key].as_array()?.last()) {
        return filled(document, choice, text, depth);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].as_array()?.iter().filter_map(Value::as_str).find(|kind| *kind != "null"));
    match kind {
        Some("object") if depth < 5 => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            Value::Object(
                properties.iter().map(|(name, schema)| (name.clone(), filled(document, schema, text, depth + 1))).collect::<Map<_, _>>(),
            )
        }
        Some("array") => json!([filled(document, &schema["items"], text, depth + 1)]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => json!(text),
    }
}

fn url(app: &App, operation: &Operation, text: &str) -> Url {
    let mut url: Url = app.address.parse().expect("an address");
    url.path_segments_mut()
        .expect("a base")
        .pop_if_empty()
        .extend(operation.path.split('/').skip(1).map(|part| if part.starts_with('{') { text } else { part }));
    for (_, name) in operation.parameters.iter().filter(|(place, _)| place == "query") {
        url.query_pairs_mut().append_pair(name, text);
    }
    url
}

#[track_caller]
fn expect_told(answer: &Answer, what: &str) {
    assert!(answer.status.as_u16() < 500, "{what}: {answer:?}");
    if answer.status.as_u16() >= 400 {
        answer.code();
    }
}

#[tokio::test]
async fn no_text_in_any_field_of_any_endpoint_is_a_failure_of_ours() {
    let app = App::start().await;
    app.announce().await;
    let token = app.token("ada", Role::Admin).await;
    let document = app.get("/openapi.json", &token).await.ok();
    for operation in operations(&document) {
        for (name, text) in hostile::TEXTS {
            let mut call = app.client.request(operation.method.clone(), url(&app, &operation, text)).bearer_auth(&token);
            if let Some(schema) = &operation.body {
                call = call.json(&filled(&document, schema, text, 0));
            }
            expect_told(&Answer::of(call).await, &format!("{} {} with {name}", operation.method, operation.path));
        }
        // One field alone: what one refuses may hide what the next does.
        for (_, field) in operation.parameters.iter().filter(|(place, _)| place == "query") {
            let mut url = url(&app, &operation, "00000000-0000-4000-8000-000000000000");
            url.query_pairs_mut().clear().append_pair(field, "a\0b");
            let answer = Answer::of(app.client.request(operation.method.clone(), url).bearer_auth(&token)).await;
            let what = format!("{} {}?{field}= with a null character", operation.method, operation.path);
            expect_told(&answer, &what);
            assert_eq!((answer.code(), &answer.body["details"]["field"]), (5021, &json!(field)), "{what}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_request_and_what_people_say_of_it_are_kept_as_they_came() {
    let app = App::start().await;
    app.announce().await;
    let (ada, bob) = (app.token("ada", Role::Requester).await, app.token("bob", Role::Approver).await);
    for (name, hostile) in hostile::TEXTS {
        let text = format!("polish the lens of nas {hostile}");
        let taken = app.post("/request", &ada, &json!({"text": text})).await;
        if hostile.contains('\0') {
            assert_eq!((taken.code(), &taken.body["details"]["field"]), (5021, &json!("text")), "{name}: {taken:?}");
            continue;
        }
        let id: uuid::Uuid = taken.ok()["request_id"].as_str().expect("an id").parse().expect("an id");
        app.plan(id).await;
        let shown = app.get(&format!("/request/{id}"), &ada).await.ok();
        assert_eq!(shown["text"].as_str().map(str::trim), Some(text.trim()), "{name}");
        let found = app.call(Method::GET, "/requests", &ada).query(&[("text", hostile.trim())]);
        expect_told(&Answer::of(found).await, name);
        let decision = json!({"request_id": id, "plan_sha256": shown["plan"]["sha256"], "decision": "reject", "comment": hostile});
        let called = if shown["plan"]["sha256"].is_string() {
            app.post("/approve", &bob, &decision).await
        } else {
            app.post(&format!("/cancel/{id}"), &ada, &json!({"reason": hostile})).await
        };
        called.ok();
    }
}

/// So many mutated bodies and queries in all; each call of the suite sends the same ones.
const MUTATIONS: u64 = 1_500;

#[tokio::test]
async fn no_bytes_in_a_body_or_a_query_are_a_failure_of_ours() {
    let app = App::start().await;
    app.announce().await;
    let token = app.token("ada", Role::Admin).await;
    let bodies: Vec<Vec<u8>> = [
        json!({"text": "polish the lens of nas", "deadline": "2030-01-01T00:00:00Z", "max_cost_usd": 1.5, "priority": 3}),
        json!({"request_id": "01890a5d-ac96-774b-bcce-b302099a8057", "plan_sha256": "aa", "decision": "approve", "comment": "yes"}),
        json!({"principal": "bob", "role": "viewer", "program": false, "label": "a", "valid_days": 3}),
    ]
    .map(|body| body.to_string().into_bytes())
    .into();
    let queries: Vec<Vec<u8>> = [
        "status=running&host=nas&action=polish_lens&who=ada&since=2030-01-01T00:00:00Z&text=lens&limit=5&cursor=YWJj",
        "wait=30ms&after=7&gpu=true&memory_gb=2",
    ]
    .map(|query| query.as_bytes().to_vec())
    .into();
    for number in 0..MUTATIONS {
        let (body, query) = (chiffon_fuzz::input(&bodies, number), chiffon_fuzz::input(&queries, number));
        let read = ["/requests", "/agents/capacity", "/audit", "/dead-letters", "/costs"][usize::try_from(number).expect("small") % 5];
        let mut url: Url = format!("{}{read}", app.address).parse().expect("an address");
        url.set_query(Some(&String::from_utf8_lossy(&query)));
        expect_told(&Answer::of(app.client.get(url).bearer_auth(&token)).await, &format!("query {number}"));
        let write = ["/request", "/approve", "/tokens"][usize::try_from(number).expect("small") % 3];
        let call = app.call(Method::POST, write, &token).header("content-type", "application/json").body(body);
        expect_told(&Answer::of(call).await, &format!("body {number}"));
    }
}
