//! A request in short.

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
