//! Resident memory over time, of each process by its name. A process that was started again goes on under it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::world::World;

/// A process is still growing into its work for so long.
const WARM_UP_SECONDS: f64 = 60.0;

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: f64,
    mib: f64,
}

/// Samples by name and process.
#[derive(Debug)]
pub struct Memory {
    begun: Instant,
    samples: BTreeMap<String, BTreeMap<u32, Vec<Sample>>>,
}

/// What became of one name's memory, in MiB.
#[derive(Debug, Serialize)]
pub struct Course {
    /// The least.
    pub min_mib: f64,
    /// The middle.
    pub median_mib: f64,
    /// The most.
    pub max_mib: f64,
    /// How often it was started.
    pub starts: usize,
    /// How long the longest-lived process of the name was looked at, after its first minute.
    pub longest_seconds: f64,
    /// How much that one grew in an hour, by least squares; none where it lived too short to say.
    pub slope_mib_per_hour: Option<f64>,
}

impl Memory {
    /// Without samples.
    pub fn new() -> Self {
        Self { begun: Instant::now(), samples: BTreeMap::new() }
    }

    /// Looks at everything that runs.
    pub async fn sample(&mut self, world: &World) {
        let mut seen: Vec<(String, u32)> =
            world.parts.lock().await.iter().filter_map(|part| Some((part.label.clone(), part.pid()?))).collect();
        seen.extend(pid_in(&world.home.path().join("rabbitmq/pid")).map(|pid| ("broker".to_owned(), pid)));
        let at = self.begun.elapsed().as_secs_f64();
        for (label, pid) in seen {
            if let Some(mib) = resident(pid) {
                self.samples.entry(label).or_default().entry(pid).or_default().push(Sample { at, mib });
            }
        }
        // Its processes share most of their memory, so that their sum would count it many times.
        if let Some(pid) = pid_in(&world.home.path().join("postgres/cluster/postmaster.pid")) {
            let mib: f64 = children(pid).into_iter().chain([pid]).filter_map(proportional).sum();
            self.samples.entry("database".to_owned()).or_default().entry(pid).or_default().push(Sample { at, mib });
        }
    }

    /// The course of each.
    pub fn courses(&self) -> BTreeMap<String, Course> {
        self.samples.iter().map(|(label, processes)| (label.clone(), course(processes))).collect()
    }
}

fn course(processes: &BTreeMap<u32, Vec<Sample>>) -> Course {
    let mut all: Vec<f64> = processes.values().flatten().map(|sample| sample.mib).collect();
    all.sort_by(f64::total_cmp);
    let warm = processes.values().map(|samples| {
        let ready = samples.first().map_or(0.0, |first| first.at + WARM_UP_SECONDS);
        samples.iter().filter(|sample| sample.at >= ready).copied().collect::<Vec<_>>()
    });
    let longest = warm.max_by(|one, other| lifetime(one).total_cmp(&lifetime(other))).unwrap_or_default();
    Course {
        min_mib: all.first().copied().unwrap_or_default(),
        median_mib: all.get(all.len() / 2).copied().unwrap_or_default(),
        max_mib: all.last().copied().unwrap_or_default(),
        starts: processes.len(),
        longest_seconds: lifetime(&longest),
        slope_mib_per_hour: (lifetime(&longest) >= 2.0 * WARM_UP_SECONDS).then(|| slope(&longest) * 3600.0),
    }
}

fn lifetime(samples: &[Sample]) -> f64 {
    samples.last().zip(samples.first()).map_or(0.0, |(last, first)| last.at - first.at)
}

fn slope(samples: &[Sample]) -> f64 {
    let count = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX));
    let (at, mib) = samples.iter().fold((0.0, 0.0), |(at, mib), sample| (at + sample.at / count, mib + sample.mib / count));
    let (covariance, variance) = samples.iter().fold((0.0, 0.0), |(covariance, variance), sample| {
        (covariance + (sample.at - at) * (sample.mib - mib), variance + (sample.at - at).powi(2))
    });
    covariance / variance
}

fn pid_in(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok()
}

/// proc(5): VmRSS in kB.
fn resident(pid: u32) -> Option<f64> {
    field(&format!("/proc/{pid}/status"), "VmRSS:")
}

fn proportional(pid: u32) -> Option<f64> {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

fn field(file: &str, name: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = value.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}
