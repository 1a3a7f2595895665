//! The feed of all events over HTTP.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use chiffon_testkit::until;
use serde_json::Value;

use super::App;

async fn page(app: &App, token: &str, query: &str) -> Value {
    app.get(&format!("/events?{query}"), token).await.ok()
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().expect("a list")
}

#[tokio::test]
async fn all_events_are_read_page_by_page_and_from_where_one_was() {
    let app = App::start().await;
    let (ada, vera) = (app.token("ada", Role::Requester).await, app.token("vera", Role::Viewer).await);
    assert_eq!(page(&app, &vera, "").await["next_after"], Value::Null, "there is no event yet");
    let first = app.ask(&ada, "polish the lens of nas").await;
    let second = app.ask(&ada, "open the dome of nas").await;
    // Transactions of other tests in the same server hold the feed up, too.
    let all = until("the events of both are there", Duration::from_secs(20), || async {
        let all = page(&app, &vera, "").await;
        let has = |id: &uuid::Uuid| items(&all).iter().any(|event| event["stream_id"] == id.to_string());
        if has(&first) && has(&second) { Ok(all) } else { Err(all) }
    })
    .await;
    for event in items(&all) {
        assert_eq!((&event["stream_kind"], event["data"].is_object()), (&"request".into(), true), "{event:#}");
    }
    let told = app.get(&format!("/request/{first}"), &vera).await.ok();
    let last = items(&all).iter().rfind(|event| event["stream_id"] == first.to_string()).expect("an event");
    assert_eq!(last["seq"], told["last_event_id"], "the numbers are those of the request's own events");
    let (mut read, mut after) = (Vec::new(), String::new());
    while read.len() < items(&all).len() {
        let next = page(&app, &vera, &format!("limit=1{after}")).await;
        assert_eq!(next["next_after"], items(&next)[0]["cursor"]);
        after = format!("&after={}", next["next_after"].as_str().expect("a cursor"));
        read.extend(items(&next).clone());
    }
    assert_eq!(&read, items(&all));
    let end = page(&app, &vera, after.trim_start_matches('&')).await;
    assert_eq!((items(&end).len(), end["next_after"].as_str()), (0, after.strip_prefix("&after=")), "one goes on from there later");
}

#[tokio::test]
async fn what_is_no_cursor_of_the_feed_is_refused_by_name() {
    let app = App::start().await;
    let vera = app.token("vera", Role::Viewer).await;
    for bad in ["after=1", "after=1-2-3", "limit=0", "limit=1001", "cursor=1"] {
        assert_eq!(app.get(&format!("/events?{bad}"), &vera).await.status.as_u16(), 400, "{bad}");
    }
}
