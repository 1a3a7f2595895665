//! Entity tags: who has an answer already is told so.

use chiffon_kernel::domain::role::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Answer, App};

async fn get(app: &App, token: &str, path: &str, known: &str) -> Answer {
    Answer::of(app.call(Method::GET, path, token).header("if-none-match", known)).await
}

#[tokio::test]
async fn an_answer_that_is_known_is_not_sent_again_until_it_changes() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Requester).await;
    let id = app.ask(&ada, "polish the lens of nas").await;
    let path = format!("/request/{id}");
    let first = app.get(&path, &ada).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.len() == 34 && tag.starts_with('"'), "{tag}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\" , {tag}"), "*".to_owned()] {
        let same = get(&app, &ada, &path, &known).await;
        assert_eq!((same.status, same.header("etag")), (StatusCode::NOT_MODIFIED, tag.as_str()), "{known}");
        assert_eq!(same.body, json!(""), "{known}");
    }
    for other in ["\"other\"", "", "\"", "ü"] {
        assert_eq!(get(&app, &ada, &path, other).await.status, StatusCode::OK, "{other}");
    }
    app.post(&format!("/cancel/{id}"), &ada, &json!({})).await.ok();
    let changed = get(&app, &ada, &path, &tag).await;
    assert_eq!((changed.status, &changed.ok()["status"]), (StatusCode::OK, &json!("cancelled")));
}

#[tokio::test]
async fn what_is_no_whole_document_has_no_tag() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Operator).await;
    let id = app.ask(&ada, "polish the lens of nas").await;
    let missing = get(&app, &ada, "/request/00000000-0000-7000-8000-000000000000", "*").await;
    assert_eq!((missing.status, missing.headers.get("etag")), (StatusCode::NOT_FOUND, None));
    for (method, path) in
        [(Method::GET, format!("/request/{id}/events")), (Method::GET, "/metrics".to_owned()), (Method::HEAD, "/whoami".to_owned())]
    {
        let answer = app.call(method, &path, &ada).header("if-none-match", "*").send().await.expect("an answer");
        assert_eq!((answer.status(), answer.headers().get("etag")), (StatusCode::OK, None), "{path}");
    }
}
