//! The peer of durable tasks: Celery on the same broker and the same database server, as durable as it can be made (`tasks.py`). It is
//! installed into a folder of the build; where that can't be done, its figures are missing and say why.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chiffon_e2e::Running;
use serde::de::DeserializeOwned;

use crate::system::System;

/// What the table calls it.
pub const NAME: &str = "Celery";
/// Its virtual host and its database.
const PLACE: &str = "celery";
const PACKAGES: [&str; 3] = ["celery>=5.5,<6", "SQLAlchemy>=2,<3", "psycopg[binary]>=3,<4"];
const TASKS: &str = include_str!("celery/tasks.py");
const MEASURE: &str = include_str!("celery/measure.py");
/// How long the worker may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// A worker that runs.
#[derive(Debug)]
pub struct Celery {
    worker: Running,
    python: PathBuf,
    folder: PathBuf,
    environment: [(&'static str, String); 2],
    /// Its version.
    pub version: String,
}

impl Celery {
    /// Installs it where it is not yet, and starts a worker with as many processes as there are cores (its own default).
    pub async fn start(system: &System) -> Result<Self, String> {
        Self::try_start(system).await.map_err(|error| format!("{error:#}"))
    }

    async fn try_start(system: &System) -> anyhow::Result<Self> {
        let python = installed()?;
        let folder = system.home.path().join(PLACE);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("tasks.py"), TASKS)?;
        std::fs::write(folder.join("measure.py"), MEASURE)?;
        system.broker.create_vhost(PLACE).await?;
        system.database.create_database(PLACE).await?;
        let results = system.database.url(PLACE).replacen("postgres://", "db+postgresql+psycopg://", 1);
        let environment = [("BENCH_BROKER", system.broker.amqp_url(PLACE)), ("BENCH_RESULTS", results)];
        let version = said(Command::new(&python).args(["-m", "celery", "--version"]))?;
        let mut worker = Command::new(&python);
        worker
            .args(["-m", "celery", "-A", "tasks", "worker"])
            .current_dir(&folder)
            .envs(environment.clone())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let worker = Running::start(&mut worker, &folder.join("worker.log"));
        let mut celery = Self { worker, python, folder, environment, version: version.trim().to_owned() };
        // The first round trip proves that the worker works.
        celery.round_trips(1)?;
        Ok(celery)
    }

    /// Seconds from the first of so many tasks handed to the broker to the last result stored.
    pub fn throughput(&mut self, tasks: usize) -> anyhow::Result<f64> {
        self.measure("throughput", tasks)
    }

    /// Milliseconds of each of so many tasks, one after the other, from handing it over to having its result.
    pub fn round_trips(&mut self, tasks: usize) -> anyhow::Result<Vec<f64>> {
        self.measure("round_trips", tasks)
    }

    /// Stops the worker.
    pub fn stop(mut self) {
        self.worker.stop(STOPS_WITHIN);
    }

    fn measure<T: DeserializeOwned>(&mut self, work: &str, count: usize) -> anyhow::Result<T> {
        ensure!(self.worker.ended().is_none(), "the worker ended; it said: {}", self.worker.last_words(5));
        let mut command = Command::new(&self.python);
        command.args(["measure.py", work, &count.to_string()]).current_dir(&self.folder).envs(self.environment.clone());
        let text = said(&mut command)?;
        serde_json::from_str(&text).with_context(|| format!("it said {text}"))
    }
}

/// The Python of a virtual environment of the build that has it; made first where it is not there.
fn installed() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2).context("the program stands in a build's folder")?;
    let folder = target.join("bench-celery");
    let python = folder.join("bin/python");
    if said(Command::new(&python).args(["-c", "import celery, sqlalchemy, psycopg"])).is_err() {
        eprintln!("bench: installing Celery into {}", folder.display());
        said(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        said(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES))?;
    }
    Ok(python)
}

/// What a program printed, if it did its work.
fn said(command: &mut Command) -> anyhow::Result<String> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{name} can't be run"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = errors.lines().last().unwrap_or_default();
    ensure!(output.status.success(), "{name}: {last}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
