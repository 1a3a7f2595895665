//! The feed of all events: one order, nothing left out and nothing twice, whoever writes at the same time (RELIABILITY 23).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chiffon_harness::app::TestApp;
use chiffon_kernel::domain::feed::Place;
use chiffon_kernel::store::feed::{self, Told};
use chiffon_kernel::verbs::work::Work;
use chiffon_testkit::until;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

async fn stream(app: &TestApp) -> Uuid {
    let id = app.context.ids.new_id();
    let mut work = begin(app).await;
    work.open(id, "test");
    work.commit().await.expect("it is stored");
    id
}

async fn begin(app: &TestApp) -> Work {
    app.context.begin().await.expect("the database answers")
}

/// Gives a transaction its number, as its first change would.
async fn number(connection: &mut PgConnection) {
    sqlx::query("SELECT pg_current_xact_id()").execute(connection).await.expect("it has one");
}

async fn tell(mut work: Work, stream_id: Uuid, text: &str) {
    work.event(stream_id, "task", json!({"text": text}));
    work.commit().await.expect("it is stored");
}

async fn read(app: &TestApp, after: Place, limit: i64) -> Vec<Told> {
    feed::list_after(app.pool(), after, limit).await.expect("it reads")
}

/// Reads on until there are so many. Other tests' transactions in the same server hold the feed up, too.
async fn read_on(app: &TestApp, after: Place, many: usize) -> Vec<Told> {
    until("there are as many events", Duration::from_secs(20), || async {
        let told = read(app, after, 1_000).await;
        if told.len() >= many { Ok(told) } else { Err(format!("{told:#?}")) }
    })
    .await
}

fn texts(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| told.data["text"].as_str().expect("a text")).collect()
}

#[tokio::test]
async fn a_reader_stops_at_the_oldest_transaction_that_runs_and_misses_nothing_of_it() {
    let app = TestApp::start().await;
    let (one, other) = (stream(&app).await, stream(&app).await);
    tell(begin(&app).await, one, "before").await;
    let start = read_on(&app, Place::START, 1).await[0].place;
    let mut early = begin(&app).await;
    number(&mut early).await;
    tell(begin(&app).await, other, "late").await;
    assert_eq!(read(&app, start, 10).await, [], "what was told later is not read before what may still be told");
    tell(early, one, "early").await;
    let told = read_on(&app, start, 2).await;
    assert_eq!(texts(&told), ["early", "late"]);
    assert_eq!(read(&app, told[1].place, 10).await, [], "and nothing is told twice");
}

#[tokio::test]
async fn a_transaction_that_tells_nothing_after_all_holds_nothing_up() {
    let app = TestApp::start().await;
    let one = stream(&app).await;
    let mut early = begin(&app).await;
    number(&mut early).await;
    early.event(one, "task", json!({"text": "never"}));
    tell(begin(&app).await, one, "late").await;
    drop(early);
    assert_eq!(texts(&read_on(&app, Place::START, 1).await), ["late"]);
}

#[tokio::test]
async fn the_events_of_one_thing_are_in_their_order_whichever_transaction_began_first() {
    let app = TestApp::start().await;
    let (one, other) = (stream(&app).await, stream(&app).await);
    let mut early = begin(&app).await;
    number(&mut early).await;
    tell(begin(&app).await, one, "first").await;
    tell(begin(&app).await, other, "beside").await;
    tell(early, one, "second").await;
    let told = read_on(&app, Place::START, 3).await;
    let of_one: Vec<(i64, &str)> =
        told.iter().filter(|told| told.place.stream_id == one).map(|told| (told.place.seq, told.data["text"].as_str().unwrap())).collect();
    assert_eq!(of_one, [(1, "first"), (2, "second")]);
}

#[tokio::test]
async fn of_many_writers_at_once_each_event_is_read_exactly_once() {
    const WRITERS: usize = 6;
    const EACH: usize = 40;
    let app = TestApp::start().await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(stream(&app).await);
    }
    let writer = async |number: usize| {
        for turn in 0..EACH {
            let mut work = begin(&app).await;
            if (number + turn).is_multiple_of(2) {
                self::number(&mut work).await;
            }
            // Some things are told of by many, some in one transaction; some transactions come to nothing.
            for offset in 0..=turn % 3 {
                work.event(streams[(number * turn + offset) % streams.len()], "task", json!({"text": format!("{number}.{turn}.{offset}")}));
            }
            if turn % 7 == 6 {
                drop(work);
            } else {
                work.commit().await.expect("it is stored");
            }
        }
    };
    let wanted: usize = (0..EACH).filter(|turn| turn % 7 != 6).map(|turn| turn % 3 + 1).sum::<usize>() * WRITERS;
    let reader = async {
        let (mut all, mut place) = (Vec::new(), Place::START);
        while all.len() < wanted {
            let told = read(&app, place, 9).await;
            place = told.last().map_or(place, |told| told.place);
            if told.is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            all.extend(told);
        }
        all.extend(read(&app, place, 9).await);
        all
    };
    let reader = async { tokio::time::timeout(Duration::from_mins(1), reader).await.expect("all is read") };
    let writers = futures::future::join_all((0..WRITERS).map(writer));
    let (all, _) = tokio::join!(reader, writers);
    assert_eq!(all.len(), wanted);
    assert!(all.is_sorted_by(|one, next| one.place < next.place));
    assert_eq!(texts(&all).into_iter().collect::<BTreeSet<_>>().len(), wanted, "each once");
    let mut last: BTreeMap<Uuid, i64> = BTreeMap::new();
    for told in &all {
        let before = last.insert(told.place.stream_id, told.place.seq).unwrap_or(0);
        assert_eq!(told.place.seq, before + 1, "the events of one thing are in their order, without gaps");
    }
}

#[tokio::test]
async fn restored_into_another_cluster_the_feed_goes_on_behind_what_there_is() {
    let app = TestApp::start().await;
    let one = stream(&app).await;
    tell(begin(&app).await, one, "before the backup").await;
    // Where transactions were counted much further.
    for statement in [
        "UPDATE event_feed SET cluster = cluster - 1",
        "UPDATE request_events SET feed_position = feed_position + 1000000000000",
        "UPDATE streams SET feed_position = feed_position + 1000000000000",
    ] {
        sqlx::query(statement).execute(app.pool()).await.expect("an owner");
    }
    assert_eq!(read(&app, Place::START, 10).await, []);
    let mut connection = app.context.store.acquire().await.expect("the database answers");
    assert!(feed::go_on_in_this_cluster(&mut connection).await.expect("it looks"));
    assert!(!feed::go_on_in_this_cluster(&mut connection).await.expect("it looks"), "once");
    let restored = read_on(&app, Place::START, 1).await;
    let other = stream(&app).await;
    tell(begin(&app).await, other, "after it").await;
    assert_eq!(texts(&read_on(&app, restored[0].place, 1).await), ["after it"]);
}
