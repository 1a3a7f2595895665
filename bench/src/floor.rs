//! What no round trip can undercut with the same guarantees: its commits, its journal's syncs and its broker's confirms, one after the
//! other, with nothing between them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use chiffon_bus::rabbit::{RabbitBus, RabbitOptions};
use chiffon_bus::{Bus, Outgoing, Published};
use chiffon_process::{IdSource as _, RandomIds, Shutdown, Spawner};
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::topology::{QueueType, RESULTS, Topology, WORK_EXCHANGE};
use sqlx::PgPool;

use crate::system::System;

/// Its virtual host.
const PLACE: &str = "floor";
/// About what a row and a message of a task take.
const BYTES: usize = 1024;
/// Between two of them.
const REST: Duration = Duration::from_millis(20);
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// A step of the round trip that has to be on a disk before the next may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A transaction with one row.
    Commit,
    /// A persistent message to a quorum queue, confirmed.
    Confirm,
    /// An entry of the journal: written behind the others, and synced.
    Entry,
}

/// From the approval to the result in the order of ARCHITECTURE 5.
const STEPS: [Step; 11] = [
    // Approved; offered.
    Step::Commit,
    Step::Commit,
    Step::Confirm,
    // Received.
    Step::Entry,
    // Claimed and granted.
    Step::Confirm,
    Step::Commit,
    Step::Confirm,
    // `starting`; then the result, and its log with it.
    Step::Entry,
    Step::Entry,
    // Reported and stored.
    Step::Confirm,
    Step::Commit,
];

/// What the limit is called.
pub fn name() -> String {
    let count = |wanted: Step| STEPS.iter().filter(|step| **step == wanted).count();
    let (commits, confirms, syncs) = (count(Step::Commit), count(Step::Confirm), count(Step::Entry));
    format!("{commits} commits, {confirms} confirms and {syncs} syncs of the journal alone")
}

/// What it is measured with: a virtual host, a table and a folder of its own.
#[derive(Debug)]
pub struct Floor {
    spawner: Spawner,
    bus: Arc<dyn Bus>,
    pool: PgPool,
    journal: PathBuf,
    taken: usize,
}

impl Floor {
    /// Everything it needs, with connections open.
    pub async fn start(system: &System) -> anyhow::Result<Self> {
        system.broker.create_vhost(PLACE).await?;
        let spawner = Spawner::new(Shutdown::new());
        let bus = RabbitBus::start(RabbitOptions::new(system.broker.amqp_url(PLACE), PLACE), &spawner)?;
        bus.declare(&Topology::shared(QueueType::Quorum, &Kinds::default())).await?;
        sqlx::query("CREATE TABLE bench_floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)")
            .execute(&system.pool)
            .await?;
        let journal = system.home.path().join(PLACE);
        std::fs::create_dir_all(&journal)?;
        let mut floor = Self { spawner, bus, pool: system.pool.clone(), journal, taken: 0 };
        floor.measure(1).await?;
        Ok(floor)
    }

    /// Milliseconds of it, so often.
    pub async fn measure(&mut self, runs: usize) -> anyhow::Result<Vec<f64>> {
        let mut milliseconds = Vec::with_capacity(runs);
        for _ in 0..runs {
            tokio::time::sleep(REST).await;
            let begun = Instant::now();
            for step in STEPS {
                take(step, &self.pool, &self.bus, &self.journal).await?;
            }
            milliseconds.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        self.taken += runs;
        Ok(milliseconds)
    }

    /// Checks that all of it was stored, and leaves nothing.
    pub async fn stop(self) -> anyhow::Result<()> {
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM bench_floor").fetch_one(&self.pool).await?;
        let commits = STEPS.iter().filter(|step| matches!(step, Step::Commit)).count() * self.taken;
        ensure!(usize::try_from(rows)? == commits, "{rows} rows of {commits} are stored");
        let (waiting, _) = self.bus.depth(RESULTS).await?;
        let confirms = STEPS.iter().filter(|step| matches!(step, Step::Confirm)).count() * self.taken;
        ensure!(usize::try_from(waiting)? == confirms, "{waiting} messages of {confirms} are stored");
        sqlx::query("DROP TABLE bench_floor").execute(&self.pool).await?;
        self.spawner.shutdown().stop();
        self.bus.close(STOPS_WITHIN).await;
        self.spawner.finish(STOPS_WITHIN).await;
        Ok(())
    }
}

async fn take(step: Step, pool: &PgPool, bus: &Arc<dyn Bus>, journal: &Path) -> anyhow::Result<()> {
    let body = "x".repeat(BYTES);
    match step {
        Step::Commit => {
            sqlx::query("INSERT INTO bench_floor (body) VALUES ($1)").bind(body).execute(pool).await?;
        }
        Step::Confirm => {
            let id = RandomIds.new_message_id().to_string();
            let message = Outgoing {
                exchange: WORK_EXCHANGE.to_owned(),
                routing_key: RESULTS.to_owned(),
                message_id: id.clone(),
                correlation_id: id,
                headers: std::collections::BTreeMap::new(),
                body: Bytes::from(body),
                transient: false,
            };
            ensure!(bus.publish(message).await? == Published::Routed, "the message went nowhere");
        }
        Step::Entry => {
            let mut file = File::options().append(true).create(true).open(journal.join("entries"))?;
            file.write_all(body.as_bytes())?;
            file.sync_data()?;
        }
    }
    Ok(())
}
