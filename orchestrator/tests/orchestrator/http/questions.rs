//! Questions about what was, over HTTP.

use chiffon_kernel::domain::role::Role;
use serde_json::json;

use super::App;

#[tokio::test]
async fn a_question_is_listed_and_answered_as_json_and_as_a_file_for_a_spreadsheet() {
    let app = App::start().await;
    let (ada, vera) = (app.token("ada", Role::Requester).await, app.token("vera", Role::Viewer).await);
    app.ask(&ada, "polish the lens of nas").await;
    let listed = app.get("/questions", &vera).await.ok();
    let items = listed["items"].as_array().expect("a list");
    assert!(items.len() >= 15, "{listed:#}");
    let who = items.iter().find(|item| item["name"] == "who-asks").expect("it is listed");
    assert!(who["sql"].as_str().is_some_and(|sql| sql.contains("now() - interval '30 days'") && !sql.contains('$')), "{who:#}");
    let answer = app.get("/questions/who-asks", &vera).await.ok();
    assert_eq!((&answer["columns"], &answer["more"]), (&who["columns"], &json!(false)));
    assert_eq!((&answer["rows"][0][0], &answer["rows"][0][1]), (&json!("ada"), &json!(1)), "{answer:#}");
    let before = app.get("/questions/who-asks?since=2001-01-01T00:00:00Z&until=2001-02-01T00:00:00Z", &vera).await.ok();
    assert_eq!(before["rows"], json!([]));
    assert!(before["sql"].as_str().is_some_and(|sql| sql.contains("'2001-02-01T00:00:00.000000Z'::timestamptz")), "{before:#}");
    let file = app.get("/questions/who-asks?format=csv", &vera).await;
    assert_eq!(
        (file.header("content-type"), file.header("content-disposition")),
        ("text/csv; charset=utf-8", "attachment; filename=\"who-asks.csv\"")
    );
    let text = file.ok();
    assert!(text.as_str().is_some_and(|text| text.starts_with("person,requests,") && text.contains("\nada,1,")), "{text}");
    for item in items {
        let name = item["name"].as_str().expect("a name");
        assert!(app.get(&format!("/questions/{name}"), &vera).await.ok()["rows"].is_array(), "{name}");
    }
}

#[tokio::test]
async fn what_can_not_be_asked_is_named() {
    let app = App::start().await;
    let vera = app.token("vera", Role::Viewer).await;
    let unknown = app.get("/questions/who-is-to-blame", &vera).await;
    assert!(unknown.code() == 5150 && unknown.message().contains("what-failed"), "{unknown:?}");
    for (query, field) in [
        ("since=yesterday", "`yesterday` is no moment such as 2026"),
        ("since=-9999-01-01T00:00:00Z", "no moment"),
        ("until=%2B10000-01-01T00:00:00Z", "no moment"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since"),
        ("format=xml", "format"),
        ("limit=5", "limit"),
    ] {
        let refused = app.get(&format!("/questions/what-failed?{query}"), &vera).await;
        assert!(refused.status.as_u16() == 400 && refused.message().contains(field), "{query}: {refused:?}");
    }
}
