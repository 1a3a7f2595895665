//! Where operators see that something is wrong which must never be.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use chiffon_orchestrator::verbs::check_invariants;
use serde_json::json;

use super::{Answer, App};

#[tokio::test]
async fn a_violated_invariant_degrades_health_and_is_named_in_background_and_metrics() {
    let app = App::start().await;
    app.announce().await;
    let ada = app.token("ada", Role::Operator).await;
    let health = async || Answer::of(app.client.get(format!("{}/health", app.address))).await.ok();
    assert_eq!(health().await["status"], "ok");
    let id = app.ask(&ada, "polish the lens of nas").await;
    app.sql("UPDATE streams SET audit_head = '\\x00'").await;
    check_invariants::run(&app.context, &chiffon_harness::parts::invariants(), Duration::ZERO).await.expect("it looks");
    let found = health().await;
    assert_eq!((&found["status"], &found["checks"]["invariants"]["status"]), (&json!("degraded"), &json!("degraded")), "{found}");
    assert!(!found.to_string().contains(&id.to_string()), "health tells no one's business: {found}");
    let background = app.get("/background", &ada).await.ok();
    let items = background["invariants"]["items"].as_array().expect("a list");
    let item = items.iter().find(|item| item["invariant"] == "audit_head_mismatch").expect("it is listed");
    assert_eq!((&item["status"], &item["count"], &item["examples"]), (&json!("violated"), &json!(1), &json!([id])), "{item}");
    assert!(item["advice"].as_str().is_some_and(|advice| advice.contains("chiffon audit verify")), "{item}");
    let text = app.get("/metrics", &ada).await.ok();
    let text = text.as_str().expect("text");
    assert!(text.contains("chiffon_invariant_violations{invariant=\"audit_head_mismatch\"} 1\n"), "{text}");
    assert!(text.contains("chiffon_invariant_violations{invariant=\"reservation_without_task\"} 0\n"), "{text}");
}
