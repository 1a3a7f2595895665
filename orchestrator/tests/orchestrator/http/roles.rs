//! Every role at every endpoint, a person's and a program's, and no token at all.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_kernel::domain::permission::{Permission, Programs};
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::Endpoint;
use chiffon_orchestrator::app::parts;
use chiffon_process::Spawner;
use chiffon_records::audit_repo::AuditRepository;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Answer, App};

fn concrete(endpoint: &Endpoint) -> (Method, String) {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let path = endpoint.path.replace("{id}", id).replace("{name}", "nothing").replace("{code}", "5004");
    (endpoint.method.parse().expect("a method"), path)
}

/// The table itself, so that a changed role is seen by whoever reads the change.
#[tokio::test]
async fn the_endpoints_need_these_permissions_and_have_these_least_roles() {
    let app = App::start().await;
    let mut endpoints = app.routes(&app.context).endpoints().to_vec();
    endpoints.sort_by_key(|endpoint| (endpoint.path.clone(), endpoint.method));
    let lines: Vec<String> = endpoints
        .iter()
        .map(|endpoint| {
            let needed =
                endpoint.permission.map_or_else(|| "-".to_owned(), |needed| format!("{} ({})", needed.name, needed.least().as_str()));
            format!("{} {}: {needed}", endpoint.method, endpoint.path)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    GET /actions: actions.read (viewer)
    GET /actions/{name}: actions.read (viewer)
    GET /agents: agents.read (viewer)
    GET /agents/capacity: agents.read (viewer)
    GET /agents/{id}: agents.read (viewer)
    POST /agents/{id}/drain: agents.order (operator)
    GET /agents/{id}/metrics: agents.read (viewer)
    POST /agents/{id}/pause: agents.order (operator)
    POST /agents/{id}/resume: agents.order (operator)
    POST /approval-links/{id}: -
    POST /approve: requests.ask (requester)
    GET /audit: audit.read (viewer)
    GET /audit/verify: audit.read (viewer)
    GET /background: background.read (operator)
    POST /cancel/{id}: requests.ask (requester)
    GET /costs: costs.read (viewer)
    GET /dead-letters: dead_letters.read (operator)
    POST /dead-letters/purge: dead_letters.delete (admin)
    DELETE /dead-letters/{id}: dead_letters.delete (admin)
    GET /dead-letters/{id}: dead_letters.read (operator)
    POST /dead-letters/{id}/replay: dead_letters.replay (operator)
    GET /docs/errors/{code}: -
    GET /events: requests.read (viewer)
    GET /health: -
    GET /health/live: -
    GET /health/ready: -
    GET /hosts/reserved: hosts.read (viewer)
    POST /hosts/{host}/release: tasks.resolve (requester)
    GET /keys: keys.manage (admin)
    POST /keys: keys.manage (admin)
    DELETE /keys/{id}: keys.manage (admin)
    POST /login-links: sessions.own (viewer)
    GET /metrics: metrics.read (viewer)
    GET /notifications: notifications.read (operator)
    GET /notifications/channels: notifications.read (operator)
    POST /notifications/channels/{name}/test: notifications.manage (operator)
    POST /notifications/{id}/retry: notifications.manage (operator)
    DELETE /password: sessions.own (viewer)
    GET /password: sessions.own (viewer)
    PUT /password: sessions.own (viewer)
    GET /people: people.read (viewer)
    GET /people/{name}/grants: people.read (viewer)
    POST /people/{name}/grants: tokens.manage (admin)
    DELETE /people/{name}/grants/{id}: tokens.manage (admin)
    DELETE /people/{name}/password: tokens.manage (admin)
    PUT /people/{name}/password: tokens.manage (admin)
    PUT /people/{name}/role: tokens.manage (admin)
    GET /permissions: whoami.read (viewer)
    GET /questions: questions.ask (viewer)
    GET /questions/{name}: questions.ask (viewer)
    POST /request: requests.ask (requester)
    GET /request/{id}: requests.read (viewer)
    GET /request/{id}/events: requests.read (viewer)
    POST /request/{id}/messages: requests.ask (requester)
    POST /request/{id}/pause: requests.ask (requester)
    GET /request/{id}/plans: requests.read (viewer)
    POST /request/{id}/resume: requests.ask (requester)
    GET /request/{id}/summary: requests.read (viewer)
    GET /requests: requests.read (viewer)
    DELETE /session: sessions.own (viewer)
    POST /session: -
    GET /session/oidc: -
    POST /session/oidc: -
    POST /session/oidc/leave: sessions.own (viewer)
    POST /session/oidc/return: -
    GET /sessions: sessions.own (viewer)
    DELETE /sessions/{id}: sessions.own (viewer)
    GET /standing-approvals: requests.read (viewer)
    POST /standing-approvals: approvals.stand (approver)
    GET /standing-approvals/{id}: requests.read (viewer)
    POST /standing-approvals/{id}/withdraw: requests.ask (requester)
    GET /tasks/{id}: tasks.read (viewer)
    GET /tasks/{id}/logs: tasks.read (viewer)
    POST /tasks/{id}/resolve: tasks.resolve (requester)
    GET /tokens: tokens.manage (admin)
    POST /tokens: tokens.manage (admin)
    DELETE /tokens/{id}: tokens.manage (admin)
    GET /webhooks: webhooks.read (operator)
    POST /webhooks/{name}: -
    POST /webhooks/{name}/try: webhooks.read (operator)
    GET /whoami: whoami.read (viewer)
    ");
}

/// Whoever is in the set of an endpoint's permission is let in, and nobody else; today's roles include those below them.
#[tokio::test]
async fn a_role_without_the_permission_is_refused_and_any_other_is_let_in() {
    let app = App::start().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push((role, false, app.token(role.as_str(), role).await));
    }
    for role in [Role::Viewer, Role::Requester, Role::Operator] {
        tokens.push((role, true, app.program(&format!("{}-bot", role.as_str()), role).await));
    }
    for endpoint in app.routes(&app.context).endpoints().to_vec() {
        let (method, path) = concrete(&endpoint);
        for (role, is_program, token) in &tokens {
            let answer = Answer::of(app.call(method.clone(), &path, token)).await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            let what = format!("{} ({is_program}) at {method} {path}: {answer:?}", role.as_str());
            match endpoint.permission {
                Some(needed) if !needed.is_held_by(*role, *is_program) => {
                    assert!(refused, "let in: {what}");
                    assert_eq!(answer.code(), 5701);
                    let least = needed.least().as_str();
                    assert!(answer.message().contains(&format!("`{least}`")), "the role is not named: {what}");
                    let details = &answer.body["details"];
                    let told = [&details["role"], &details["needed"], &details["permission"], &details["roles"]];
                    assert_eq!(told, [&json!(role), &json!(least), &json!(needed.name), &json!(needed.roles)], "{what}");
                    assert!(answer.message().contains(&format!("(`{}`)", needed.name)), "the permission is not named: {what}");
                    let who: BTreeSet<&str> =
                        needed.roles.iter().filter(|has| *is_program || *has != role).map(|has| has.as_str()).collect();
                    let named: Vec<&str> = details["people"].as_array().expect("people").iter().filter_map(|name| name.as_str()).collect();
                    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), who, "{what}");
                    assert!(answer.message().contains(&named.join(", ")), "{what}");
                }
                _ => assert!(!refused, "refused: {what}"),
            }
        }
    }
}

