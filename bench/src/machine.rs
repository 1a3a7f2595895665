//! Where it was measured, how busy that was, and with what.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// A machine and the state it was in.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Logical cores.
    pub cores: usize,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// The one-minute load average before anything was measured. Others' work on the machine is seen here.
    pub load_before: String,
    /// The same after all was measured.
    pub load_after: String,
    /// Versions of what was measured.
    pub versions: Vec<String>,
    /// How it was set up.
    pub settings: Vec<String>,
}

impl Machine {
    /// This one, before anything is measured.
    pub fn here() -> Self {
        let line = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let found = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            found.trim_start_matches([' ', '\t', ':']).to_owned()
        };
        let memory_kib: u64 = line("/proc/meminfo", "MemTotal").split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
        let build = if cfg!(debug_assertions) { "development build" } else { "release build" };
        Self {
            processor: line("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: memory_kib.div_ceil(1024 * 1024),
            load_before: load(),
            load_after: String::new(),
            versions: ["psql", "ansible-playbook"].into_iter().filter_map(first_line).collect(),
            settings: vec![build.to_owned(), "every message confirmed by the broker".to_owned()],
        }
    }

    /// The same after all was measured.
    #[must_use]
    pub fn done(self) -> Self {
        Self { load_after: load(), ..self }
    }

    /// In one line.
    pub fn words(&self) -> String {
        let Self { processor, cores, memory_gib, load_before, load_after, .. } = self;
        let (versions, settings) = (self.versions.join(", "), self.settings.join(", "));
        format!("{processor}, {cores} cores, {memory_gib} GiB; load {load_before} before, {load_after} after; {versions}; {settings}")
    }
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn first_line(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}
