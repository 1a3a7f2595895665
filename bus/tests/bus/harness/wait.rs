//! Waiting without sleeping: every wait ends with what was seen last.

use std::future::Future;
use std::time::Duration;

use chiffon_bus::{Bus, Consumer, Delivery};
use tokio::time::{Instant, interval, timeout};

/// Longer than anything takes that works.
pub const LONG: Duration = Duration::from_secs(30);
/// Long enough for what would come to come.
const A_WHILE: Duration = Duration::from_millis(300);

/// Asks again and again until the answer is `Ok`.
pub async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let begun = Instant::now();
    let mut tick = interval(Duration::from_millis(50));
    loop {
        tick.tick().await;
        match ask().await {
            Ok(value) => return value,
            Err(last) if begun.elapsed() > LONG => panic!("{what}: not within {LONG:?}; last: {last}"),
            Err(_) => {}
        }
    }
}

/// The next delivery.
pub async fn comes(consumer: &mut Consumer) -> Delivery {
    let next = timeout(LONG, consumer.next()).await.expect("a delivery comes in time");
    next.expect("the subscription goes on")
}

/// Asserts that nothing is on its way.
pub async fn nothing_comes(consumer: &mut Consumer) {
    if let Ok(next) = timeout(A_WHILE, consumer.next()).await {
        panic!("something came: {next:?}");
    }
}

/// Waits until so many messages lie ready in a queue.
pub async fn ready(bus: &dyn Bus, queue: &str, expected: u32) {
    eventually(&format!("{expected} messages ready in {queue}"), || async move {
        let (ready, consumers) = bus.depth(queue).await.map_err(|error| error.to_string())?;
        if ready == expected { Ok(()) } else { Err(format!("{ready} ready, {consumers} consumers")) }
    })
    .await;
}
