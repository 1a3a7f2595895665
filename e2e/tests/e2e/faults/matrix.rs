//! Each point with each part that may fail there, killed and frozen. The suite plays what matters most at each point;
//! `make faults` (`CHIFFON_FAULTS=all`) plays the whole of it.

use std::time::{Duration, Instant};

use chiffon_e2e::{Part, Stage, StageOptions};
use chiffon_process::config::variable;

use super::point::Point;
use super::verdict;

/// Longer than the stage's leases, its claims' times and two heartbeats of the broker.
const FROZEN_FOR: Duration = Duration::from_secs(6);
/// Between a death and the new start.
const DEAD_FOR: Duration = Duration::from_secs(1);

/// How a part fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9`, and a new start.
    Kill,
    /// `SIGSTOP` for longer than each lease, then `SIGCONT`.
    Freeze,
}

/// One of them at one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Where.
    pub point: Point,
    /// What fails.
    pub victim: Part,
    /// How.
    pub fault: Fault,
}

impl Case {
    /// Whether plays go on without the agent that has to stop them.
    pub fn is_agents_death(self) -> bool {
        (self.victim, self.fault) == (Part::Agent, Fault::Kill)
    }

    /// What failures call it.
    pub fn name(self) -> String {
        format!("{:?} of the {} at `{:?}`", self.fault, self.victim.name(), self.point)
    }
}

/// What is played in every run of the suite: at each point whoever has just acted, or has to act next.
fn matters_most(case: Case) -> bool {
    use Part::{Agent, Broker, Database, Orchestrator};
    let (killed, frozen): (&[Part], &[Part]) = match case.point {
        Point::Asked | Point::Planning => (&[Orchestrator], &[Orchestrator]),
        Point::AwaitingApproval => (&[Database], &[]),
        Point::Approved => (&[Orchestrator], &[Database]),
        Point::Waiting | Point::Recorded | Point::CutOff => (&[Orchestrator], &[]),
        Point::Offered => (&[Broker, Agent], &[]),
        Point::Claimed => (&[Orchestrator, Agent], &[Agent]),
        Point::Starting => (&[Agent], &[]),
        Point::Running => (&[Agent, Orchestrator], &[Agent, Broker]),
        Point::Ended => (&[Agent], &[Agent]),
        Point::Reported => (&[Orchestrator, Broker], &[Database]),
        Point::Cancelling => (&[Orchestrator, Agent], &[]),
        Point::Unknown => (&[Orchestrator], &[Agent]),
    };
    if case.fault == Fault::Kill { killed.contains(&case.victim) } else { frozen.contains(&case.victim) }
}

async fn play(stage: &mut Stage, case: Case) {
    let began = Instant::now();
    stage.agent_is_alive().await;
    let held = case.point.reach(stage).await;
    match case.fault {
        Fault::Kill => {
            stage.kill(case.victim).await;
            held.release(stage, case).await;
            tokio::time::sleep(DEAD_FOR).await;
            stage.revive(case.victim).await;
        }
        Fault::Freeze => {
            stage.freeze(case.victim);
            held.release(stage, case).await;
            tokio::time::sleep(FROZEN_FOR).await;
            stage.thaw(case.victim);
        }
    }
    held.release_the_rest(stage, case).await;
    verdict::hold_court(stage, case, &held).await;
    eprintln!("faults: {:.1} s: {}", began.elapsed().as_secs_f64(), case.name());
}

/// Plays these points on one stage, one case after the other.
async fn play_all(points: &[Point]) {
    let is_everything = variable("CHIFFON_FAULTS").is_some_and(|which| which == "all");
    let faults = Part::ALL.into_iter().flat_map(|victim| [Fault::Kill, Fault::Freeze].map(|fault| (victim, fault)));
    let all = points.iter().flat_map(|point| faults.clone().map(|(victim, fault)| Case { point: *point, victim, fault }));
    let cases: Vec<Case> = all.filter(|case| is_everything || matters_most(*case)).collect();
    let mut stage = Stage::start(StageOptions {
        // It fails, or is asked what lies in its queues.
        own_broker: cases.iter().any(|case| case.victim == Part::Broker || case.point == Point::Reported),
        with_model: points.contains(&Point::Planning),
        ..StageOptions::default()
    })
    .await;
    let began = Instant::now();
    for case in &cases {
        play(&mut stage, *case).await;
    }
    verdict::all_is_well(&stage).await;
    eprintln!("faults: {} cases in {:.0} s", cases.len(), began.elapsed().as_secs_f64());
    stage.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_before_the_approval_loses_no_request_and_plans_it_once() {
    play_all(&Point::ALL[..3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_between_approval_and_grant_runs_it_once() {
    play_all(&Point::ALL[3..7]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_in_mid_run_repeats_nothing_and_says_what_was_cut_off() {
    play_all(&Point::ALL[7..9]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_on_the_way_back_loses_no_result() {
    play_all(&Point::ALL[9..12]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_on_top_of_a_cancel_or_of_another_fault_is_no_worse() {
    play_all(&Point::ALL[12..]).await;
}
