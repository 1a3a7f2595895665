//! Ending what a stopped or cut-off run has left on its hosts: no signal of this machine reaches another one.
//!
//! What a task starts on a host carries the run's marker in its environment (`chiffon_granted.py`); a job of Ansible's (`async`) has
//! its number in the command line of its wrapper, too. Each is ended with its process group. A container goes on: its supervisor
//! belongs to the engine, not to the task. A host that can't be asked, or on which something does not end, is left to be told.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::run::Play;
use crate::ansible_config::environment;
use chiffon_process::bounded;
use chiffon_protocol::action::Privilege;
use chiffon_worker::{Jobs, marker};

/// A host that does not answer by then is told as one on which something may still run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// So many hosts are asked at once.
const AT_ONCE: usize = 16;
const LONGEST_ANSWER_BYTES: usize = 64 * 1024;
/// The word before the number of process groups that are still there.
const LEFT: &str = "chiffon-left";

/// How the hosts of a run are reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach<'a> {
    /// `ansible-playbook`, beside which `ansible` lies.
    pub(crate) program: &'a Path,
    pub(crate) inventory: &'a Path,
    pub(crate) playbooks: &'a Path,
    pub(crate) privilege: Privilege,
    /// Hosts that are this machine: what ran there was ended by its marker, and nobody has to be asked.
    pub(crate) here: &'a BTreeSet<String>,
}

impl<'a> Reach<'a> {
    pub(super) fn of(play: &'a Play) -> Self {
        let Play { program, inventory, playbooks, action, here, .. } = play;
        Self { program, inventory, playbooks, privilege: action.spec.privilege, here }
    }
}

/// Ends what carries this marker, and these jobs, on all of these hosts; those that say that nothing is left.
pub(crate) async fn end(reach: Reach<'_>, marker: &str, jobs: &Jobs, hosts: &BTreeSet<String>, patience: Duration) -> BTreeSet<String> {
    let gate = tokio::sync::Semaphore::new(AT_ONCE);
    let mut asked = Vec::with_capacity(hosts.len());
    for host in hosts {
        let script = script(marker, jobs.get(host).into_iter().flat_map(|jobs| jobs.keys().map(String::as_str)));
        let (gate, host) = (&gate, host.clone());
        asked.push(async move {
            if reach.here.contains(&host) {
                return Some(host);
            }
            let _turn = gate.acquire().await.ok()?;
            let is_clean = tokio::time::timeout(patience, on_host(reach, marker, &host, &script)).await.unwrap_or(false);
            is_clean.then_some(host)
        });
    }
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

async fn on_host(reach: Reach<'_>, marker: &str, host: &str, commands: &str) -> bool {
    let mut command = Command::new(reach.program.with_file_name("ansible"));
    command.arg(host).arg("-i").arg(reach.inventory).args(["-m", "ansible.builtin.raw", "-a"]).arg(commands);
    if reach.privilege == Privilege::Become {
        command.arg("--become");
    }
    command
        .envs(environment(reach.playbooks))
        .env(marker::VARIABLE, format!("{marker}-stop"))
        .current_dir(reach.playbooks)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let answer = bounded::output(&mut command, LONGEST_ANSWER_BYTES).await;
    answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).lines().any(|line| line.trim() == format!("{LEFT} 0")))
}

/// TERM to each group, KILL to what is left after a while, and a count at the end.
fn script<'j>(marker: &str, jobs: impl Iterator<Item = &'j str>) -> String {
    // `j123.456`: the wrapper was started with what stands before the dot. Anything else is no job of Ansible's.
    let numbers: Vec<&str> = jobs.filter_map(|job| job.split('.').next()).filter(|number| is_number(number)).collect();
    let pair = quoted(&format!("{}={marker}", marker::ON_HOSTS));
    let wrappers = if numbers.is_empty() {
        String::new()
    } else {
        format!(
            "for f in $(grep -ls async_wrapper /proc/[0-9]*/cmdline); do \
             if tr '\\000' ' ' < $f 2>/dev/null | grep -Eq '[a]sync_wrapper.* ({}) '; then echo ${{f%/cmdline}}; fi; done; ",
            numbers.join("|")
        )
    };
    format!(
        "[ -r /proc/self/environ ] || {{ echo {LEFT} unknown; exit 0; }}; \
         own=$(sed 's/.*) //' /proc/self/stat | cut -d' ' -f3); \
         found() {{ for f in $(grep -lsF {pair} /proc/[0-9]*/environ); do d=${{f%/environ}}; \
         if tr '\\000' '\\n' < $f 2>/dev/null | grep -qxF {pair} && ! grep -Eqs 'libpod|conmon' $d/cgroup; then echo $d; fi; done; {wrappers}}}; \
         groups() {{ for d in $(found); do sed 's/.*) //' $d/stat 2>/dev/null | cut -d' ' -f3; done | sort -u | grep -vx \"$own\" | grep -vx 1; }}; \
         for g in $(groups); do kill -TERM -$g 2>/dev/null; done; \
         for i in 1 2 3 4 5 6; do [ -z \"$(groups)\" ] && break; sleep 0.5; done; \
         for g in $(groups); do kill -KILL -$g 2>/dev/null; done; sleep 0.2; \
         echo {LEFT} $(groups | wc -l)"
    )
}

/// As a shell takes it, and as no template.
fn quoted(text: &str) -> String {
    let plain: String = text.replace('\'', "'\\''").replace("{{", "{''{").replace("{%", "{''%").replace("{#", "{''#");
    format!("'{plain}'")
}

fn is_number(text: &str) -> bool {
    text.strip_prefix('j').is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_is_not_asked_and_who_does_not_answer_is_left() {
        let here = BTreeSet::from(["nas".to_owned()]);
        let nowhere = Path::new("/nowhere/ansible-playbook");
        let reach = Reach { program: nowhere, inventory: nowhere, playbooks: Path::new("/"), privilege: Privilege::None, here: &here };
        let hosts = BTreeSet::from(["nas".to_owned(), "pi".to_owned()]);
        assert_eq!(end(reach, "a/1.1", &Jobs::new(), &hosts, PATIENCE).await, here);
    }

    #[test]
    fn only_numbers_of_jobs_become_part_of_what_a_host_runs() {
        let told = script("a/1.1", ["j123.45", "j1; rm -rf /.2", "x.3"].into_iter());
        assert!(told.contains(" (j123) ") && !told.contains("rm -rf"), "{told}");
        let told = script("it's {{ x }}/1.1", std::iter::empty());
        assert!(!told.contains("async_wrapper"), "without a number every job would be meant: {told}");
        assert!(told.contains("it'\\''s {''{ x }}/1.1") && !told.contains("{{"), "{told}");
    }
}
