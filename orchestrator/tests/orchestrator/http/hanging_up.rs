//! Clients that go away in the middle of a call disturb nobody: no stranger's statement runs in what they left open.

use std::net::SocketAddr;
use std::task::Poll;

use chiffon_kernel::domain::role::Role;
use reqwest::{Method, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use uuid::Uuid;

use super::{Answer, App};

/// So many clients leave.
const LEAVERS: usize = 1_500;
/// Each leaves after another number of turns of the server, up to this many; together they meet every place where a call waits.
const TURNS: usize = 97;

/// Sends a call and leaves before its answer, after so many turns.
async fn leave(address: SocketAddr, path: &str, token: &str, turns: usize) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let call = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(call.as_bytes()).await.expect("it is sent");
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// Sessions of the app, beside the one that asks, that stand in a transaction.
async fn in_transaction(app: &App) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'",
    )
    .fetch_one(app.context.store.pool())
    .await
    .expect("the activity")
}

/// Waits until every connection is back in the pool.
async fn all_back(app: &App) {
    let pool = app.context.store.pool();
    // One is the listener's.
    let back = async {
        while pool.num_idle() + 1 < usize::try_from(pool.size()).expect("small") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), back)
        .await
        .unwrap_or_else(|_| panic!("{} of {} connections came back", pool.num_idle(), pool.size()));
}

async fn readers_leave(app: &App, id: Uuid, token: &str) {
    let address: SocketAddr = app.address.trim_start_matches("http://").parse().expect("an address");
    let paths = [format!("/request/{id}"), format!("/request/{id}/events"), "/requests".to_owned(), "/audit".to_owned()];
    let leavers = (0..LEAVERS).map(|number| leave(address, &paths[number % paths.len()], token, number % TURNS));
    let mut leavers = futures::stream::iter(leavers);
    futures::StreamExt::for_each_concurrent(&mut leavers, 6, |leaver| leaver).await;
}

#[tokio::test]
async fn clients_that_hang_up_cost_no_other_its_answer() {
    let app = App::start().await;
    app.announce().await;
    let ada = app.token("ada", Role::Requester).await;
    let (id, _) = app.proposed(&ada).await;
    let asked = async {
        for number in 0..150 {
            let read = app.get(&format!("/request/{id}"), &ada).await;
            assert_eq!(read.status, StatusCode::OK, "{number}: {read:?}");
            let said = Answer::of(app.call(Method::POST, &format!("/request/{id}/messages"), &ada).json(&serde_json::json!({}))).await;
            assert!(said.status.is_client_error(), "{number}: {said:?}");
        }
    };
    tokio::join!(readers_leave(&app, id, &ada), asked);
    all_back(&app).await;
    assert_eq!(in_transaction(&app).await, 0);
}

#[tokio::test]
async fn a_beginning_that_is_given_up_leaves_no_transaction_open() {
    let app = App::start().await;
    let store = &app.context.store;
    let mut given_up = 0;
    for polls in (1..60).cycle().take(600) {
        let (mut snapshot, mut change) = (Box::pin(store.snapshot()), Box::pin(store.begin()));
        for _ in 0..polls {
            let ended =
                std::future::poll_fn(|task| Poll::Ready((snapshot.as_mut().poll(task).is_ready(), change.as_mut().poll(task).is_ready())))
                    .await;
            if ended.0 || ended.1 {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop((snapshot, change));
        given_up += 1;
        sqlx::query("CREATE TABLE IF NOT EXISTS given_up (number integer)")
            .execute(store.pool())
            .await
            .expect("it is no read-only transaction");
        sqlx::query("INSERT INTO given_up VALUES ($1)").bind(given_up).execute(store.pool()).await.expect("it is no failed transaction");
    }
    all_back(&app).await;
    assert_eq!(in_transaction(&app).await, 0);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM given_up").fetch_one(store.pool()).await.expect("the count");
    assert_eq!(kept, i64::from(given_up), "what was written stands");
}
