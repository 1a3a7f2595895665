//! Every role at every endpoint, and no token at all.

use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::Endpoint;
use reqwest::{Method, StatusCode};

use super::{Answer, App};

fn concrete(endpoint: &Endpoint) -> (Method, String) {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let path = endpoint.path.replace("{id}", id).replace("{name}", "nothing").replace("{code}", "5004");
    (endpoint.method.parse().expect("a method"), path)
}

/// The table itself, so that a changed role is seen by whoever reads the change.
#[tokio::test]
async fn the_least_roles_are_these() {
    let app = App::start().await;
    let mut endpoints = app.routes(&app.context).endpoints().to_vec();
    endpoints.sort_by_key(|endpoint| (endpoint.path.clone(), endpoint.method));
    let lines: Vec<String> = endpoints
        .iter()
        .map(|endpoint| format!("{} {} {}", endpoint.least.map_or("-", Role::as_str), endpoint.method, endpoint.path))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    viewer GET /actions
    viewer GET /actions/{name}
    viewer GET /agents
    viewer GET /agents/capacity
    viewer GET /agents/{id}
    operator POST /agents/{id}/drain
    viewer GET /agents/{id}/metrics
    operator POST /agents/{id}/pause
    operator POST /agents/{id}/resume
    requester POST /approve
    viewer GET /audit
    viewer GET /audit/verify
    operator GET /background
    requester POST /cancel/{id}
    viewer GET /costs
    operator GET /dead-letters
    admin POST /dead-letters/purge
    admin DELETE /dead-letters/{id}
    operator GET /dead-letters/{id}
    operator POST /dead-letters/{id}/replay
    - GET /docs/errors/{code}
    - GET /health
    - GET /health/live
    - GET /health/ready
    viewer GET /hosts/reserved
    requester POST /hosts/{host}/release
    admin GET /keys
    admin POST /keys
    admin DELETE /keys/{id}
    viewer GET /metrics
    requester POST /request
    viewer GET /request/{id}
    viewer GET /request/{id}/events
    requester POST /request/{id}/messages
    requester POST /request/{id}/pause
    requester POST /request/{id}/resume
    viewer GET /requests
    viewer GET /tasks/{id}
    viewer GET /tasks/{id}/logs
    requester POST /tasks/{id}/resolve
    admin GET /tokens
    admin POST /tokens
    admin DELETE /tokens/{id}
    viewer GET /whoami
    ");
}

#[tokio::test]
async fn a_role_below_the_least_is_refused_and_any_other_is_let_in() {
    let app = App::start().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push((role, app.token(role.as_str(), role).await));
    }
    for endpoint in app.routes(&app.context).endpoints().to_vec() {
        let (method, path) = concrete(&endpoint);
        for (role, token) in &tokens {
            let answer = Answer::of(app.call(method.clone(), &path, token)).await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            let what = format!("{} at {method} {path}: {answer:?}", role.as_str());
            match endpoint.least {
                Some(least) if *role < least => {
                    assert!(refused, "let in: {what}");
                    assert_eq!(answer.code(), 5701);
                    assert!(answer.message().contains(&format!("`{}`", least.as_str())), "the role is not named: {what}");
                }
                _ => assert!(!refused, "refused: {what}"),
            }
        }
    }
}

#[tokio::test]
async fn without_a_token_only_the_open_endpoints_answer() {
    let app = App::start().await;
    for endpoint in app.routes(&app.context).endpoints().to_vec() {
        let (method, path) = concrete(&endpoint);
        let answer = Answer::of(app.client.request(method.clone(), format!("{}{path}", app.address))).await;
        if endpoint.least.is_none() {
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            continue;
        }
        assert_eq!((answer.code(), answer.status), (5004, StatusCode::UNAUTHORIZED), "{method} {path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
    }
}

#[tokio::test]
async fn every_endpoint_is_documented_with_its_role() {
    let app = App::start().await;
    let api = Answer::of(app.client.get(format!("{}/openapi.json", app.address))).await.ok();
    assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", api["openapi"]);
    for endpoint in app.routes(&app.context).endpoints().to_vec() {
        let operation = &api["paths"][&endpoint.path][endpoint.method.to_lowercase()];
        let text = operation["description"].as_str().unwrap_or_default();
        let role = endpoint.least.map_or("Needs no token.".to_owned(), |role| format!("Least role: `{}`.", role.as_str()));
        assert!(text.contains(&role), "{} {}: {operation}", endpoint.method, endpoint.path);
        assert!(operation["responses"]["default"].is_object(), "{} {} has no problem", endpoint.method, endpoint.path);
    }
    let reader = Answer::of(app.client.get(format!("{}/docs/", app.address))).await;
    assert!(reader.status.is_success() && reader.body.as_str().is_some_and(|page| page.contains("swagger")), "{reader:?}");
    let page = Answer::of(app.client.get(format!("{}/docs/errors/5701", app.address))).await;
    assert!(page.body.as_str().is_some_and(|page| page.starts_with("# 5701: Forbidden")), "{page:?}");
}
