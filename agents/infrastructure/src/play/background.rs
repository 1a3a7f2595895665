//! What a play does on its hosts at this moment, and what it has started in the background there (`async`) and has not seen end: no
//! signal of this machine reaches either.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use chiffon_worker::background::{JOB_ENDED, JOB_STARTED, event, words};
use chiffon_worker::{Jobs, NewEvent};

/// So many tasks, and hosts of each, are named in what a play does at this moment.
const NAMED: usize = 5;

/// At work on hosts.
#[derive(Debug, Default)]
pub(super) struct Background {
    jobs: Jobs,
    /// The task that a host has begun and has not answered to.
    working: BTreeMap<String, String>,
    /// Hosts on which a task began.
    touched: BTreeSet<String>,
    /// A sentence for each job that was stopped.
    stopped: Vec<String>,
}

impl Background {
    /// A host begins a task.
    pub(super) fn began(&mut self, host: &str, task: &str) {
        self.touched.insert(host.to_owned());
        self.working.insert(host.to_owned(), task.to_owned());
    }

    /// A host's result: it may have started a job, or tell that one has ended. What is to be logged of that.
    pub(super) fn result(&mut self, host: &str, task: &str, result: &Value) -> Vec<NewEvent> {
        self.working.remove(host);
        self.job(host, task, result)
    }

    /// A host looks at a job, and the play waits for it. What is to be logged of that.
    pub(super) fn job(&mut self, host: &str, task: &str, result: &Value) -> Vec<NewEvent> {
        self.touched.insert(host.to_owned());
        let items = result.get("results").and_then(Value::as_array).into_iter().flatten();
        let mut events = Vec::new();
        for result in std::iter::once(result).chain(items) {
            let Some(job) = result.get("ansible_job_id").and_then(Value::as_str) else { continue };
            if is_set(result, "finished") {
                let begun = self.jobs.get_mut(host).and_then(|jobs| jobs.remove(job));
                events.extend(begun.map(|task| event(JOB_ENDED, host, &task, job)));
            } else if is_set(result, "started") {
                let jobs = self.jobs.entry(host.to_owned()).or_default();
                if !jobs.contains_key(job) {
                    jobs.insert(job.to_owned(), task.to_owned());
                    events.push(event(JOB_STARTED, host, task, job));
                }
            }
        }
        events
    }

    /// A host can't be reached: only for its jobs is it asked again.
    pub(super) fn unreachable(&mut self, host: &str) {
        self.working.remove(host);
        if !self.jobs.contains_key(host) {
            self.touched.remove(host);
        }
    }

    /// The tasks at which hosts are, each with the hosts that have not answered; nothing where none is at work.
    pub(super) fn in_words(&self) -> Option<String> {
        let mut tasks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (host, task) in &self.working {
            tasks.entry(task).or_default().push(host);
        }
        let told = tasks.iter().map(|(task, hosts)| {
            let named = hosts[..hosts.len().min(NAMED)].join(", ");
            let more = hosts.len().saturating_sub(NAMED);
            if more > 0 { format!("{task} on {named} and {more} more") } else { format!("{task} on {named}") }
        });
        let told: Vec<String> = told.collect();
        let shown = told[..told.len().min(NAMED)].join("; ");
        let more = told.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!told.is_empty()).then(|| shown + &more)
    }

    /// The jobs whose end was not seen.
    pub(super) fn open(&self) -> &Jobs {
        &self.jobs
    }

    /// The hosts on which something was begun.
    pub(super) fn touched(&self) -> &BTreeSet<String> {
        &self.touched
    }

    /// The task that each host has begun and has not answered to.
    pub(super) fn under_way(&self) -> &BTreeMap<String, String> {
        &self.working
    }

    /// The play was stopped, and nothing of it runs on these hosts any more; what may still run on the others.
    pub(super) fn stopped(&mut self, clean: &BTreeSet<String>) -> BTreeMap<String, Vec<String>> {
        for host in clean {
            for (job, task) in self.jobs.remove(host).unwrap_or_default() {
                self.stopped
                    .push(format!("\"{task}\" was stopped in the background on {host} (job {job}); what it had done by then stays done"));
            }
        }
        let mut left: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (host, task) in self.working.iter().filter(|(host, _)| !clean.contains(*host)) {
            left.entry(host.clone()).or_default().push(format!("\"{task}\", which was running when the play was stopped"));
            self.stopped
                .push(format!("\"{task}\" may still run on {host}: it was running when the play was stopped, and {host} did not answer"));
        }
        for (host, jobs) in &self.jobs {
            left.entry(host.clone()).or_default().extend(jobs.iter().map(|(job, task)| words(task, job)));
        }
        left.retain(|_, what| !what.is_empty());
        left
    }

    /// What was stopped, and which jobs may still run, a sentence for each.
    pub(super) fn warnings(&self) -> Vec<String> {
        let jobs = self.jobs.iter().flat_map(|(host, jobs)| jobs.iter().map(move |(job, task)| (host, job, task)));
        let sentence = |(host, job, task): (&String, &String, &String)| {
            format!(
                "\"{task}\" may still run in the background on {host} as job {job}: its end was not seen. `ansible {host} -m async_status -a jid={job}` \
                 with the inventory and the user of the play tells whether it has ended"
            )
        };
        self.stopped.iter().cloned().chain(jobs.map(sentence)).collect()
    }
}

/// Ansible says 1 or true, by version.
fn is_set(result: &Value, name: &str) -> bool {
    result.get(name).is_some_and(|value| value.as_bool() == Some(true) || value.as_u64() == Some(1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_told_until_its_end_is_seen() {
        let mut background = Background::default();
        let began = background.result("nas", "Back up", &json!({"ansible_job_id": "j1.2", "started": 1, "finished": 0}));
        background.result("pi", "Back up", &json!({"results": [{"ansible_job_id": "j3.4", "started": true, "finished": false}]}));
        let ended = background.result("nas", "Wait", &json!({"ansible_job_id": "j1.2", "started": 1, "finished": 1}));
        assert_eq!((began[0].kind, ended[0].kind), (JOB_STARTED, JOB_ENDED));
        let told = background.warnings();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("\"Back up\" may still run in the background on pi as job j3.4"), "{told:?}");
    }

    #[test]
    fn what_a_stopped_play_was_doing_is_left_on_every_host_that_does_not_deny_it() {
        let mut background = Background::default();
        for host in ["nas", "pi", "gone"] {
            background.began(host, "Install");
        }
        background.unreachable("gone");
        background.job("pi", "Back up", &json!({"ansible_job_id": "j3.4", "started": 1}));
        assert_eq!(background.in_words().as_deref(), Some("Install on nas, pi"));
        let left = background.stopped(&BTreeSet::from(["nas".to_owned()]));
        let expected = ["\"Install\", which was running when the play was stopped", "\"Back up\" in the background as job j3.4"];
        assert_eq!(left.keys().collect::<Vec<_>>(), ["pi"]);
        assert_eq!(left["pi"], expected);
    }
}
