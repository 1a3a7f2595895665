//! What goes wrong, by chance: processes and servers that are killed, frozen and restarted, and connections that are cut.
//!
//! Faults come in storms. Between two storms is a calm in which everything has to come right by itself; what is still wrong at
//! its end is a violation (see [`crate::invariants`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::sync::{Mutex, watch};

use crate::seed::Chance;
use crate::world::{Kind, Part, World};

/// How long faults follow each other.
const STORM: Duration = Duration::from_secs(90);
/// How long none comes afterwards.
const CALM: Duration = Duration::from_secs(80);

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill(Kind),
    Freeze(Kind),
    Restart(Kind),
    KillBroker,
    FreezeBroker,
    RestartBroker,
    KillDatabase,
    FreezeDatabase,
    RestartDatabase,
    CutConnections,
    KillEverything,
}

impl Fault {
    /// Processes of ours more often than servers.
    const ALL: [Self; 17] = [
        Self::Kill(Kind::Orchestrator),
        Self::Kill(Kind::Orchestrator),
        Self::Kill(Kind::Agent),
        Self::Kill(Kind::Agent),
        Self::Kill(Kind::Agent),
        Self::Freeze(Kind::Orchestrator),
        Self::Freeze(Kind::Agent),
        Self::Freeze(Kind::Agent),
        Self::Restart(Kind::Orchestrator),
        Self::Restart(Kind::Agent),
        Self::KillBroker,
        Self::FreezeBroker,
        Self::RestartBroker,
        Self::KillDatabase,
        Self::FreezeDatabase,
        Self::RestartDatabase,
        Self::CutConnections,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Kill(Kind::Orchestrator) => "kill -9 of an orchestrator",
            Self::Kill(Kind::Agent) => "kill -9 of an agent",
            Self::Freeze(Kind::Orchestrator) => "SIGSTOP of an orchestrator",
            Self::Freeze(Kind::Agent) => "SIGSTOP of an agent",
            Self::Restart(Kind::Orchestrator) => "restart of an orchestrator",
            Self::Restart(Kind::Agent) => "restart of an agent",
            Self::KillBroker => "kill -9 of the broker",
            Self::FreezeBroker => "SIGSTOP of the broker",
            Self::RestartBroker => "restart of the broker",
            Self::KillDatabase => "kill -9 of the database",
            Self::FreezeDatabase => "SIGSTOP of the database",
            Self::RestartDatabase => "restart of the database",
            Self::CutConnections => "connections cut by the broker",
            Self::KillEverything => "kill -9 of everything at once",
        }
    }
}

/// Whether something is wrong at this moment, and since when nothing is.
#[derive(Debug, Clone, Copy)]
pub enum Weather {
    /// Faults come, or the last one has just ended.
    Storm,
    /// None since then.
    CalmSince(Instant),
}

/// The maker of faults.
#[derive(Debug)]
pub struct Faults {
    world: Arc<World>,
    weather: watch::Sender<Weather>,
    stopping: AtomicBool,
    /// How often each came.
    pub made: Mutex<BTreeMap<&'static str, u32>>,
    /// Processes that ended without being told to.
    pub crashes: Mutex<Vec<String>>,
}

impl Faults {
    /// None yet, in this world.
    pub fn new(world: Arc<World>) -> Self {
        let weather = watch::Sender::new(Weather::CalmSince(Instant::now()));
        Self { world, weather, stopping: AtomicBool::new(false), made: Mutex::default(), crashes: Mutex::default() }
    }

    /// The weather, now and later.
    pub fn weather(&self) -> watch::Receiver<Weather> {
        self.weather.subscribe()
    }

