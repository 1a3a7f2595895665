//! A run of the tests' own making: it does what requests do, counts what it is asked, answers what a test wants, and adds tasks late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chiffon_engine::store::tasks::Task;
use chiffon_engine::verbs::Context;
use chiffon_engine::verbs::late_tasks::{self, Late};
use chiffon_engine::verbs::run::{FailedAttempt, Follow, Run, Start};
use chiffon_harness::site::Site;
use chiffon_kernel::store;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::asks::OnFailure;
use chiffon_protocol::Problem;
use uuid::Uuid;

/// The run, and what a test sees of it.
#[derive(Debug)]
pub struct Ordered {
    requests: Arc<dyn Run>,
    asked: Mutex<Vec<String>>,
    starts: Mutex<BTreeMap<String, Start>>,
    late: Mutex<Vec<Late>>,
    added: Mutex<Vec<Result<Vec<Uuid>, Problem>>>,
}

impl Ordered {
    /// A site with one.
    pub async fn start() -> (Site, Arc<Self>) {
        let mut ordered = None;
        let site = Site::start_with_run(|requests| {
            let run = Arc::new(Self {
                requests,
                asked: Mutex::default(),
                starts: Mutex::default(),
                late: Mutex::default(),
                added: Mutex::default(),
            });
            ordered = Some(Arc::clone(&run));
            run
        })
        .await;
        (site, ordered.expect("it was made"))
    }

    /// What it was asked since somebody last looked: the question and the step.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("it is whole"))
    }

    /// Answers so when it is asked whether this step goes.
    pub fn answer(&self, step_id: &str, start: Start) {
        self.starts.lock().expect("it is whole").insert(step_id.to_owned(), start);
    }

    /// Adds these when its tasks have moved next.
    pub fn add_late(&self, late: Vec<Late>) {
        *self.late.lock().expect("it is whole") = late;
    }

    /// What became of adding tasks.
    pub fn added(&self) -> Vec<Result<Vec<Uuid>, Problem>> {
        std::mem::take(&mut *self.added.lock().expect("it is whole"))
    }

    fn note(&self, question: &str, task: &Task) {
        self.asked.lock().expect("it is whole").push(format!("{question} {}", task.step_id));
    }
}

#[async_trait]
impl Run for Ordered {
    async fn settle(&self, context: &Context, work: &mut Work, run_ids: &[Uuid]) -> Result<(), store::Error> {
        let late = std::mem::take(&mut *self.late.lock().expect("it is whole"));
        if let Some(run_id) = run_ids.first().filter(|_| !late.is_empty()) {
            let added = late_tasks::run(context, work, *run_id, &late).await?;
            self.added.lock().expect("it is whole").push(added);
        }
        self.requests.settle(context, work, run_ids).await
    }

    async fn say(&self, work: &mut Work, run_id: Uuid, text: &str) -> Result<(), store::Error> {
        self.requests.say(work, run_id, text).await
    }

    async fn agent_came(&self, work: &mut Work) -> Result<(), store::Error> {
        self.requests.agent_came(work).await
    }

    async fn plan_again(&self, context: &Context, work: &mut Work, run_id: Uuid) -> Result<bool, store::Error> {
        self.requests.plan_again(context, work, run_id).await
    }

    async fn can_plan_again(&self, work: &mut Work, run_id: Uuid, refused: Uuid) -> Result<bool, store::Error> {
        self.requests.can_plan_again(work, run_id, refused).await
    }

    async fn may_start(&self, context: &Context, work: &mut Work, task: &Task) -> Result<Start, store::Error> {
        self.note("when", task);
        let answer = self.starts.lock().expect("it is whole").get(&task.step_id).cloned();
        match answer {
            Some(start) => Ok(start),
            None => self.requests.may_start(context, work, task).await,
        }
    }

    async fn after_failure(&self, context: &Context, work: &mut Work, failed: FailedAttempt<'_>) -> Result<Follow, store::Error> {
        self.note("retry", failed.task);
        self.requests.after_failure(context, work, failed).await
    }

    async fn on_failure(&self, context: &Context, work: &mut Work, task: &Task) -> Result<OnFailure, store::Error> {
        self.note("on_failure", task);
        self.requests.on_failure(context, work, task).await
    }

    async fn plan_again_because(&self, context: &Context, work: &mut Work, run_id: Uuid, what: &str) -> Result<(), store::Error> {
        self.requests.plan_again_because(context, work, run_id, what).await
    }
}
