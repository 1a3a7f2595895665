//! A small kind of agent for the worker's tests: it runs the shell script that the work's parameters hold.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chiffon_protocol::kind::{INFRASTRUCTURE, Kind};
use chiffon_protocol::message::{AnnouncedAction, Cpu, WorkRequest};
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_worker::{AgentKind, Decline, Ending, HeartbeatFigures, NewEvent, Probe, RunContext, RunOutcome, marker};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Runs `parameters.script` with `sh`; each line it prints is an event.
#[derive(Debug, Default)]
pub struct Shell {
    /// How often it was asked to run something.
    pub runs: AtomicUsize,
}

#[async_trait]
impl AgentKind for Shell {
    fn entry(&self) -> &Kind {
        &INFRASTRUCTURE
    }

    fn catalogue(&self) -> Vec<AnnouncedAction> {
        Vec::new()
    }

    fn hosts(&self) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([("all".to_owned(), vec!["here".to_owned()])])
    }

    fn accepts(&self, work: &WorkRequest) -> Result<(), Decline> {
        if work.action == "script" { Ok(()) } else { Err(Decline::new(format!("it has no action `{}`", work.action))) }
    }

    async fn run(&self, work: &WorkRequest, context: RunContext) -> RunOutcome {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let script = work.parameters.get("script").and_then(|script| script.as_str()).unwrap_or("true");
        let mut child = tokio::process::Command::new("sh")
            .args(["-c", script])
            .env(marker::VARIABLE, &context.marker)
            .current_dir(&context.scratch)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        loop {
            tokio::select! {
                line = lines.next_line() => match line.expect("reads") {
                    Some(line) => {
                        let changed = NewEvent { kind: "task_changed", host: Some("here".to_owned()), name: Some(line.clone()), text: line, diff: None };
                        context.events.add(changed);
                        assert!(!work.parameters.contains_key("panics"), "a mistake in following a run");
                        context.progress.set(50, "half way");
                    }
                    None => break,
                },
                cause = context.cancel.cancelled() => {
                    marker::stop_all(&context.marker).await;
                    return RunOutcome::new(Ending::Cancelled(Problem::new(ErrorCode::CancelledByPerson, format!("{cause:?}"))), "stopped");
                }
            }
        }
        let exit = child.wait().await.expect("ends");
        if exit.success() {
            RunOutcome::succeeded("the script ended")
        } else {
            RunOutcome::failed(Problem::new(ErrorCode::PlayFailed, format!("the script ended with {exit}")))
        }
    }
}

/// A machine with four cores.
#[derive(Debug)]
pub struct FourCores;

impl Probe for FourCores {
    fn sample(&self) -> HeartbeatFigures {
        HeartbeatFigures { cpu: Cpu { cores: 4, ..Cpu::default() }, ..HeartbeatFigures::default() }
    }
}