#[tokio::test]
async fn every_permission_is_declared_once_and_todays_roles_are_a_ladder_of_sets() {
    let app = App::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).expect("a repository");
    let parts = parts(&app.context, &repository, &super::app::beside(&app.context), &Spawner::new(app.context.shutdown.clone()));
    let declared: Vec<Permission> = parts.iter().flat_map(|part| part.permissions).copied().collect();
    let by_name: BTreeMap<&str, Permission> = declared.iter().map(|permission| (permission.name, *permission)).collect();
    assert_eq!(by_name.len(), declared.len(), "one name, one permission: {declared:#?}");
    for permission in &declared {
        let (thing, done) = permission.name.split_once('.').expect("a thing and what is done");
        assert!(thing.chars().chain(done.chars()).all(|c| c.is_ascii_lowercase() || c == '_'), "{permission:?}");
        assert_eq!(permission.roles, permission.least().and_above(), "who has more has it, too: {permission:?}");
    }
    for endpoint in app.routes(&app.context).endpoints() {
        let undeclared = endpoint.permission.filter(|needed| by_name.get(needed.name) != Some(needed));
        assert_eq!(undeclared, None, "{} {} needs what no part declares", endpoint.method, endpoint.path);
    }
    let only_people: BTreeSet<&str> =
        declared.iter().filter(|permission| permission.programs != Programs::Hold).map(|permission| permission.name).collect();
    assert_eq!(only_people, BTreeSet::from(["approvals.stand", "requests.approve", "sessions.own", "tasks.resolve"]));
    let operator = app.context.permissions.set(Role::Operator, true);
    assert!(!operator.contains(&"tasks.resolve") && operator.contains(&"requests.manage"), "{operator:?}");
    let token = app.token("ada", Role::Approver).await;
    let held = app.get("/whoami", &token).await.ok()["permissions"].clone();
    assert_eq!(held, json!(app.context.permissions.set(Role::Approver, false)));
}

