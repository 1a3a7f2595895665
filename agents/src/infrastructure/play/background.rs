//! What a play has started in the background on its hosts (`async`) and has not seen end: no signal of this machine reaches it there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stop_jobs::Jobs;

/// Jobs by host and id, with the task that started each.
#[derive(Debug, Default)]
pub(super) struct Background {
    jobs: BTreeMap<(String, String), String>,
    /// A sentence for each that was stopped.
    stopped: Vec<String>,
}

impl Background {
    /// A host's result: it may have started a job, or tell that one has ended.
    pub(super) fn result(&mut self, host: &str, task: &str, result: &Value) {
        let items = result.get("results").and_then(Value::as_array).into_iter().flatten();
        for result in std::iter::once(result).chain(items) {
            let Some(job) = result.get("ansible_job_id").and_then(Value::as_str) else { continue };
            let key = (host.to_owned(), job.to_owned());
            if is_set(result, "finished") {
                self.jobs.remove(&key);
            } else if is_set(result, "started") {
                self.jobs.entry(key).or_insert_with(|| task.to_owned());
            }
        }
    }

    /// The jobs whose end was not seen.
    pub(super) fn open(&self) -> Jobs {
        let mut jobs = Jobs::new();
        for (host, job) in self.jobs.keys() {
            jobs.entry(host.clone()).or_default().push(job.clone());
        }
        jobs
    }

    /// These do not run any more: they were stopped.
    pub(super) fn ended(&mut self, jobs: &Jobs) {
        for (host, job) in jobs.iter().flat_map(|(host, jobs)| jobs.iter().map(move |job| (host, job))) {
            if let Some(task) = self.jobs.remove(&(host.clone(), job.clone())) {
                self.stopped
                    .push(format!("\"{task}\" was stopped in the background on {host} (job {job}); what it had done by then stays done"));
            }
        }
    }

    /// What was stopped, and what may still run, a sentence for each job.
    pub(super) fn warnings(&self) -> Vec<String> {
        let sentence = |((host, job), task): (&(String, String), &String)| {
            format!(
                "\"{task}\" may still run in the background on {host} as job {job}: its end was not seen. `ansible {host} -m async_status -a jid={job}` \
                 with the inventory and the user of the play tells whether it has ended"
            )
        };
        self.stopped.iter().cloned().chain(self.jobs.iter().map(sentence)).collect()
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
        background.result("nas", "Back up", &json!({"ansible_job_id": "j1.2", "started": 1, "finished": 0}));
        background.result("pi", "Back up", &json!({"results": [{"ansible_job_id": "j3.4", "started": true, "finished": false}]}));
        background.result("nas", "Wait", &json!({"ansible_job_id": "j1.2", "started": 1, "finished": 1}));
        let told = background.warnings();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("\"Back up\" may still run in the background on pi as job j3.4"), "{told:?}");
    }
}
