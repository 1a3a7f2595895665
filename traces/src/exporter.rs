//! Takes spans out of their line and brings them to the collector, in batches, until the process leaves.

use std::sync::Arc;
use std::time::Duration;

use chiffon_process::retry::Policy;
use chiffon_process::traces::{Counts, Ended, LINE, Service, Traces};
use chiffon_process::{Shutdown, Spawner};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::deliver::{Refused, Way};
use crate::settings::Target;
use crate::wire;

/// The most spans of one call.
const BATCH: usize = 512;
/// A span waits no longer for others.
const EVERY: Duration = Duration::from_secs(1);
/// The pauses while the collector is away.
const AWAY: Policy = Policy { first: Duration::from_millis(500), longest: Duration::from_secs(30), within: None, tries: None };

/// What sends spans. Ended by [`Exporter::finish`]; dropped, it sends on as long as the process lives.
#[derive(Debug)]
pub struct Exporter {
    traces: Traces,
    counts: Arc<Counts>,
    leaving: Shutdown,
    sending: JoinHandle<()>,
}

impl Exporter {
    /// Begins to send to this collector. It is not asked before there is something to send.
    pub fn start(target: Target, service: Service) -> Result<Self, String> {
        let (traces, line) = Traces::new(service, target.ratio);
        let way = Way::new(target)?;
        let counts = traces.counts().cloned().unwrap_or_default();
        let leaving = Shutdown::new();
        tracing::info!(endpoint = way.to(), "traces are sent by OTLP");
        let run = Run { way, line, counts: Arc::clone(&counts), leaving: leaving.clone(), trouble: None };
        // A spawner of its own: it outlives all that makes spans.
        let sending = Spawner::new(leaving.clone()).spawn("traces", run.run());
        Ok(Self { traces, counts, leaving, sending })
    }

    /// Where spans go.
    pub fn traces(&self) -> &Traces {
        &self.traces
    }

    /// Sends what waits, within this time; what is left then is dropped, and said.
    pub async fn finish(self, within: Duration) {
        let Self { traces: _, counts, leaving, mut sending } = self;
        leaving.stop();
        if tokio::time::timeout(within, &mut sending).await.is_err() {
            sending.abort();
        }
        let left = counts.waiting();
        if left > 0 {
            counts.add_dropped(left);
            tracing::warn!(spans = left, "the collector did not take the last spans in time; they are dropped");
        }
    }
}

struct Run {
    way: Way,
    line: Receiver<Ended>,
    counts: Arc<Counts>,
    leaving: Shutdown,
    /// How many spans had been dropped when the collector went away, while it is.
    trouble: Option<u64>,
}

impl Run {
    async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            if !self.deliver(&batch).await {
                return;
            }
        }
    }

    /// The next spans, as soon as there are many or one has waited long enough; `None` when there will be no more.
    async fn next_batch(&mut self) -> Option<Vec<Ended>> {
        let mut batch = Vec::new();
        let leaving = self.leaving.clone();
        tokio::select! {
            _ = self.line.recv_many(&mut batch, BATCH) => {}
            () = leaving.stopping() => self.line.close(),
        }
        let due = sleep(EVERY);
        tokio::pin!(due);
        while batch.len() < BATCH && !self.line.is_closed() {
            let room = BATCH - batch.len();
            tokio::select! {
                more = self.line.recv_many(&mut batch, room) => if more == 0 { break },
                () = &mut due => break,
                () = leaving.stopping() => self.line.close(),
            }
        }
        while batch.len() < BATCH
            && let Ok(more) = self.line.try_recv()
        {
            batch.push(more);
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// Brings a batch to the collector, however long that takes; only a stop ends it before. `false` when no other can get there.
    async fn deliver(&mut self, batch: &[Ended]) -> bool {
        let (body, spans) = (wire::body(batch), batch.len() as u64);
        let mut delays = AWAY.delays();
        loop {
            let is_last = self.leaving.is_stopping();
            match self.way.send(body.clone()).await {
                Ok(left_out) => {
                    let left_out = left_out.min(spans);
                    self.counts.add_sent(spans - left_out);
                    self.counts.add_dropped(left_out);
                    if left_out > 0 {
                        self.fails(&format!("it left out {left_out} of {spans}"));
                    } else {
                        self.works();
                    }
                    return true;
                }
                Err(Refused::ForGood { why }) => {
                    self.counts.add_dropped(spans);
                    self.fails(&why);
                    return true;
                }
                Err(Refused::Away { why, after }) => {
                    self.fails(&why);
                    if is_last {
                        return false;
                    }
                    let pause = delays.next_delay().unwrap_or(AWAY.longest).max(after.unwrap_or_default());
                    // A stop cuts it short, and is followed by one more try.
                    self.leaving.sleep(pause).await;
                }
            }
        }
    }

    /// Said once, however long it lasts.
    fn fails(&mut self, why: &str) {
        if self.trouble.is_none() {
            self.trouble = Some(self.counts.dropped());
            tracing::warn!(
                endpoint = self.way.to(),
                why,
                "traces can't be sent; up to {LINE} spans wait, more are dropped, and everything else goes on"
            );
        }
    }

    fn works(&mut self) {
        if let Some(before) = self.trouble.take() {
            let dropped = self.counts.dropped() - before;
            tracing::info!(endpoint = self.way.to(), dropped, "traces are sent again");
        }
    }
}
