//! Stopping what a stopped play has started in the background on its hosts (`async`): no signal of this machine reaches it there.
//!
//! A job is found on its host by the number that Ansible gave it, in the command line of the wrapper that runs it, and is ended with
//! its process group. What can't be asked, or does not end, is left to be told.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::run::Play;
use crate::infrastructure::ansible_config::environment;
use chiffon_process::bounded;
use chiffon_protocol::action::Privilege;

/// A host that does not answer by then is told as one where the jobs may still run.
const PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_ANSWER_BYTES: usize = 64 * 1024;
/// The word before the number of jobs that are still there.
const LEFT: &str = "chiffon-jobs-left";

/// Jobs by host.
pub(super) type Jobs = BTreeMap<String, Vec<String>>;

/// Stops them on all hosts at once; those of which a host says that none is left.
pub(super) async fn stop(play: &Play, attempt: &str, jobs: Jobs) -> Jobs {
    let asked = jobs.into_iter().map(|(host, jobs)| async move {
        let is_done = tokio::time::timeout(PATIENCE, on_host(play, attempt, &host, &jobs)).await.unwrap_or(false);
        is_done.then_some((host, jobs))
    });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

async fn on_host(play: &Play, attempt: &str, host: &str, jobs: &[String]) -> bool {
    let mut command = Command::new(play.program.with_file_name("ansible"));
    command.arg(host).arg("-i").arg(&play.inventory).args(["-m", "ansible.builtin.raw", "-a"]).arg(script(jobs));
    if play.action.spec.privilege == Privilege::Become {
        command.arg("--become");
    }
    command
        .envs(environment(&play.playbooks))
        .env(crate::worker::marker::VARIABLE, format!("{attempt}-stop"))
        .current_dir(&play.playbooks)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let answer = bounded::output(&mut command, LONGEST_ANSWER_BYTES).await;
    answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).lines().any(|line| line.trim() == format!("{LEFT} 0")))
}

/// TERM to each job's groups, KILL to what is left after a while, and a count at the end.
fn script(jobs: &[String]) -> String {
    // `j123.456`: the wrapper was started with what stands before the dot. Anything else is no job of Ansible's.
    let numbers: Vec<&str> = jobs.iter().filter_map(|job| job.split('.').next()).filter(|number| is_number(number)).collect();
    let numbers = numbers.join("|");
    format!(
        "own=$(sed 's/.*) //' /proc/self/stat | cut -d' ' -f3); \
         groups() {{ for d in /proc/[0-9]*; do if tr '\\000' ' ' < $d/cmdline 2>/dev/null | grep -Eq '[a]sync_wrapper.* ({numbers}) '; then \
         sed 's/.*) //' $d/stat 2>/dev/null | cut -d' ' -f3; fi; done | sort -u | grep -vx \"$own\" | grep -vx 1; }}; \
         for g in $(groups); do kill -TERM -$g 2>/dev/null; done; \
         for i in 1 2 3 4 5 6; do [ -z \"$(groups)\" ] && break; sleep 0.5; done; \
         for g in $(groups); do kill -KILL -$g 2>/dev/null; done; sleep 0.2; \
         echo {LEFT} $(groups | wc -l)"
    )
}

fn is_number(text: &str) -> bool {
    text.strip_prefix('j').is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_of_jobs_become_part_of_what_a_host_runs() {
        let told = script(&["j123.45".to_owned(), "j1; rm -rf /.2".to_owned(), "x.3".to_owned()]);
        assert!(told.contains(" (j123) ") && !told.contains("rm -rf"), "{told}");
    }
}
