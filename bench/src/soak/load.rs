//! People who ask, read, approve, change their minds and clear up, each telling one story after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chiffon_process::{IdSource as _, RandomIds};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::actions::{Action, HOSTS};
use crate::seed::Chance;
use crate::world::World;

/// Between two looks at a request.
const LOOK: Duration = Duration::from_millis(500);
/// No story takes longer, whatever is broken on its way.
const LONGEST_STORY: Duration = Duration::from_mins(15);

/// What somebody means to do with what they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    Approve(Action),
    ApproveTwoSteps,
    ReviseThenApprove,
    Reject,
    CancelPlan,
    CancelRun,
    HoldRun,
    Look,
}

impl Story {
    const ALL: [Self; 13] = [
        Self::Approve(Action::Append),
        Self::Approve(Action::Append),
        Self::Approve(Action::Rotate),
        Self::Approve(Action::Rotate),
        Self::Approve(Action::Walk),
        Self::Approve(Action::Walk),
        Self::ApproveTwoSteps,
        Self::ReviseThenApprove,
        Self::Reject,
        Self::CancelPlan,
        Self::CancelRun,
        Self::HoldRun,
        Self::Look,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Approve(action) => action.name(),
            Self::ApproveTwoSteps => "two_steps",
            Self::ReviseThenApprove => "revise",
            Self::Reject => "reject",
            Self::CancelPlan => "cancel_plan",
            Self::CancelRun => "cancel_run",
            Self::HoldRun => "hold_run",
            Self::Look => "look",
        }
    }

    fn wish(self, chance: &mut Chance) -> String {
        let host = chance.one_of(&HOSTS);
        match self {
            Self::Approve(action) => action.wish(host),
            Self::ApproveTwoSteps | Self::HoldRun => format!("{} and then {}", Action::Append.wish(host), Action::Rotate.wish(host)),
            Self::ReviseThenApprove | Self::Reject => Action::Append.wish(host),
            Self::CancelPlan => Action::Rotate.wish(host),
            Self::CancelRun => Action::Walk.wish(host),
            Self::Look => Action::Count.wish(host),
        }
    }
}

/// What has come of it all.
#[derive(Debug, Default)]
pub struct Told {
    /// Requests by story and final status.
    pub ends: BTreeMap<&'static str, BTreeMap<String, u32>>,
    /// How often a person's word was given, by task: another attempt was allowed.
    pub retries: BTreeMap<String, u32>,
    /// From the wish to its end in seconds, of what was approved and completed.
    pub seconds: Vec<f64>,
    /// Stories that could not be told to their end.
    pub broken: Vec<String>,
}

/// The people.
#[derive(Debug)]
pub struct Load {
    world: Arc<World>,
    /// What they have seen so far.
    pub told: Mutex<Told>,
    stopping: AtomicBool,
}

impl Load {
    /// People in this world, who have not begun.
    pub fn new(world: Arc<World>) -> Self {
        Self { world, told: Mutex::default(), stopping: AtomicBool::new(false) }
    }

    /// Nobody begins another story.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// One person, until they are told to stop.
    pub async fn person(&self, mut chance: Chance) {
        while !self.stopping.load(Ordering::Relaxed) {
            let story = chance.one_of(&Story::ALL);
            let begun = Instant::now();
            let end = self.tell(story, &mut chance).await;
            let mut told = self.told.lock().await;
            match end {
                Ok(status) => {
                    if status == "completed" && story != Story::Look {
                        told.seconds.push(begun.elapsed().as_secs_f64());
                    }
                    *told.ends.entry(story.name()).or_default().entry(status).or_default() += 1;
                }
                Err(error) => told.broken.push(format!("{}: {error:#}", story.name())),
            }
        }
    }

