//! Whoever only opens connections takes none from others, and is let go.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::HttpOptions;
use chiffon_process::bounded;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::App;

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.address.trim_start_matches("http://")).await.expect("a connection")
}

/// What is said until the connection is closed.
async fn until_closed(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    // A connection that is cut off is closed, too.
    drop(tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut said)).await.expect("it is closed"));
    String::from_utf8_lossy(&said).into_owned()
}

/// A call of a connection's own; its answer's first line.
async fn asks(mut stream: TcpStream) -> String {
    drop(stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await);
    until_closed(stream).await.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_a_place_that_is_free_again_is_given() {
    let app = App::with_options(HttpOptions { max_connections: 20, ..HttpOptions::default() }).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(connect(&app).await);
    }
    let refused = app.client.get(format!("{}/health/live", app.address)).send().await.expect("an answer, not a connection that broke");
    assert_eq!(refused.status().as_u16(), 503);
    let said = bounded::body(refused.bytes_stream(), 1_000).await.expect("it is read whole");
    assert!(String::from_utf8_lossy(&said).contains("http.max_connections"), "{said:?}");
    drop(idle);
    let mut answer = String::new();
    for _ in 0..1_000 {
        answer = asks(connect(&app).await).await;
        if answer.starts_with("HTTP/1.1 200") {
            return;
        }
    }
    panic!("no place became free: {answer}");
}

#[tokio::test]
async fn a_connection_on_which_no_call_is_begun_is_closed() {
    let app = App::with_options(HttpOptions { header_timeout: Duration::from_millis(300), ..HttpOptions::default() }).await;
    let silent = connect(&app).await;
    let mut slow = connect(&app).await;
    slow.write_all(b"GET /health/live HTTP/1.1\r\nHost: local").await.expect("it is sent");
    let (silent, slow) = tokio::join!(until_closed(silent), until_closed(slow));
    assert!(!silent.contains("200") && !slow.contains("200"), "{silent:?} {slow:?}");
    assert!(asks(connect(&app).await).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_waited_for_no_longer_than_the_call_may_take() {
    const LIMIT: Duration = Duration::from_millis(600);
    let options = HttpOptions { request_timeout: LIMIT, max_wait: Duration::from_mins(1), ..HttpOptions::default() };
    let app = App::with_options(options).await;
    let token = app.token("ada", Role::Operator).await;
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: 1000\r\n\r\n{{"
        )
    };
    for path in ["/request", "/request?wait=60", "/approve"] {
        let begun = std::time::Instant::now();
        let (mut silent, mut slow) = (connect(&app).await, connect(&app).await);
        for stream in [&mut silent, &mut slow] {
            stream.write_all(head(path).as_bytes()).await.expect("it is sent");
        }
        let (mut slow, mut says) = slow.into_split();
        let dripping = async {
            while says.write_all(b" ").await.is_ok() {
                tokio::time::sleep(LIMIT / 6).await;
            }
        };
        let mut told = Vec::new();
        let hearing = tokio::time::timeout(Duration::from_secs(20), slow.read_to_end(&mut told));
        let (silent, ended, ()) = tokio::join!(until_closed(silent), hearing, dripping);
        drop(ended.expect("it is closed"));
        for said in [silent, String::from_utf8_lossy(&told).into_owned()] {
            assert!(said.starts_with("HTTP/1.1 504") && said.contains("http.request_timeout"), "{path}: {said}");
        }
        assert!(begun.elapsed() < LIMIT * 10, "{path}: {:?}", begun.elapsed());
    }
}

/// What this process holds of memory, in bytes: https://docs.kernel.org/filesystems/proc.html, `statm`.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("a Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * 4096
}

#[tokio::test]
async fn a_thousand_connections_on_which_nobody_calls_take_little_memory() {
    const IDLE: usize = 1_000;
    let app = App::with_options(HttpOptions { max_connections: 2_000, ..HttpOptions::default() }).await;
    assert!(asks(connect(&app).await).await.starts_with("HTTP/1.1 200"));
    let before = resident();
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(connect(&app).await);
    }
    // The last in the queue of those that connect: all are taken when this one is answered.
    assert!(asks(connect(&app).await).await.starts_with("HTTP/1.1 200"));
    let each = resident().saturating_sub(before) / IDLE;
    assert!(each < 32 * 1024, "each takes {each} bytes, both its ends together");
}