    /// Storms and calms until `until`, or calm alone; then a calm that does not end.
    pub async fn make(&self, mut chance: Chance, until: Instant, calm: bool) -> anyhow::Result<()> {
        while !self.is_over(until) {
            if !calm {
                self.storm(&mut chance, (Instant::now() + STORM).min(until)).await?;
            }
            self.weather.send_replace(Weather::CalmSince(Instant::now()));
            let end = (Instant::now() + CALM).min(until);
            while !self.is_over(end) {
                self.raise_the_dead().await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Ok(())
    }

    async fn storm(&self, chance: &mut Chance, end: Instant) -> anyhow::Result<()> {
        self.weather.send_replace(Weather::Storm);
        while !self.is_over(end) {
            // Once in a while nothing is left standing.
            let fault = if chance.below(40) == 0 { Fault::KillEverything } else { chance.one_of(&Fault::ALL) };
            self.one(fault, chance).await?;
            *self.made.lock().await.entry(fault.name()).or_default() += 1;
            self.raise_the_dead().await;
            tokio::time::sleep(chance.seconds(2..14)).await;
        }
        Ok(())
    }

    /// The next one is the last; its undoing is waited for.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn is_over(&self, until: Instant) -> bool {
        self.stopping.load(Ordering::Relaxed) || Instant::now() >= until
    }

    /// Starts what does not run; what ended by itself is noted.
    pub async fn raise_the_dead(&self) {
        let mut parts = self.world.parts.lock().await;
        for part in parts.iter_mut() {
            if let Some(words) = part.crashed() {
                self.crashes.lock().await.push(words);
            }
            part.start(&self.world.home);
        }
    }

    async fn one(&self, fault: Fault, chance: &mut Chance) -> anyhow::Result<()> {
        match fault {
            Fault::Kill(kind) => self.kill(kind, chance).await,
            Fault::Freeze(kind) => self.freeze(kind, chance).await,
            Fault::Restart(kind) => self.restart(kind, chance).await,
            Fault::KillBroker => {
                let mut broker = self.world.broker.lock().await;
                broker.kill().await;
                tokio::time::sleep(chance.seconds(0..12)).await;
                broker.restart().await?;
            }
            Fault::FreezeBroker => {
                let broker = self.world.broker.lock().await;
                broker.pause();
                tokio::time::sleep(chance.seconds(1..15)).await;
                broker.resume();
            }
            Fault::RestartBroker => self.world.broker.lock().await.restart().await?,
            Fault::KillDatabase => {
                let mut database = self.world.database.lock().await;
                database.kill().await;
                tokio::time::sleep(chance.seconds(0..8)).await;
                database.restart().await?;
            }
            Fault::FreezeDatabase => {
                let database = self.world.database.lock().await;
                database.pause();
                tokio::time::sleep(chance.seconds(1..12)).await;
                database.resume();
            }
            Fault::RestartDatabase => self.world.database.lock().await.restart().await?,
            Fault::CutConnections => self.cut_connections(chance).await?,
            Fault::KillEverything => {
                for part in self.world.parts.lock().await.iter_mut() {
                    part.kill();
                }
                let (mut broker, mut database) = (self.world.broker.lock().await, self.world.database.lock().await);
                tokio::join!(broker.kill(), database.kill());
                tokio::try_join!(broker.restart(), database.restart())?;
            }
        }
        Ok(())
    }

    async fn kill(&self, kind: Kind, chance: &mut Chance) {
        let label = self.any(kind, chance).await;
        self.with(&label, Part::kill).await;
        tokio::time::sleep(chance.seconds(0..6)).await;
    }

    /// Shorter and longer than its lease.
    async fn freeze(&self, kind: Kind, chance: &mut Chance) {
        let label = self.any(kind, chance).await;
        self.with(&label, |part| part.signal(Signal::SIGSTOP)).await;
        tokio::time::sleep(chance.seconds(1..30)).await;
        self.with(&label, |part| part.signal(Signal::SIGCONT)).await;
    }

    async fn restart(&self, kind: Kind, chance: &mut Chance) {
        let label = self.any(kind, chance).await;
        self.with(&label, |part| part.signal(Signal::SIGTERM)).await;
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.with(&label, Part::has_ended).await {
            if Instant::now() > deadline {
                self.crashes.lock().await.push(format!("{label} did not stop within a minute"));
                self.with(&label, Part::kill).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Closes some of the connections, or all.
    async fn cut_connections(&self, chance: &mut Chance) -> anyhow::Result<()> {
        let management = self.world.broker.lock().await.management()?;
        for name in management.connections().await? {
            if chance.below(2) == 0 {
                // One that has gone meanwhile is no error.
                management.close_connection(&name).await.ok();
            }
        }
        Ok(())
    }

    async fn any(&self, kind: Kind, chance: &mut Chance) -> String {
        let parts = self.world.parts.lock().await;
        let labels: Vec<&String> = parts.iter().filter(|part| part.kind == kind).map(|part| &part.label).collect();
        labels[chance.below(labels.len())].clone()
    }

    async fn with<T: Default>(&self, label: &str, act: impl FnOnce(&mut Part) -> T) -> T {
        let mut parts = self.world.parts.lock().await;
        parts.iter_mut().find(|part| part.label == label).map(act).unwrap_or_default()
    }
}
