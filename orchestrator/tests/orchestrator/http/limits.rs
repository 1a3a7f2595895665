//! What one caller may take: calls, guesses, waits and open requests; and by which names the server is called.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::{HttpOptions, Most};
use chiffon_requests::verbs::open_requests::OpenRequestLimits;
use reqwest::{Method, StatusCode, header};
use serde_json::json;

use super::{Answer, App};

/// A token that nobody has.
fn guess(number: usize) -> String {
    format!("chf_{number:0>43}")
}

async fn counted(app: &App, token: &str, code: u16) -> String {
    let metrics = app.get("/metrics", token).await.ok();
    let metrics = metrics.as_str().expect("text").to_owned();
    let name = format!("chiffon_http_problems_total{{code=\"{code}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_else(|| panic!("{metrics}")).to_owned()
}

#[tokio::test]
async fn one_principal_calls_so_often_and_no_other_is_held_up_by_it() {
    let app = App::with_options(HttpOptions { calls_per_second: 5, ..HttpOptions::default() }).await;
    let (ada, bob) = (app.token("ada", Role::Viewer).await, app.token("bob", Role::Viewer).await);
    let calls = futures::future::join_all((0..60).map(|_| app.get("/whoami", &ada))).await;
    let refused = calls.iter().find(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).expect("60 calls at once are too many");
    assert_eq!(refused.code(), 5022);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!((refused.header("ratelimit-policy"), refused.header("ratelimit")), ("\"calls\";q=10;w=2", "\"calls\";r=0;t=1"));
    let most = calls.iter().filter(|answer| answer.status.is_success()).map(|answer| answer.header("ratelimit")).max();
    assert_eq!(most, Some("\"calls\";r=9;t=1"), "and what is left is said before it is nothing");
    assert!(calls.iter().filter(|answer| answer.status.is_success()).count() >= 10, "twice as many for a moment");
    app.get("/whoami", &bob).await.ok();
    assert_ne!(counted(&app, &bob, 5022).await, "0");
    chiffon_testkit::until("a call that is let through again", Duration::from_secs(5), async || {
        let answer = app.get("/whoami", &ada).await;
        if answer.status.is_success() { Ok(()) } else { Err(answer.status) }
    })
    .await;
}

#[tokio::test]
async fn who_guesses_tokens_is_locked_out_and_who_has_a_good_one_is_not() {
    let app = App::with_options(HttpOptions { failed_tokens_per_minute: 4, ..HttpOptions::default() }).await;
    let (ada, bob) = (app.token("ada", Role::Viewer).await, app.token("bob", Role::Viewer).await);
    app.get("/whoami", &ada).await.ok();
    for number in 0..4 {
        assert_eq!(app.get("/whoami", &guess(number)).await.code(), 5004, "{number}");
    }
    let refused = app.get("/whoami", &guess(5)).await;
    assert_eq!((refused.code(), refused.status), (5023, StatusCode::TOO_MANY_REQUESTS));
    let after: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=15).contains(&after), "{after}");
    assert_eq!(app.get("/whoami", "chf_cut-off").await.code(), 5023, "nor is it told what a token looks like");
    app.get("/whoami", &ada).await.ok();
    assert_eq!(app.get("/whoami", &bob).await.code(), 5023, "nobody knows yet that it is no guess");
    assert_eq!(counted(&app, &ada, 5023).await, "3");
}

#[tokio::test]
async fn one_principal_has_so_many_calls_waiting_and_what_is_refused_has_asked_for_nothing() {
    let app = App::with_options(HttpOptions { waits: Most { all: 2, of_one: 1 }, ..HttpOptions::default() }).await;
    let (ada, bob) = (app.token("ada", Role::Requester).await, app.token("bob", Role::Requester).await);
    let body = json!({"text": "polish the lens of nas"});
    let waits = async |token: &str| Answer::of(app.call(Method::POST, "/request?wait=3s", token).json(&body)).await;
    let second = async {
        chiffon_testkit::until("the first wait", Duration::from_secs(5), async || {
            let shown = app.get("/requests", &bob).await.ok();
            if shown["items"].as_array().is_some_and(|items| items.len() == 1) { Ok(()) } else { Err(shown) }
        })
        .await;
        let refused = waits(&ada).await;
        assert_eq!((refused.code(), refused.header("retry-after")), (5025, "5"));
        assert_eq!(app.get("/requests", &bob).await.ok()["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(waits(&bob).await.status, StatusCode::ACCEPTED, "another's wait is its own");
    };
    let (first, ()) = tokio::join!(waits(&ada), second);
    assert_eq!(first.status, StatusCode::ACCEPTED);
    assert_eq!(waits(&ada).await.status, StatusCode::ACCEPTED, "the place came back");
}

#[tokio::test]
async fn one_principal_has_so_many_open_requests_and_all_have_so_many() {
    let mut settings = super::app::settings();
    settings.open_requests = OpenRequestLimits { all: 3, of_one: 2 };
    let app = App::with_settings(HttpOptions::default(), settings).await;
    let [ada, bob] = ["ada", "bob"].map(|name| app.token(name, Role::Requester));
    let (ada, bob) = tokio::join!(ada, bob);
    let body = json!({"text": "polish the lens of nas"});
    let first = app.ask(&ada, "polish the lens of nas").await;
    app.ask(&ada, "polish the lens of nas").await;
    let refused = app.post("/request", &ada, &body).await;
    assert_eq!((refused.code(), refused.status, refused.header("retry-after")), (5024, StatusCode::TOO_MANY_REQUESTS, "10"));
    assert_eq!(refused.body["details"]["setting"], "planning.max_open_requests_per_principal");
    app.ask(&bob, "polish the lens of nas").await;
    let in_all = app.post("/request", &bob, &body).await;
    assert_eq!((in_all.code(), &in_all.body["details"]["setting"]), (5024, &json!("planning.max_open_requests")));
    app.post(&format!("/cancel/{first}"), &ada, &json!({})).await.ok();
    app.ask(&ada, "polish the lens of nas").await;
}

#[tokio::test]
async fn a_strangers_name_that_leads_here_is_answered_nothing_but_how_it_is() {
    let app = App::with_options(HttpOptions { allowed_hosts: vec!["chiffon".to_owned()], ..HttpOptions::default() }).await;
    let ada = app.token("ada", Role::Viewer).await;
    let by_name = async |path: &str, name: &str| Answer::of(app.call(Method::GET, path, &ada).header(header::HOST, name)).await;
    let refused = by_name("/whoami", "rebound.example:8080").await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::MISDIRECTED_REQUEST, &json!(5026)));
    assert!(refused.message().contains("http.allowed_hosts"), "{refused:?}");
    for path in ["/docs/", "/openapi.json", "/nothing", "/docs/errors/5026"] {
        assert_eq!(by_name(path, "rebound.example").await.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
    for path in ["/health", "/health/live", "/health/ready"] {
        assert_ne!(by_name(path, "rebound.example").await.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
    for name in ["chiffon:8080", "localhost:8080", "[::1]", "192.0.2.7"] {
        by_name("/whoami", name).await.ok();
    }
    assert_eq!(counted(&app, &ada, 5026).await, "5");
}
