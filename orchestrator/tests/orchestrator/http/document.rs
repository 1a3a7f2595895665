//! The API's own document: what programs are generated from.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;

use super::{Answer, App};

/// All values under this key, however deep.
fn all<'d>(value: &'d Value, key: &str, found: &mut Vec<&'d Value>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            if name == key {
                found.push(value);
            }
            all(value, key, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| all(item, key, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_name_in_the_document_stands_for_one_thing_and_every_answer_is_described() {
    let app = App::start().await;
    assert_eq!(app.routes(&app.context).collisions(), Vec::<String>::new(), "two types under one name; give one `#[schema(as = ...)]`");
    let document = Answer::of(app.client.get(format!("{}/openapi.json", app.address))).await.ok();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no name"));
            assert!(ids.insert(id), "two operations are called {id}");
            let responses = operation["responses"].as_object().expect("responses");
            for (status, response) in responses {
                assert!(
                    response["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{method} {path}: {status} is not described"
                );
            }
            let needs_token = operation["security"].as_array().is_some_and(|security| !security.is_empty());
            // Who calls these needs no token, and is told of what does not count in its place.
            let proves_it_itself = method == "post" && ["/session", "/webhooks/{name}"].contains(&path.as_str());
            assert_eq!(responses.contains_key("401"), needs_token || proves_it_itself, "{method} {path}");
        }
    }
    let mut references = Vec::new();
    all(&document, "$ref", &mut references);
    assert!(references.len() > 100, "{} references", references.len());
    for reference in references {
        let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#')).expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{pointer} is nowhere");
    }
}

#[tokio::test]
async fn the_reader_runs_no_script_but_ours() {
    let app = App::start().await;
    let reader = app.client.get(format!("{}/docs", app.address)).send().await.expect("an answer");
    assert_eq!((reader.status(), reader.url().path()), (StatusCode::OK, "/docs/"));
    let header = |name: &str| reader.headers().get(name).map_or("", |value| value.to_str().expect("text")).to_owned();
    assert_eq!((header("x-content-type-options").as_str(), header("x-frame-options").as_str()), ("nosniff", "DENY"));
    let policy = header("content-security-policy");
    assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let data = Answer::of(app.client.get(format!("{}/health/live", app.address))).await;
    assert_eq!(
        (data.header("x-content-type-options"), data.header("content-security-policy")),
        ("nosniff", "default-src 'none'; frame-ancestors 'none'")
    );
}

/// The page's calls are typed by this file. Built with `UPDATE_DOCS=1`, this writes it anew; then `npm run api` in `web/` writes the types.
#[tokio::test]
async fn the_page_is_made_for_this_interface() {
    let app = App::start().await;
    let document = Answer::of(app.client.get(format!("{}/openapi.json", app.address))).await.ok();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/openapi.json");
    let text = format!("{document:#}\n");
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(file, &text).expect("it is written");
    }
    let kept = std::fs::read_to_string(file).expect("it is there");
    assert!(
        kept == text,
        "web/openapi.json is of another interface: run this test with UPDATE_DOCS=1, then `npm run api && npm run build` in web/"
    );
}
