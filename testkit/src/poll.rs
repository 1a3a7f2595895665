//! Waiting for something to become true, with the last answer in the failure.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks again and again until the answer is `Ok`, and returns what it holds.
///
/// # Panics
/// When it is not `Ok` in time: names what was waited for, and the last answer.
pub async fn until<T, E, F, Fut>(what: &str, within: Duration, mut ask: F) -> T
where
    E: Debug,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let end = tokio::time::Instant::now() + within;
    loop {
        match ask().await {
            Ok(value) => return value,
            Err(last) if tokio::time::Instant::now() >= end => panic!("after {within:?} still waiting for {what}; last seen: {last:?}"),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
