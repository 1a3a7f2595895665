//! Rows of figures: median, least and most, beside the limit that was measured in the same run.

use std::process::Command;

use serde::Serialize;

/// Milliseconds of several runs.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Half of the runs took less.
    pub median_ms: f64,
    /// The quickest.
    pub min_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// How many.
    pub runs: usize,
}

impl Figures {
    /// Of these runs; there must be one.
    pub fn of(mut milliseconds: Vec<f64>) -> Self {
        milliseconds.sort_by(f64::total_cmp);
        let runs = milliseconds.len();
        Self { median_ms: milliseconds[runs / 2], min_ms: milliseconds[0], max_ms: milliseconds[runs - 1], runs }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was done.
    pub work: String,
    /// How long Chiffon took.
    pub chiffon: Figures,
    /// What can't be undercut, with what it is.
    pub limit: Option<(String, Figures)>,
}

/// Where it was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Logical cores.
    pub cores: usize,
    /// The one-minute load average before the table was printed.
    pub load_1m: String,
    /// Versions of what was measured.
    pub versions: Vec<String>,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let first_line = |program: &str| {
            let output = Command::new(program).arg("--version").output().ok()?;
            String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
        };
        let versions = ["psql", "ansible-playbook"].into_iter().filter_map(first_line).collect();
        Self { cores, load_1m: load.split(' ').next().unwrap_or_default().to_owned(), versions }
    }
}

/// Prints the table as Markdown.
pub fn print(machine: &Machine, rows: &[Row]) {
    println!("{} cores, load {}, {}\n", machine.cores, machine.load_1m, machine.versions.join(", "));
    println!("| work | Chiffon: median (min to max) | limit, same run | ratio | runs |\n|---|---|---|---|---|");
    for row in rows {
        let figures = &row.chiffon;
        let (limit, ratio) = match &row.limit {
            Some((name, limit)) => (format!("{name}: {:.1} ms", limit.median_ms), format!("{:.2}", figures.median_ms / limit.median_ms)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        println!(
            "| {} | {:.1} ms ({:.1} to {:.1}) | {limit} | {ratio} | {} |",
            row.work, figures.median_ms, figures.min_ms, figures.max_ms, figures.runs
        );
    }
}
