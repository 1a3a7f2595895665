//! An orchestrator whose inboxes and background agents work when the test says so, and approved plans for it.

use std::sync::Arc;

use chiffon_bus::Verdict;
use chiffon_engine::chores::dispatcher::Dispatcher;
use chiffon_engine::chores::lease_reaper::LeaseReaper;
use chiffon_engine::deliveries::claims::ClaimsInbox;
use chiffon_engine::deliveries::dead_letters::DeadLettersInbox;
use chiffon_engine::deliveries::heartbeats::HeartbeatsInbox;
use chiffon_engine::deliveries::results::ResultsInbox;
use chiffon_engine::deliveries::status::StatusInbox;
use chiffon_engine::verbs::create_tasks::{self, NewTasks};
use chiffon_engine::verbs::intake::Intake;
use chiffon_engine::verbs::run::Run;
use chiffon_fleet::domain::unverified::Peer;
use chiffon_kernel::chores::outbox_relay::OutboxRelay;
use chiffon_kernel::chores::{Chore as _, TickReport};
use chiffon_kernel::deliveries::Inbox;
use chiffon_kernel::domain::role::Role;
use chiffon_plans::domain::plan::PlanDocument;
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::topology::DEAD_LETTERS;
use chiffon_protocol::{ActionSpec, canonical};
use chiffon_requests::domain::request::STREAM;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;

/// Changes a host, gives back an address, and takes one.
pub const SET_UP: &str = r#"
name: set_up
title: Set up
description: Sets a service up.
agent_type: infrastructure
target: {parameter: host}
parameters:
  type: object
  required: [host]
  properties:
    host: {type: string, format: inventory-host}
    port: {type: integer, default: 80}
    upstream: {type: string, default: ""}
outputs:
  properties: {url: {type: string}}
risk: low
repeatable: "yes"
check: full
resources: {memory_gb: 1}
timeout_seconds: 60
"#;

/// That action.
pub fn action() -> ActionSpec {
    ActionSpec::from_yaml(SET_UP).expect("the action reads")
}

/// The hash of its content.
pub fn action_sha256() -> String {
    canonical::sha256_hex(&action())
}

/// An orchestrator under the test's hand.
pub struct Site {
    /// The orchestrator.
    pub app: TestApp,
    /// The keys of two enrolled agents.
    pub keys: [KeyPair; 2],
    inboxes: Vec<Arc<dyn Inbox>>,
    dispatcher: Dispatcher,
    relay: OutboxRelay,
    reaper: LeaseReaper,
}

impl Site {
    /// One that admits nobody without a signature.
    pub async fn start() -> Self {
        Self::start_admitting(Vec::new()).await
    }

    /// One that admits these peers, which sign nothing.
    pub async fn start_admitting(unverified: Vec<Peer>) -> Self {
        let mut app = TestApp::start().await;
        app.context.engine.settings = Arc::new(chiffon_engine::verbs::Settings { unverified, ..(*app.context.engine.settings).clone() });
        Self::of(app)
    }

    /// One that has a single connection to its database.
    pub async fn start_on_one_connection() -> Self {
        let mut app = TestApp::start().await;
        app.with_connections(1);
        Self::of(app)
    }

    /// One whose work is ordered by a run of the test's own making, around that of requests.
    pub async fn start_with_run(around: impl FnOnce(Arc<dyn Run>) -> Arc<dyn Run>) -> Self {
        let mut app = TestApp::start().await;
        app.context.engine.run = around(Arc::clone(&app.context.engine.run));
        Self::of(app)
    }

    fn of(mut app: TestApp) -> Self {
        let keys = [KeyPair::generate(), KeyPair::generate()];
        app.context.engine.kernel.agents = Arc::new(Keyring::new(keys.iter().map(KeyPair::public)));
        let context = app.context.clone();
        let intake = Arc::new(Intake::default());
        let inboxes: Vec<Arc<dyn Inbox>> = vec![
            Arc::new(ClaimsInbox::new(context.engine.clone())),
            Arc::new(StatusInbox::new(context.engine.clone())),
            Arc::new(ResultsInbox::new(context.engine.clone())),
            Arc::new(HeartbeatsInbox::new(context.engine.clone(), Arc::clone(&intake))),
        ];
        let (dispatcher, relay) = (
            Dispatcher::new(context.engine.clone()),
            OutboxRelay::new(context.kernel.clone(), Arc::new(chiffon_engine::verbs::unclaimed::Offers::new(context.engine.clone()))),
        );
        Self { app, keys, inboxes, dispatcher, relay, reaper: LeaseReaper::new(context.engine, intake) }
    }