    /// One request from its wish to its end; its final status.
    async fn tell(&self, story: Story, chance: &mut Chance) -> anyhow::Result<String> {
        // Each wish is a conversation of its own, so that one that was asked twice is found.
        let wish = json!({"text": story.wish(chance), "conversation_id": RandomIds.new_message_id()});
        let (status, asked) = self.world.client.post("/request", &wish).await?;
        ensure!(status == 202, "POST /request gave {status}: {asked}");
        let id = asked["request_id"].as_str().context("a request has an id")?.to_owned();
        let path = format!("/request/{id}");
        let deadline = Instant::now() + LONGEST_STORY;
        let mut revised = story != Story::ReviseThenApprove;
        let (mut cancelled, mut held) = (false, false);
        loop {
            let (status, request) = self.world.client.get(&path).await?;
            ensure!(status == 200, "GET {path} gave {status}: {request}");
            let state = request["status"].as_str().context("a request has a status")?;
            match state {
                "completed" | "failed" | "cancelled" | "rejected" | "expired" => return Ok(state.to_owned()),
                "awaiting_approval" => self.decide(story, &request, &mut revised).await?,
                "running" if story == Story::CancelRun && !cancelled && is_running(&request) => {
                    cancelled = self.world.client.post(&format!("/cancel/{id}"), &json!({})).await?.0 == 200;
                }
                "running" if story == Story::HoldRun && !held => {
                    held = self.world.client.post(&format!("{path}/pause"), &json!({})).await?.0 == 200;
                }
                "paused" => drop(self.world.client.post(&format!("{path}/resume"), &json!({})).await?),
                "needs_attention" => self.clear_up(&request, chance).await?,
                "needs_input" => anyhow::bail!("{id} was asked back: {}", request["messages"]),
                _ => {}
            }
            ensure!(Instant::now() < deadline, "{id} is still {state} after {LONGEST_STORY:?}, waiting for {}", request["waiting_for"]);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the story's person does about a plan. Whatever comes too late is seen by the next look.
    async fn decide(&self, story: Story, request: &Value, revised: &mut bool) -> anyhow::Result<()> {
        let decision = match story {
            Story::Reject => "reject",
            Story::CancelPlan => {
                let id = request["request_id"].as_str().unwrap_or_default();
                self.world.client.post(&format!("/cancel/{id}"), &json!({})).await?;
                return Ok(());
            }
            _ if !*revised => "revise",
            _ => "approve",
        };
        let mut body = json!({"request_id": request["request_id"], "plan_sha256": request["plan"]["sha256"], "decision": decision});
        if decision == "revise" {
            body["comment"] = json!("Use count 7");
        }
        let (status, _) = self.world.client.post("/approve", &body).await?;
        *revised |= status == 200;
        Ok(())
    }

    /// What a person does about tasks of which nobody knows the outcome, or that were cut off in their middle.
    async fn clear_up(&self, request: &Value, chance: &mut Chance) -> anyhow::Result<()> {
        let tasks = request["tasks"].as_array().into_iter().flatten();
        for task in tasks.filter(|task| task["status"] == "unknown" || task["status"] == "interrupted") {
            let id = task["task_id"].as_str().context("a task has an id")?;
            let decision = chance.one_of(&["retry", "give_up"]);
            // Before it is said, because the attempt that it allows may begin at once.
            let retries = u32::from(decision == "retry");
            *self.told.lock().await.retries.entry(id.to_owned()).or_default() += retries;
            // Its person never says that nothing runs any more: an unknown task is decided about with proof, or by its owner's report.
            let body = json!({"decision": decision, "attempt": task["attempt"], "comment": "the soak looked at the host"});
            let (status, _) = self.world.client.post(&format!("/tasks/{id}/resolve"), &body).await?;
            if status != 200 {
                *self.told.lock().await.retries.entry(id.to_owned()).or_default() -= retries;
            }
        }
        Ok(())
    }
}

fn is_running(request: &Value) -> bool {
    request["tasks"].as_array().is_some_and(|tasks| tasks.iter().any(|task| task["status"] == "running"))
}
