//! Lists: filters, pages, and a fixed number of statements however much there is.

use chiffon_kernel::domain::role::Role;
use serde_json::{Value, json};

use super::App;

async fn found(app: &App, token: &str, query: &str) -> Vec<String> {
    let page = app.get(&format!("/requests?{query}"), token).await.ok();
    page["items"].as_array().expect("a list").iter().map(|request| request["text"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn requests_are_found_by_each_filter() {
    let app = App::start().await;
    app.announce().await;
    let (ada, joan) = (app.token("ada", Role::Requester).await, app.token("joan", Role::Approver).await);
    let lens = "polish the lens of nas";
    let (id, sha256) = app.proposed(&ada).await;
    app.post("/approve", &joan, &json!({"request_id": id, "plan_sha256": sha256, "decision": "approve"})).await.ok();
    let dome = app.ask(&joan, "Open the dome, 100% of it").await;
    assert_eq!(found(&app, &ada, "").await, ["Open the dome, 100% of it", lens]);
    for (query, texts) in [
        ("status=running", vec![lens]),
        ("status=running,planning", vec!["Open the dome, 100% of it", lens]),
        ("status=failed", vec![]),
        ("who=joan", vec!["Open the dome, 100% of it"]),
        ("who=nobody", vec![]),
        ("host=nas", vec![lens]),
        ("host=other", vec![]),
        ("action=polish_lens", vec![lens]),
        ("text=DOME", vec!["Open the dome, 100% of it"]),
        ("text=polish%20nas", vec![lens]),
        ("text=%27%3B%20DROP%20TABLE", vec![]),
        ("origin=person", vec!["Open the dome, 100% of it", lens]),
        ("origin=schedule", vec![]),
        ("origin=schedule:nightly", vec![]),
        ("since=2999-01-01T00:00:00Z", vec![]),
        ("since=2001-01-01T00:00:00Z&who=ada&host=nas&status=running&action=polish_lens&text=lens", vec![lens]),
    ] {
        assert_eq!(found(&app, &ada, query).await, texts, "{query}");
    }
    let whole = dome.to_string();
    let (beginning, end) = (whole.get(..18).expect("an id"), whole.get(28..).expect("an id"));
    for query in [format!("id={end}"), format!("id={}", end.to_uppercase()), format!("id={beginning}&text=dome"), format!("id={whole}")] {
        assert_eq!(found(&app, &ada, &query).await, ["Open the dome, 100% of it"], "{query}");
    }
    assert_eq!(found(&app, &ada, "id=0000ffff0000").await, [""; 0]);
    for bad in ["origin=Schedule", "origin=schedule:", "id=abc", "id=%25%25%25%25", "id=not%20hex"] {
        assert_eq!(app.get(&format!("/requests?{bad}"), &ada).await.status.as_u16(), 400, "{bad}");
    }
    let claimed = app.post("/request", &ada, &json!({"text": "Close the dome", "origin": {"kind": "schedule", "id": "nightly"}})).await;
    assert_eq!(claimed.code(), 5104, "no caller says what began it: {claimed:?}");
    let first = app.get("/requests?limit=1", &ada).await.ok();
    assert_eq!((&first["items"][0]["request_id"], &first["next_cursor"]), (&json!(dome), &json!(dome)));
    let second = app.get(&format!("/requests?limit=1&cursor={dome}"), &ada).await.ok();
    assert_eq!((&second["items"][0]["text"], &second["next_cursor"]), (&json!(lens), &Value::Null));
}

#[tokio::test]
async fn the_fleet_and_the_catalogue_are_shown() {
    let app = App::start().await;
    app.announce().await;
    let ada = app.token("ada", Role::Viewer).await;
    let agent = app.get("/agents/infra-1", &ada).await.ok();
    assert_eq!((&agent["alive"], &agent["actions"], &agent["running"]), (&json!(true), &json!(["polish_lens"]), &json!([])));
    assert_eq!(app.get("/agents", &ada).await.ok()["items"], json!([agent]));
    app.sql("UPDATE agents SET not_offered = '[{\"name\": \"open_dome\", \"code\": 5508, \"reason\": \"no playbook.yml\"}]'").await;
    assert_eq!(app.get("/agents/infra-1", &ada).await.ok()["not_offered"][0]["name"], "open_dome");
    let left_out = json!([{"name": "open_dome", "agent_id": "infra-1", "code": 5508, "reason": "no playbook.yml"}]);
    assert_eq!(app.get("/actions", &ada).await.ok()["not_offered"], left_out);
    let refused = app.get("/actions/open_dome", &ada).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (404, 5410));
    app.sql(
        "INSERT INTO resource_metrics (at, agent_id, incarnation, seq, cpu_percent, load_1m, memory_total_mb, memory_available_mb, running)
        SELECT now() - make_interval(mins => n), 'infra-1', 1, 10 - n, n, 0.5, 8000, 4000, 0 FROM generate_series(1, 3) n",
    )
    .await;
    let page = app.get("/agents/infra-1/metrics?limit=2", &ada).await.ok();
    assert_eq!((&page["items"][0]["cpu_percent"], page["items"].as_array().map(Vec::len)), (&json!(1.0), Some(2)));
    let cursor = page["next_cursor"].as_str().expect("more").replace('+', "%2B");
    let rest = app.get(&format!("/agents/infra-1/metrics?limit=2&cursor={cursor}"), &ada).await.ok();
    assert_eq!((&rest["items"][0]["cpu_percent"], &rest["next_cursor"]), (&json!(3.0), &Value::Null));

    let capacity = app.get("/agents/capacity?memory_gb=1", &ada).await.ok();
    assert_eq!((&capacity["items"][0]["agent_id"], &capacity["items"][0]["fits"]), (&json!("infra-1"), &json!(true)), "{capacity}");
    app.sql("UPDATE agents SET lease_expires_at = now() - interval '1 minute'").await;
    let gone = app.get("/agents/capacity", &ada).await.ok();
    assert_eq!(gone["items"][0]["fits"], false);
    assert!(gone["items"][0]["reason"].as_str().is_some_and(|reason| reason.contains("not connected")), "{gone}");

    let action = app.get("/actions/polish_lens", &ada).await.ok();
    assert_eq!((&action["title"], &action["versions"][0]["agents"]), (&json!("Polish the lens"), &json!(["infra-1"])));
    assert_eq!(app.get("/actions", &ada).await.ok()["items"], json!([action]));
}

#[tokio::test]
async fn a_chain_is_read_from_either_end() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Viewer).await;
    for name in ["bob", "eve"] {
        app.token(name, Role::Viewer).await;
    }
    let read = async |query: &str| {
        let page = app.get(&format!("/audit?{query}"), &ada).await.ok();
        let rows = page["items"].as_array().expect("rows").iter().map(|row| row["seq"].as_i64().expect("a number")).collect::<Vec<_>>();
        (rows, page["next_cursor"].as_i64())
    };
    assert_eq!(read("limit=2").await, (vec![1, 2], Some(2)));
    assert_eq!(read("limit=2&cursor=2").await, (vec![3], None));
    assert_eq!(read("newest=true&limit=2").await, (vec![3, 2], Some(2)));
    assert_eq!(read("newest=true&limit=2&cursor=2").await, (vec![1], None));
}