    /// Takes everything in, dispatches and sends until nothing is left; what became of the deliveries, in order.
    pub async fn turn(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        loop {
            let before = verdicts.len();
            for inbox in &self.inboxes {
                verdicts.extend(self.take_in(inbox.as_ref()).await);
            }
            self.app.wait_for_locks("SELECT FROM tasks WHERE status = 'waiting' FOR SHARE").await;
            let offered = self.dispatcher.tick().await.expect("the dispatcher looks");
            let sent = self.relay.tick().await.expect("the relay sends");
            if (verdicts.len(), offered.done, sent.done) == (before, 0, 0) {
                return verdicts;
            }
        }
    }

    /// Lets the reaper look.
    pub async fn reap(&self) -> TickReport {
        self.reaper.tick().await.expect("the reaper looks")
    }

    /// Takes the dead letters in; how many there were.
    pub async fn bury(&self) -> usize {
        self.take_in(&DeadLettersInbox::new(self.app.context.engine.clone())).await.len()
    }

    async fn take_in(&self, inbox: &dyn Inbox) -> Vec<Verdict> {
        let (ready, _) = self.app.context.bus.depth(inbox.queue()).await.expect("the queue is there");
        let mut deliveries = Vec::new();
        let mut consumer = self.app.context.bus.consume(inbox.queue(), 512).await.expect("the queue is there");
        for _ in 0..ready {
            deliveries.push(consumer.next().await.expect("a delivery"));
        }
        if deliveries.is_empty() {
            return Vec::new();
        }
        let verdicts = inbox.handle(&deliveries).await.expect("the inbox takes them in");
        for (delivery, verdict) in deliveries.into_iter().zip(&verdicts) {
            assert!(delivery.settle(verdict.clone()).await, "the broker takes the verdict");
        }
        verdicts
    }

    /// A running request with an approved plan of these steps, and its tasks; the request's id.
    pub async fn approved(&self, steps: &[Value]) -> Uuid {
        let context = &self.app.context;
        let (request_id, plan_id) = (context.ids.new_id(), context.ids.new_id());
        let asker = self.app.person(&format!("asker-{request_id}"), Role::Requester).await;
        let asks = |step: &Value| ["when", "on_failure", "retry"].iter().any(|field| step.get(field).is_some());
        let document: PlanDocument = serde_json::from_value(json!({
            "format": if steps.iter().any(asks) { 2 } else { 1 }, "request_id": request_id, "revision": 1, "summary": "Set things up", "steps": steps,
            "policy": {"approvals_needed": 1, "self_approval": true, "reasons": []},
            "planned_by": {"provider": "offline", "model": null}, "estimated_seconds": 1.0, "estimated_cost_usd": 0.0,
        }))
        .expect("the plan reads");
        let mut work = context.begin().await.expect("the database answers");
        sqlx::query("INSERT INTO requests (id, principal_id, text, status, trace_id, created_at, updated_at) VALUES ($1, $2, 'set it up', 'running', $3, $4, $4)")
            .bind(request_id)
            .bind(asker.id)
            .bind(context.ids.new_trace_id())
            .bind(context.clock.now())
            .execute(&mut *work)
            .await
            .expect("the request is stored");
        work.open(request_id, STREAM);
        sqlx::query(
            "INSERT INTO plans (id, request_id, revision, round, state, sha256, body, summary, risk, estimated_seconds, planned_by, approved_at, created_at)
            VALUES ($1, $2, 1, 1, 'approved', $3, $4, 'Set things up', 'low', 1, '{}', $5, $5)",
        )
        .bind(plan_id)
        .bind(request_id)
        .bind(document.sha256())
        .bind(json!(document))
        .bind(context.clock.now())
        .execute(&mut *work)
        .await
        .expect("the plan is stored");
        sqlx::query(
            "INSERT INTO approvals (id, plan_id, plan_sha256, principal_id, decision, at, consumed_at)
            VALUES ($1, $2, $3, $4, 'approve', $5, $5)",
        )
        .bind(context.ids.new_id())
        .bind(plan_id)
        .bind(document.sha256())
        .bind(asker.id)
        .bind(context.clock.now())
        .execute(&mut *work)
        .await
        .expect("the approval is stored");
        sqlx::query("UPDATE requests SET plan_id = $2 WHERE id = $1")
            .bind(request_id)
            .bind(plan_id)
            .execute(&mut *work)
            .await
            .expect("stored");
        let new = NewTasks { request_id, plan_id, priority: 0, document: &document };
        create_tasks::apply(context, &mut work, &[new]).await.expect("the tasks are made");
        work.commit().await.expect("the database answers");
        request_id
    }

