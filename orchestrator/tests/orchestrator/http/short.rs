//! A request in short, and by a short id.

use chiffon_kernel::domain::role::Role;
use serde_json::{Value, json};

use super::App;

#[tokio::test]
async fn a_request_in_short_says_what_a_decision_needs_and_where_the_page_shows_all_of_it() {
    let app = App::start().await;
    app.announce().await;
    let (joan, vera) = (app.token("joan", Role::Approver).await, app.token("vera", Role::Viewer).await);
    let asked = app.ask(&joan, "polish the lens of nas").await;
    let early = app.get(&format!("/request/{asked}/summary"), &vera).await.ok();
    assert_eq!((&early["status"], &early["plan"], &early["text"]), (&json!("planning"), &Value::Null, &json!("polish the lens of nas")));
    let (id, sha256) = app.proposed(&joan).await;
    let short = app.get(&format!("/request/{id}/summary"), &joan).await.ok();
    let whole = app.get(&format!("/request/{id}"), &joan).await.ok();
    let plan = &short["plan"];
    assert_eq!(
        (plan["sha256"].as_str(), &plan["expires_at"], &plan["risk"]),
        (Some(sha256.as_str()), &whole["plan"]["expires_at"], &whole["plan"]["risk"])
    );
    let titles: Vec<&Value> = whole["plan"]["steps"].as_array().expect("steps").iter().map(|step| &step["title"]).collect();
    assert_eq!(plan["steps"].as_array().expect("steps").iter().collect::<Vec<_>>(), titles);
    assert_eq!(plan["hosts"], whole["plan"]["steps"][0]["hosts"]);
    assert!(plan["sentence"].as_str().is_some_and(|sentence| sentence.contains(" on nas, risk ")), "{plan:#}");
    assert_eq!(short["next"], whole["next"]);
    assert_eq!(short["url"], json!(format!("{}/ui/requests/{id}", app.address)));
    let seen = app.get(&format!("/request/{id}/summary"), &vera).await.ok();
    assert_eq!(seen["next"], json!([]), "who may decide nothing is offered nothing");
    assert_eq!(app.get("/request/00000000-0000-7000-8000-000000000000/summary", &vera).await.code(), 5105);
}

#[tokio::test]
async fn what_became_of_a_request_that_has_ended_is_told_in_short() {
    let app = App::start().await;
    app.announce().await;
    let joan = app.token("joan", Role::Approver).await;
    let (id, sha256) = app.proposed(&joan).await;
    let path = format!("/request/{id}/summary");
    assert_eq!(app.get(&path, &joan).await.ok()["outcome"], Value::Null);
    app.post("/approve", &joan, &json!({"request_id": id, "plan_sha256": sha256, "decision": "approve"})).await.ok();
    assert_eq!(app.get(&path, &joan).await.ok()["outcome"], Value::Null, "it runs");
    // What runs is the agents' part; here it is as if one had told what it changed.
    app.sql(&format!("UPDATE tasks SET status = 'completed', changed = true, finished_at = now() WHERE request_id = '{id}'")).await;
    app.sql(&format!("UPDATE requests SET status = 'completed', waiting_for = NULL, finished_at = now() WHERE id = '{id}'")).await;
    let told = app.get(&path, &joan).await.ok();
    let whole = app.get(&format!("/request/{id}"), &joan).await.ok();
    let outcome = &told["outcome"];
    assert_eq!((&outcome["finished_at"], &outcome["commits"]), (&whole["finished_at"], &whole["commits"]));
    assert_eq!(outcome["changed"], json!([{"host": "nas", "changes": ["Polish the lens on nas"]}]), "{whole:#}");
    assert_eq!(outcome["sentence"], "completed: 1 change on nas");

    let (id, sha256) = app.proposed(&joan).await;
    app.post("/approve", &joan, &json!({"request_id": id, "plan_sha256": sha256, "decision": "reject"})).await.ok();
    let short = app.get(&format!("/request/{id}/summary"), &joan).await.ok();
    assert_eq!(
        (&short["status"], &short["outcome"]["sentence"]),
        (&json!("rejected"), &json!("rejected: nothing was changed")),
        "{short:#}"
    );
}

#[tokio::test]
async fn a_request_is_named_by_the_beginning_or_the_end_of_its_id_where_that_fits_no_other() {
    let app = App::start().await;
    let joan = app.token("joan", Role::Approver).await;
    let id = app.ask(&joan, "polish the lens of nas").await.to_string();
    let end = id.get(28..).expect("an id");
    for path in ["", "/summary", "/plans"] {
        let whole = app.get(&format!("/request/{id}{path}"), &joan).await.ok();
        for part in [end.to_owned(), end.to_uppercase(), id.get(..18).expect("an id").to_owned()] {
            assert_eq!(app.get(&format!("/request/{part}{path}"), &joan).await.ok(), whole, "{part}{path}");
        }
    }
    for too_short in ["c", end.get(1..).expect("an id")] {
        let refused = app.get(&format!("/request/{too_short}"), &joan).await;
        assert_eq!((refused.code(), refused.message().contains("8 characters")), (5106, true), "{refused:?}");
    }
    let unknown = app.get("/request/0000ffff", &joan).await;
    assert_eq!((unknown.code(), unknown.message().contains("`chiffon requests`")), (5105, true), "{unknown:?}");
    assert_eq!(app.get("/request/not-an-id", &joan).await.code(), 5106);
    // One that ends alike.
    let like = format!("00000000-0000-7000-8000-0000{end}");
    app.sql(&format!(
        "INSERT INTO requests (id, principal_id, text, status, trace_id, created_at, updated_at, origin_kind, round)
        SELECT '{like}', principal_id, text, status, trace_id, created_at, updated_at, origin_kind, round FROM requests WHERE id = '{id}'"
    ))
    .await;
    let refused = app.get(&format!("/request/{end}"), &joan).await;
    assert_eq!((refused.code(), &refused.body["details"]["fits"]), (5106, &json!([id, like])), "{refused:?}");
    assert!(refused.message().contains(&id) && refused.message().contains(&like), "{refused:?}");
    assert_eq!(app.get(&format!("/request/0000{end}/plans"), &joan).await.ok(), json!({"items": []}), "the other one, which has no plan");
    assert_eq!(app.post(&format!("/cancel/{}", id.get(..18).expect("an id")), &joan, &json!({})).await.ok()["status"], "cancelled");
}
