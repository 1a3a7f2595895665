//! What the soak has to say at its end: for people, and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::memory::Course;

/// Everything that was seen.
#[derive(Debug, Serialize)]
pub struct Report {
    /// By which the faults and wishes can be had again.
    pub seed: u64,
    /// How long load and faults went on.
    pub minutes: f64,
    /// How many orchestrators, agents and people there were.
    pub orchestrators: usize,
    /// Infrastructure agents.
    pub agents: usize,
    /// People who asked, each one thing at a time.
    pub people: usize,
    /// Tasks by purpose and final status.
    pub tasks: BTreeMap<String, u64>,
    /// Requests by what was meant to become of them, and by final status.
    pub requests: BTreeMap<&'static str, BTreeMap<String, u32>>,
    /// From a wish to its end in seconds, with the person's time to look: median, 95th of a hundred, longest.
    pub seconds: [f64; 3],
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u32>,
    /// Another attempt that a person allowed.
    pub retries_allowed: u32,
    /// How often the invariants were looked at, and how often the database did not answer all of it.
    pub looks: (u32, u32),
    /// How long it took until nothing was open after the last fault, in seconds.
    pub settled_after_seconds: f64,
    /// Resident memory by process.
    pub memory: BTreeMap<String, Course>,
    /// The rule and the thing.
    pub violations: Vec<(String, String)>,
}

impl Report {
    /// Shows it.
    pub fn print(&self) {
        let total = |counts: &BTreeMap<String, u32>| counts.values().sum::<u32>();
        println!("Soak: {:.1} minutes, seed {}", self.minutes, self.seed);
        println!("  {} orchestrators, {} agents, {} people", self.orchestrators, self.agents, self.people);
        println!("\nTasks");
        for (what, count) in &self.tasks {
            println!("  {count:>6}  {what}");
        }
        println!("\nRequests: {}", self.requests.values().map(total).sum::<u32>());
        for (story, ends) in &self.requests {
            let words: Vec<String> = ends.iter().map(|(status, count)| format!("{count} {status}")).collect();
            println!("  {:>6}  {story}: {}", total(ends), words.join(", "));
        }
        let [median, most, longest] = self.seconds;
        println!("  completed changes took {median:.1} s (median), {most:.1} s (95 of 100), {longest:.1} s (longest)");
        println!("\nFaults survived: {}", self.faults.values().sum::<u32>());
        for (kind, count) in &self.faults {
            println!("  {count:>6}  {kind}");
        }
        println!("  {:>6}  attempts that a person allowed again", self.retries_allowed);
        println!("  everything was settled {:.1} s after the last fault", self.settled_after_seconds);
        println!("\nResident memory in MiB");
        println!("  {:<16}{:>8}{:>8}{:>8}{:>8}{:>14}{:>10}", "", "min", "median", "max", "starts", "per hour", "over s");
        for (label, course) in &self.memory {
            let slope = course.slope_mib_per_hour.map_or_else(|| "-".to_owned(), |slope| format!("{slope:+.1}"));
            println!(
                "  {label:<16}{:>8.1}{:>8.1}{:>8.1}{:>8}{slope:>14}{:>10.0}",
                course.min_mib, course.median_mib, course.max_mib, course.starts, course.longest_seconds
            );
        }
        println!("\nInvariants: looked at {} times, {} of them without a whole answer of the database", self.looks.0, self.looks.1);
        println!("Violations: {}", self.violations.len());
        for (rule, thing) in &self.violations {
            println!("  {rule}: {thing}");
        }
    }
}

/// Median, 95th of a hundred, and the longest.
pub fn quantiles(mut seconds: Vec<f64>) -> [f64; 3] {
    seconds.sort_by(f64::total_cmp);
    let at =
        |hundredths: usize| seconds.get((seconds.len() * hundredths / 100).min(seconds.len().saturating_sub(1))).copied().unwrap_or(0.0);
    [at(50), at(95), at(100)]
}
