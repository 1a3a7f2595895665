//! Health, metrics and background agents.

use chiffon_kernel::domain::role::Role;
use reqwest::StatusCode;
use serde_json::json;

use super::{Answer, App};

#[tokio::test]
async fn health_names_each_part_and_ready_says_when_it_leaves() {
    let app = App::start().await;
    let open = async |path: &str| Answer::of(app.client.get(format!("{}{path}", app.address))).await;
    let health = open("/health").await.ok();
    assert_eq!((&health["status"], &health["checks"]["agents"]["status"]), (&json!("degraded"), &json!("degraded")), "{health}");
    app.announce().await;
    let health = open("/health").await.ok();
    assert_eq!((&health["status"], &health["version"]), (&json!("ok"), &json!(env!("CARGO_PKG_VERSION"))), "{health}");
    for part in ["database", "bus", "planner", "agents"] {
        assert_eq!(health["checks"][part]["status"], "ok", "{health}");
    }
    assert_eq!(open("/health/ready").await.ok()["status"], "ready");
    app.context.shutdown.drain();
    let leaving = open("/health/ready").await;
    assert_eq!((leaving.status, &leaving.body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("leaving")));
    assert!(open("/health/live").await.status.is_success());
}

#[tokio::test]
async fn an_orchestrator_whose_database_takes_no_changes_is_not_ready_and_says_so_in_its_own_words() {
    let app = App::start().await;
    app.sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$").await;
    let url = app.database_url();
    let reader = App::on(&url, chiffon_kernel::http::HttpOptions::default()).await;
    let ready = Answer::of(reader.client.get(format!("{}/health/ready", reader.address))).await;
    assert_eq!((ready.status, &ready.body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("not_ready")), "{ready:?}");
    let text = ready.body["database"]["text"].as_str().expect("text");
    assert!(text.contains("takes no changes") && !text.contains("returned from database"), "{text}");
    let health = Answer::of(reader.client.get(format!("{}/health", reader.address))).await;
    assert_eq!((health.status, &health.body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("down")), "{health:?}");
    assert_eq!(health.body["checks"]["database"], ready.body["database"], "one truth");
}

#[tokio::test]
async fn metrics_count_what_is_open_and_what_was_called() {
    let app = App::start().await;
    app.announce().await;
    let ada = app.token("ada", Role::Operator).await;
    app.ask(&ada, "polish the lens").await;
    app.context.background.succeeded("outbox_relay", 2, app.context.clock.now());
    let text = app.get("/metrics", &ada).await.ok();
    let text = text.as_str().expect("text");
    for line in [
        "chiffon_requests_open{status=\"planning\"} 1",
        "chiffon_agents_alive{agent_type=\"infrastructure\"} 1",
        "chiffon_bus_connected 1",
        "chiffon_background_done_total{agent=\"outbox_relay\"} 2",
        "chiffon_http_request_duration_seconds_count{method=\"POST\",route=\"/request\",status=\"202\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
    }
    let background = app.get("/background", &ada).await.ok();
    assert_eq!(background["background"]["outbox_relay"]["done"], 2);
}
