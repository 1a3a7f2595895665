//! The round trip of one task on an idle system: from `POST /approve` to its completion heard on the request's event stream.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use uuid::Uuid;

use crate::celery::{self, Celery};
use crate::floor::{self, Floor};
use crate::noop;
use crate::story;
use crate::system::{System, TOKEN};
use crate::table::{Beside, Figures, Row};

/// Between two of them: what the one before has left to do (acknowledgements, its commit in git) is done.
const REST: Duration = Duration::from_millis(300);
/// Round trips of a turn.
const EACH_TURN: usize = 10;
/// A task that is not completed by then never is.
const PATIENCE: Duration = Duration::from_mins(1);

/// The row. Chiffon, the peer and the floor take turns, because the machine may be busier now than then.
pub async fn row(system: &System, celery: &mut Result<Celery, String>, turns: usize) -> anyhow::Result<Row> {
    let mut floor = Floor::start(system).await?;
    // Not counted: it fills caches.
    own(system, 1).await?;
    let (mut chiffon, mut peers, mut floors) = (vec![], vec![], vec![]);
    for _ in 0..turns {
        chiffon.extend(own(system, EACH_TURN).await?);
        if let Ok(celery) = celery {
            peers.extend(celery.round_trips(EACH_TURN)?);
        }
        floors.extend(floor.measure(EACH_TURN).await?);
    }
    floor.stop().await?;
    let peer = match celery {
        Ok(_) => Beside::measured(celery::NAME, Figures::of(peers)),
        Err(why) => Beside::missing(celery::NAME, why.as_str()),
    };
    let row = Row::alone("round trip: POST /approve to completed, seen on the event stream, idle system", "ms", Figures::of(chiffon));
    Ok(row.beside(peer).with_limit(Beside::measured(floor::name(), Figures::of(floors))))
}

/// Milliseconds of so many tasks, one after the other.
pub async fn own(system: &System, runs: usize) -> anyhow::Result<Vec<f64>> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (mut milliseconds, mut all) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    for _ in 0..runs {
        let planned = story::plan_each(system, [format!("do nothing on {}", noop::host(1))]).await?.pop().context("a plan")?;
        let mut events = Events::open(&client, system, planned.id).await?;
        tokio::time::sleep(REST).await;
        let begun = Instant::now();
        story::approve(system.api.clone(), planned.clone()).await?;
        tokio::time::timeout(PATIENCE, events.until_completed()).await.context("it was never told that it is completed")??;
        milliseconds.push(begun.elapsed().as_secs_f64() * 1e3);
        all.push(planned);
    }
    tokio::time::sleep(REST).await;
    story::check(system, &all, noop::EVENTS).await?;
    Ok(milliseconds)
}

/// A request's events as a page follows them.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(client: &reqwest::Client, system: &System, id: Uuid) -> anyhow::Result<Self> {
        let response = client.get(format!("http://{}/request/{id}/events", system.listen)).bearer_auth(TOKEN).send().await?;
        ensure!(response.status() == 200, "the events of {id} gave {}", response.status());
        Ok(Self { response, text: String::new() })
    }

    async fn until_completed(&mut self) -> anyhow::Result<()> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                match ended(&event)?.as_deref() {
                    Some("completed") => return Ok(()),
                    Some(other) => bail!("it is {other}: {event}"),
                    None => {}
                }
            }
            let chunk = self.response.chunk().await?.context("the events end before their request")?;
            self.text.push_str(std::str::from_utf8(&chunk)?);
        }
    }
}

/// The final status that an event tells, if it tells one.
fn ended(event: &str) -> anyhow::Result<Option<String>> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    if field("event: ") != Some("request") {
        return Ok(None);
    }
    let data: Value = serde_json::from_str(field("data: ").context("an event has data")?)?;
    let ends = |status: &&str| ["completed", "failed", "cancelled", "needs_attention"].contains(status);
    Ok(data["status"].as_str().filter(ends).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_that_has_ended_ends_the_wait() {
        let told = |text| ended(text).expect("an event");
        assert_eq!(told("id: 7\nevent: request\ndata: {\"status\":\"completed\"}"), Some("completed".to_owned()));
        assert_eq!(told("id: 6\nevent: request\ndata: {\"status\":\"running\"}"), None);
        assert_eq!(told("id: 5\nevent: task\ndata: {\"status\":\"completed\"}"), None);
    }
}