#[tokio::test]
async fn without_a_token_only_the_open_endpoints_answer() {
    let app = App::start().await;
    for endpoint in app.routes(&app.context).endpoints().to_vec() {
        let (method, path) = concrete(&endpoint);
        let answer = Answer::of(app.client.request(method.clone(), format!("{}{path}", app.address))).await;
        if endpoint.permission.is_none() {
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            continue;
        }
        assert_eq!((answer.code(), answer.status), (5004, StatusCode::UNAUTHORIZED), "{method} {path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
    }
}

#[tokio::test]
async fn every_endpoint_is_documented_with_what_it_needs() {
    let app = App::start().await;
    let api = Answer::of(app.client.get(format!("{}/openapi.json", app.address))).await.ok();
    assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", api["openapi"]);
    for endpoint in app.routes(&app.context).endpoints().to_vec() {
        let operation = &api["paths"][&endpoint.path][endpoint.method.to_lowercase()];
        let text = operation["description"].as_str().unwrap_or_default();
        let needed = endpoint.permission.map_or("Needs no token.".to_owned(), |needed| {
            format!("Needs the permission `{}`. Least role: `{}`.", needed.name, needed.least().as_str())
        });
        assert!(text.contains(&needed), "{} {}: {operation}", endpoint.method, endpoint.path);
        assert!(operation["responses"]["default"].is_object(), "{} {} has no problem", endpoint.method, endpoint.path);
    }
    let reader = Answer::of(app.client.get(format!("{}/docs/", app.address))).await;
    assert!(reader.status.is_success() && reader.body.as_str().is_some_and(|page| page.contains("swagger")), "{reader:?}");
    let page = Answer::of(app.client.get(format!("{}/docs/errors/5701", app.address))).await;
    assert!(page.body.as_str().is_some_and(|page| page.starts_with("# 5701: Forbidden")), "{page:?}");
}

#[tokio::test]
async fn a_denial_names_who_may_and_nobody_who_can_not_sign_in_any_more() {
    let app = App::start().await;
    let (root, ann) = (app.token("root", Role::Admin).await, app.token("ann", Role::Viewer).await);
    for name in ["abe", "bea", "cleo", "dan", "eve", "fay"] {
        app.token(name, Role::Approver).await;
    }
    app.program("bot", Role::Operator).await;
    app.sql("UPDATE api_tokens t SET revoked_at = now() FROM principals p WHERE p.id = t.principal_id AND p.name IN ('abe', 'bea')").await;
    let put = Answer::of(app.call(Method::PUT, "/people/bea/password", &root).json(&json!({"password": "trombone under glass"}))).await;
    put.ok();
    let refused = app.get("/tokens", &ann).await;
    assert_eq!(refused.body["details"]["people"], json!(["root"]));
    let refused = app.post("/request", &ann, &json!({"text": "polish the lens of nas"})).await;
    assert_eq!(refused.body["details"]["people"], json!(["bea", "cleo", "dan", "eve", "fay"]));
    assert!(refused.message().ends_with("(who may: bea, cleo, dan, eve, fay and others)"), "{refused:?}");

    let people = app.get("/people?limit=2", &ann).await.ok();
    assert_eq!(
        (&people["items"][0]["name"], &people["items"][1]["name"], &people["next_cursor"]),
        (&json!("abe"), &json!("ann"), &json!("ann"))
    );
    let people = app.get("/people?cursor=ann", &ann).await.ok();
    assert_eq!((&people["items"][0]["name"], &people["items"][0]["has_password"]), (&json!("bea"), &json!(true)));
    assert_eq!((&people["items"][1]["kind"], &people["items"][1]["by_provider"]), (&json!("program"), &json!(false)));
}