    /// The row of the task of a step; not that of its preview, where it has both.
    pub async fn task(&self, request_id: Uuid, step_id: &str) -> Value {
        sqlx::query_scalar("SELECT to_jsonb(tasks) FROM tasks WHERE request_id = $1 AND step_id = $2 ORDER BY purpose LIMIT 1")
            .bind(request_id)
            .bind(step_id)
            .fetch_one(self.app.pool())
            .await
            .expect("the task is there")
    }

    /// The row of a task of a step that has several.
    pub async fn late_task(&self, request_id: Uuid, step_id: &str, iteration: i32) -> Value {
        sqlx::query_scalar(
            "SELECT to_jsonb(tasks) FROM tasks WHERE request_id = $1 AND split_part(step_id, '.', 1) = $2 AND iteration = $3 ORDER BY purpose LIMIT 1",
        )
        .bind(request_id)
        .bind(step_id)
        .bind(iteration)
        .fetch_one(self.app.pool())
        .await
        .expect("the task is there")
    }

    /// The state of the task of a step.
    pub async fn status(&self, request_id: Uuid, step_id: &str) -> String {
        self.task(request_id, step_id).await["status"].as_str().expect("a status").to_owned()
    }

    /// The row of an attempt.
    pub async fn attempt(&self, task_id: Uuid, attempt: i32) -> Value {
        sqlx::query_scalar("SELECT to_jsonb(task_attempts) FROM task_attempts WHERE task_id = $1 AND attempt = $2")
            .bind(task_id)
            .bind(attempt)
            .fetch_one(self.app.pool())
            .await
            .expect("the attempt is there")
    }

    /// The numbers of an attempt's stored log lines.
    pub async fn lines(&self, task_id: Uuid) -> Vec<i64> {
        sqlx::query_scalar("SELECT seq FROM execution_logs WHERE task_id = $1 ORDER BY seq")
            .bind(task_id)
            .fetch_all(self.app.pool())
            .await
            .expect("the log reads")
    }

    /// Which hosts are taken.
    pub async fn locked_hosts(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT host FROM host_locks ORDER BY host").fetch_all(self.app.pool()).await.expect("the locks read")
    }

    /// How often the audit log of a request names an event.
    pub async fn audited(&self, request_id: Uuid, event: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE chain = $1 AND event = $2")
            .bind(request_id.to_string())
            .bind(event)
            .fetch_one(self.app.pool())
            .await
            .expect("the audit log reads")
    }

    /// Lets every lease run out, by Postgres time.
    pub async fn let_leases_expire(&self) {
        for statement in [
            "UPDATE agents SET lease_expires_at = now() - interval '1 second'",
            "UPDATE task_attempts SET lease_expires_at = now() - interval '1 second'",
        ] {
            sqlx::query(statement).execute(self.app.pool()).await.expect("the leases end");
        }
    }

    /// Lets the reaper look often enough to trust its ears for a whole lease; what it did.
    pub async fn listen_for_a_lease(&self) -> usize {
        let step = self.app.context.settings.agent_lease / 4;
        let mut done = 0;
        for _ in 0..6 {
            done += self.reap().await.done;
            self.app.clock.advance(step);
        }
        done
    }

    /// Lets every agent fall silent until the reaper has noticed.
    pub async fn fall_silent(&self) {
        self.listen_for_a_lease().await;
        self.let_leases_expire().await;
        assert!(self.reap().await.done > 0, "silence is noticed");
    }

    /// How many messages were rejected.
    pub async fn dead_letters(&self) -> u32 {
        self.app.context.bus.depth(DEAD_LETTERS).await.expect("the queue is there").0
    }

    /// Moves the clock past the time in which an offer must be claimed.
    pub fn let_offers_expire(&self) {
        self.app.clock.advance(self.app.context.settings.claim_within + std::time::Duration::from_secs(1));
    }
}

/// A step that sets something up on a host, and may be repeated.
pub fn step(step_id: &str, host: &str, depends_on: &[&str]) -> Value {
    step_of(step_id, host, depends_on, "yes")
}

/// The same, of an action that declares this about being repeated.
pub fn step_of(step_id: &str, host: &str, depends_on: &[&str], repeatable: &str) -> Value {
    json!({
        "step_id": step_id, "title": format!("Set up {step_id} on {host}"), "agent_type": "infrastructure", "action": "set_up",
        "action_sha256": action_sha256(), "parameters": {"host": host, "port": 80, "upstream": ""}, "hosts": [host], "depends_on": depends_on,
        "resources_required": {"memory_gb": 1.0}, "risk": "low", "repeatable": repeatable, "check": "full", "timeout_seconds": 60, "phase": "apply",
    })
}

/// The id in a row.
pub fn id(row: &Value) -> Uuid {
    row["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}