#[tokio::test]
async fn a_changed_audit_row_is_found() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Requester).await;
    let id = app.ask(&ada, "polish the lens").await;
    let chain = app.get(&format!("/audit?chain={id}"), &ada).await.ok();
    assert_eq!((&chain["items"][0]["event"], &chain["items"][0]["actor"]), (&json!("request.submitted"), &json!("ada")), "{chain}");
    assert_eq!(app.get(&format!("/audit/verify?chain={id}"), &ada).await.ok()["ok"], true);
    let whole = app.get("/audit/verify", &ada).await.ok();
    assert_eq!((&whole["ok"], &whole["chains"]), (&json!(true), &json!(2)), "{whole}");
    // Only somebody who owns the database can do this.
    app.sql("ALTER TABLE audit_log DISABLE TRIGGER ALL").await;
    app.sql("UPDATE audit_log SET actor = 'eve' WHERE event = 'request.submitted'").await;
    let verified = app.get(&format!("/audit/verify?chain={id}"), &ada).await.ok();
    assert_eq!((&verified["ok"], &verified["rows"], &verified["problem"]["code"]), (&json!(false), &json!(0), &json!(5803)), "{verified}");
}

#[tokio::test]
async fn costs_are_summed_by_month_and_provider() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Requester).await;
    let id = app.ask(&ada, "polish the lens").await;
    app.sql(&format!(
        "INSERT INTO llm_calls (id, request_id, provider, model, state, cost_micro_usd, input_tokens, output_tokens, started_at)
        SELECT gen_random_uuid(), CASE WHEN n = 1 THEN '{id}'::uuid END, 'local', 'm', CASE WHEN n = 3 THEN 'failed' ELSE 'succeeded' END, 250000, 10, 5, now()
        FROM generate_series(1, 3) n"
    ))
    .await;
    let all = app.get("/costs", &ada).await.ok();
    assert_eq!(
        (&all["items"][0]["calls"], &all["items"][0]["succeeded"], &all["total_usd"]),
        (&json!(3), &json!(2), &json!(0.75)),
        "{all}"
    );
    let one = app.get(&format!("/costs?request_id={id}"), &ada).await.ok();
    assert_eq!((&one["items"][0]["input_tokens"], &one["total_usd"]), (&json!(10), &json!(0.25)));
}
