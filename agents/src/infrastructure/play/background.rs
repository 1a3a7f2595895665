//! What a play has started in the background on its hosts (`async`) and has not seen end: no signal of this machine reaches it there.

use std::collections::BTreeMap;

use serde_json::Value;

/// Jobs by host and id, with the task that started each.
#[derive(Debug, Default)]
pub(super) struct Background {
    jobs: BTreeMap<(String, String), String>,
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

    /// What may still run, a sentence for each job.
    pub(super) fn warnings(&self) -> Vec<String> {
        let sentence = |((host, job), task): (&(String, String), &String)| {
            format!(
                "\"{task}\" may still run in the background on {host} as job {job}: its end was not seen, and stopping the play does not stop it"
            )
        };
        self.jobs.iter().map(sentence).collect()
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
