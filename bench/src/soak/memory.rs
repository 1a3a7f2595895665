//! Resident memory over time, of each process by its name. A process that was started again goes on under it.

use std::collections::BTreeMap;
use std::time::Instant;

use chiffon_bench::processes;
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
        seen.extend(processes::pid_in(&world.home.path().join("rabbitmq/pid")).map(|pid| ("broker".to_owned(), pid)));
        let at = self.begun.elapsed().as_secs_f64();
        for (label, pid) in seen {
            if let Some(mib) = processes::resident(pid) {
                self.samples.entry(label).or_default().entry(pid).or_default().push(Sample { at, mib });
            }
        }
        // Its processes share most of their memory, so that their sum would count it many times.
        if let Some(pid) = processes::pid_in(&world.home.path().join("postgres/cluster/postmaster.pid")) {
            let mib: f64 = processes::family(pid).into_iter().filter_map(processes::proportional).sum();
            // Killed between the two looks, it has none.
            if mib > 0.0 {
                self.samples.entry("database".to_owned()).or_default().entry(pid).or_default().push(Sample { at, mib });
            }
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
