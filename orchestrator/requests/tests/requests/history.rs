//! What was long ago is kept in sums, and found where it is asked for.

use std::time::Duration;

use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::WireAgent;
use chiffon_process::Clock as _;
use chiffon_protocol::message::Outcome;
use chiffon_requests::store::durations;
use chiffon_requests::store::read::requests::{self, Filter};
use sqlx::Connection as _;

async fn kept(site: &Site) -> (f64, f64) {
    let mut connection = site.app.context.store.acquire().await.expect("a connection");
    let known = durations::list(&mut connection, site.app.clock.now()).await.expect("they read");
    let runs = sqlx::query_scalar("SELECT runs FROM action_durations WHERE action = 'set_up'").fetch_optional(site.app.pool()).await;
    (known.get("set_up").copied().unwrap_or_default(), runs.expect("it reads").unwrap_or_default())
}

#[tokio::test]
async fn each_run_counts_once_in_how_long_its_action_takes() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    assert_eq!(kept(&site).await, (0.0, 0.0));
    for runs in [1.0, 2.0, 3.0] {
        site.approved(&[step("one", "nas", &[])]).await;
        site.turn().await;
        agent.hear_all().await;
        let work = agent.take(&site).await;
        agent.finish(&work, Outcome::Succeeded).await;
        site.turn().await;
        site.app.clock.advance(Duration::from_secs(11));
        assert_eq!(kept(&site).await, (1.5, runs));
        assert_eq!(kept(&site).await, (1.5, runs), "looking twice adds nothing");
    }
}

#[tokio::test]
async fn what_is_rare_and_old_is_found_behind_all_that_is_newer() {
    let site = Site::start().await;
    let old = site.approved(&[step("one", "nas", &[])]).await;
    let other_words = sqlx::query("UPDATE requests SET text = 'a xylophone for the nas' WHERE id = $1").bind(old);
    let refused = other_words.execute(site.app.pool()).await.expect_err("what was asked stays").to_string();
    assert!(refused.contains("is fixed"), "{refused}");
    let mut connection = site.app.pool().acquire().await.expect("a connection").detach();
    for statement in ["SET session_replication_role = replica", "UPDATE requests SET text = 'a xylophone for the nas'"] {
        sqlx::query(statement).execute(&mut connection).await.expect("stored");
    }
    connection.close().await.expect("closed");
    sqlx::query(
        "INSERT INTO requests (id, principal_id, text, status, trace_id, created_at, updated_at, finished_at)
        SELECT ('ffffffff-ffff-7fff-bfff-' || lpad(to_hex(n), 12, '0'))::uuid, principal_id, 'a drum', 'cancelled', trace_id, created_at, created_at, created_at
        FROM requests, generate_series(1, 3000) n",
    )
    .execute(site.app.pool())
    .await
    .expect("stored");
    let found = async |filter: Filter, limit: i64| {
        let found = requests::list(site.app.pool(), &site.app.context.settings.kinds, &filter, limit).await.expect("they read");
        found.into_iter().map(|request| request.request_id).collect::<Vec<_>>()
    };
    let (nas, word) = (Some("nas".to_owned()), Some("xylophone".to_owned()));
    assert_eq!(found(Filter { text: word.clone(), ..Filter::default() }, 10).await, [old]);
    assert_eq!(found(Filter { host: nas.clone(), text: word, ..Filter::default() }, 10).await, [old]);
    assert_eq!(found(Filter { action: Some("set_up".to_owned()), host: nas, ..Filter::default() }, 10).await, [old]);
    assert_eq!(found(Filter { text: Some("drum".to_owned()), ..Filter::default() }, 2_500).await.len(), 2_500);
    assert!(found(Filter { who: Some("nobody".to_owned()), ..Filter::default() }, 10).await.is_empty());
}
