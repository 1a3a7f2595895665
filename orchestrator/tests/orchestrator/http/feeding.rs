//! The feed of all events over HTTP.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use chiffon_testkit::until;
use serde_json::{Value, json};
use uuid::Uuid;

use super::App;
use super::live::View;

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
        let has = |id: &Uuid| items(&all).iter().any(|event| event["stream_id"] == id.to_string());
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

async fn tell(app: &App, id: Uuid, number: i64) {
    let mut work = app.context.begin().await.expect("a unit of work");
    work.event(id, "task", json!({"number": number}));
    work.commit().await.expect("a commit");
}

#[tokio::test]
async fn who_watches_all_events_and_is_cut_off_goes_on_without_a_gap_and_without_a_double() {
    const ALL: usize = 120;
    let app = App::start().await;
    let (ada, vera) = (app.token("ada", Role::Requester).await, app.token("vera", Role::Viewer).await);
    let requests = [app.ask(&ada, "polish the lens of nas").await, app.ask(&ada, "open the dome of nas").await];
    let from = until("an end of the feed behind both", Duration::from_secs(20), || async {
        let all = page(&app, &vera, "").await;
        let has = |id: &Uuid| items(&all).iter().any(|event| event["stream_id"] == id.to_string());
        let end = all["next_after"].as_str().map(str::to_owned);
        end.filter(|_| requests.iter().all(has)).ok_or(all)
    })
    .await;
    let writing = async {
        for number in 0..i64::try_from(ALL).expect("few") {
            tell(&app, requests[usize::from(number % 3 == 0)], number).await;
        }
    };
    let watching = async {
        let (mut seen, mut after, mut cut) = (Vec::new(), from.clone(), 0);
        while seen.len() < ALL {
            let mut view = View::open(&app, &vera, "/events", Some(&after)).await;
            cut += 1;
            // Each is cut off after another number of events, and once before the first.
            for _ in 0..(cut * 7 % 11).min(ALL - seen.len()) {
                let told = view.next().await.expect("an event");
                assert_eq!(told.id.as_deref(), told.data["cursor"].as_str());
                after = told.id.clone().expect("a cursor");
                if let Some(number) = told.data["data"]["number"].as_i64() {
                    seen.push((told.data["stream_id"].clone(), number));
                }
            }
        }
        seen
    };
    let ((), seen) = tokio::join!(writing, watching);
    for (place, id) in requests.iter().enumerate() {
        let numbers: Vec<i64> = seen.iter().filter(|(stream, _)| *stream == id.to_string()).map(|(_, number)| *number).collect();
        let told: Vec<i64> = (0..i64::try_from(ALL).expect("few")).filter(|number| usize::from(number % 3 == 0) == place).collect();
        assert_eq!(numbers, told, "each once, and in their order");
    }
    let behind = &seen[0];
    let mut whole = View::open(&app, &vera, &format!("/events?after={from}"), None).await;
    assert_eq!(whole.next().await.expect("an event").data["data"]["number"], behind.1, "`after` does the same");
    app.stop();
    while whole.next().await.is_some() {}
}

#[tokio::test]
async fn who_watches_from_now_on_is_told_nothing_that_was_and_hears_no_more_once_the_token_is_taken_back() {
    let app = App::with_options(chiffon_kernel::http::HttpOptions { live_period: Duration::from_millis(50), ..Default::default() }).await;
    let (ada, vera) = (app.token("ada", Role::Requester).await, app.token("vera", Role::Viewer).await);
    let before = app.ask(&ada, "polish the lens of nas").await;
    // `now` is behind what has been told; what a transaction that still runs tells is told after it.
    until("the first is behind", Duration::from_secs(20), || async {
        let all = page(&app, &vera, "").await;
        if items(&all).iter().any(|event| event["stream_id"] == before.to_string()) { Ok(()) } else { Err(all) }
    })
    .await;
    let now = page(&app, &vera, "after=now").await;
    assert!(items(&now).is_empty(), "{now}");
    let mut view = View::open(&app, &vera, "/events?after=now", None).await;
    let after = app.ask(&ada, "open the dome of nas").await;
    loop {
        let told = view.next().await.expect("an event");
        if told.data["stream_id"] == after.to_string() {
            break;
        }
        assert_ne!(told.data["stream_id"], before.to_string(), "{told:?}");
    }
    app.sql("UPDATE api_tokens SET revoked_at = now() WHERE principal_id = (SELECT id FROM principals WHERE name = 'vera')").await;
    while view.next().await.is_some() {}
}

#[tokio::test]
async fn what_is_no_cursor_of_the_feed_is_refused_by_name() {
    let app = App::start().await;
    let vera = app.token("vera", Role::Viewer).await;
    for bad in ["after=1", "after=1-2-3", "limit=0", "limit=1001", "cursor=1"] {
        assert_eq!(app.get(&format!("/events?{bad}"), &vera).await.status.as_u16(), 400, "{bad}");
    }
    let call = app.call(reqwest::Method::GET, "/events", &vera).header("accept", "text/event-stream").header("last-event-id", "7");
    let refused = super::Answer::of(call).await;
    assert!(refused.status.as_u16() == 400 && refused.message().contains("cursor"), "{refused:?}");
}
