//! An orchestrator without sockets: a real database, the in-process bus, the offline planner, and a clock that tests move.
//!
//! Background agents do not run by themselves; a test makes them look. Dropping a [`TestApp`] with messages that were not sent
//! or not dealt with, or with records that violate an invariant, panics and names them, unless the test has said that it leaves them behind.

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::memory::MemoryBus;
use chiffon_bus::{Bus, Verdict};
use chiffon_engine::domain::task::Limits as Retries;
use chiffon_engine::verbs as engine;
use chiffon_engine::verbs::DeadLetterLimits;
use chiffon_kernel::chores::outbox_relay::OutboxRelay;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_kernel::store::invariants::{Limits, find};
use chiffon_kernel::store::outbox::Message;
use chiffon_kernel::store::{Store, StoreOptions};
use chiffon_kernel::verbs as kernel;
use chiffon_kernel::verbs::background_status::BackgroundStatuses;
use chiffon_kernel::verbs::{Retention, Wakes, Watch};
use chiffon_planning::planner::offline::OfflinePlanner;
use chiffon_plans::domain::policy::Policy;
use chiffon_process::{Clock as _, RandomIds, Shutdown, Spawner, Traces};
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::message::PlanWanted;
use chiffon_protocol::topology::{QueueType, REQUESTS, Topology};
use chiffon_protocol::{ActionSpec, Envelope, canonical};
use chiffon_requests::chores::planning::PlanningDesk;
use chiffon_requests::domain::deadline::Deadlines;
use chiffon_requests::verbs::open_requests::OpenRequestLimits;
use chiffon_requests::verbs::request_run::assembled;
use chiffon_requests::verbs::{Context, Means, Settings};
use chiffon_testkit::{ManualClock, TemporaryDatabase};
use chrono::DateTime;
use serde_json::json;
use sqlx::{ConnectOptions as _, PgPool, Row as _};
use uuid::Uuid;

use crate::database;
use crate::parts::{invariants, permissions};

const ACTIONS: [&str; 4] = [
    include_str!("../../../playbooks/disk_report/action.yml"),
    include_str!("../../../playbooks/discover_portals/action.yml"),
    include_str!("../../../playbooks/deploy_kuma/action.yml"),
    RESTART_SERVICE,
];

/// An action that can't be previewed, so that its plan can be approved at once.
const RESTART_SERVICE: &str = r#"
name: restart_service
title: Restart a service
description: Restarts a system service of a host.
examples: ["restart the service nginx on nas"]
agent_type: infrastructure
target: {parameter: host}
parameters:
  type: object
  required: [host, service]
  properties:
    host: {type: string, format: inventory-host}
    service: {enum: [nginx, sshd, cron]}
risk: low
repeatable: "yes"
check: none
timeout_seconds: 60
"#;

/// An orchestrator for one test.
#[derive(Debug)]
pub struct TestApp {
    /// What use cases work with.
    pub context: Context,
    /// Its clock.
    pub clock: ManualClock,
    /// The broker that it is connected to.
    pub broker: Arc<MemoryBus>,
    /// The key of an enrolled agent.
    pub agent_key: KeyPair,
    leaves_behind: bool,
    database: TemporaryDatabase,
}

impl TestApp {
    /// With the default policy, where plans of high risk need two approvers.
    pub async fn start() -> Self {
        Self::with_policy(Policy::default()).await
    }

    /// With a policy.
    pub async fn with_policy(policy: Policy) -> Self {
        let database = database::migrated().await;
        let store = Store::new(&StoreOptions {
            url: database.url(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(10),
        })
        .expect("the test database's address reads");
        let (clock, broker) = (ManualClock::default(), MemoryBus::shared());
        let bus = broker.connect();
        bus.declare(&Topology::shared(QueueType::Classic, &Kinds::default())).await.expect("the topology is declared");
        let agent_key = KeyPair::generate();
        let settings = settings();
        let kernel = kernel::Context {
            store,
            bus,
            clock: Arc::new(clock.clone()),
            ids: RandomIds::shared(),
            key: Arc::new(KeyPair::generate()),
            agents: Arc::new(Keyring::new([agent_key.public()])),
            settings: Arc::new(settings.kernel.clone()),
            wakes: Arc::new(Wakes::default()),
            live: Arc::default(),
            handed: Arc::default(),
            announcements: Arc::default(),
            happened: Arc::default(),
            traces: Traces::default(),
            permissions: Arc::default(),
            background: Arc::new(BackgroundStatuses::default()),
            shutdown: Shutdown::new(),
            instance: "test".into(),
        };
        let means = Means { settings: Arc::new(settings), policy: Arc::new(policy), planner: Arc::new(OfflinePlanner::new()) };
        let context = assembled(kernel, means);
        for declared in permissions() {
            context.permissions.declare(declared);
        }
        Self { context, clock, broker, agent_key, leaves_behind: false, database }
    }

    /// The pool, for what a test looks at or brings about by itself.
    pub fn pool(&self) -> &PgPool {
        self.context.store.pool()
    }

    /// Goes on with this many connections to the database.
    pub fn with_connections(&mut self, most: u32) {
        self.context.engine.kernel.store = Store::new(&StoreOptions {
            url: self.database.url(),
            max_connections: most,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(10),
        })
        .expect("the test database's address reads");
    }

    /// Says that this test ends with messages that nobody has dealt with.
    pub fn leave_behind(&mut self) {
        self.leaves_behind = true;
    }

    /// Adds a person.
    pub async fn person(&self, name: &str, role: Role) -> Principal {
        self.principal(name, role, false).await
    }

    /// Adds a person or a program.
    pub async fn principal(&self, name: &str, role: Role, is_program: bool) -> Principal {
        let id = self.context.ids.new_id();
        sqlx::query("INSERT INTO principals (id, name, role, kind, created_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(id)
            .bind(name)
            .bind(role.as_str())
            .bind(if is_program { "program" } else { "person" })
            .bind(self.clock.now())
            .execute(self.pool())
            .await
            .expect("the principal is stored");
        Principal { id, name: name.to_owned(), role, grants: Vec::new(), is_program }
    }

    /// Stores what an infrastructure agent with the hosts `nas` and `web` has announced.
    pub async fn announce_actions(&self) {
        sqlx::query(
            "INSERT INTO agents (id, agent_type, hostname, key_id, incarnation, journal_id, version, hosts, last_seen_at, lease_expires_at, enrolled_at, hello_at)
            VALUES ('infra-1', 'infrastructure', 'infra-1', $1, 1, $2, '0.1.0', $3, now(), now() + interval '1 hour', now(), now())",
        )
        .bind(self.agent_key.id())
        .bind(Uuid::nil())
        .bind(json!({"all": ["nas", "web"]}))
        .execute(self.pool())
        .await
        .expect("the agent is stored");
        for text in ACTIONS {
            let spec = ActionSpec::from_yaml(text).expect("the action reads");
            let sha256 = canonical::sha256_hex(&spec);
            sqlx::query(
                "WITH known AS (
                    INSERT INTO actions (name, sha256, agent_type, spec, first_seen_at)
                    VALUES ($1, $2, 'infrastructure', $3, now())
                    RETURNING name, sha256
                )
                INSERT INTO agent_actions (agent_id, name, sha256, announced_at)
                SELECT 'infra-1', name, sha256, now()
                FROM known",
            )
            .bind(&spec.name)
            .bind(sha256)
            .bind(json!(spec))
            .execute(self.pool())
            .await
            .expect("the action is stored");
        }
    }

    /// Lets the relay send what stands in the outbox.
    pub async fn relay(&self) -> TickReport {
        OutboxRelay::new(
            self.context.engine.kernel.clone(),
            Arc::new(chiffon_engine::verbs::unclaimed::Offers::new(self.context.engine.clone())),
        )
        .tick()
        .await
        .expect("the relay sends")
    }

    /// Sends what is to be planned, hands it to a planner, and waits until the planner is done; what became of each delivery.
    pub async fn plan(&self) -> Vec<Verdict> {
        self.relay().await;
        let tasks = Spawner::new(self.context.shutdown.clone());
        let desk = PlanningDesk::new(self.context.clone(), tasks.clone());
        let (ready, _) = self.context.bus.depth(REQUESTS).await.expect("the queue is there");
        let mut consumer = self.context.bus.consume(REQUESTS, 64).await.expect("the queue is there");
        let mut verdicts = Vec::new();
        for _ in 0..ready {
            let delivery = consumer.next().await.expect("a delivery");
            let verdict = chiffon_requests::deliveries::requests::handle(&desk, &delivery).await.expect("the database answers");
            assert!(delivery.settle(verdict.clone()).await, "the broker takes the verdict");
            verdicts.push(verdict);
        }
        self.wait_for_locks("SELECT FROM requests WHERE status = 'planning' FOR SHARE").await;
        desk.take_due().await.expect("the database answers");
        assert!(tasks.finish(Duration::from_secs(20)).await, "planning ends");
        verdicts
    }

    /// Waits until nobody holds these rows. A refused unit of work is rolled back behind its answer, and a chore passes over what is locked:
    /// it comes back to it at its next look, which a test has no second of.
    pub async fn wait_for_locks(&self, rows: &'static str) {
        sqlx::query(rows).execute(self.pool()).await.expect("they are free");
    }

    /// Announces a round as an orchestrator of the version before did: by a message, through the outbox.
    pub async fn want_plan(&self, request_id: Uuid) {
        let envelope = Envelope {
            message_id: self.context.ids.new_message_id(),
            trace_id: self.context.ids.new_trace_id(),
            request_id,
            timestamp: self.context.clock.now(),
            message: PlanWanted { round: 1 }.into(),
        };
        let mut work = self.context.begin().await.expect("the database answers");
        work.send(Message::work(REQUESTS, &envelope));
        work.commit().await.expect("the database answers");
    }

    /// One column of one row, as text.
    pub async fn text(&self, query: &'static str, id: Uuid) -> Option<String> {
        let row = sqlx::query(query).bind(id).fetch_one(self.pool()).await.expect("the query runs");
        row.try_get::<Option<String>, _>(0).expect("a text")
    }

    /// Where a request stands.
    pub async fn status(&self, request_id: Uuid) -> String {
        self.text("SELECT status FROM requests WHERE id = $1", request_id).await.expect("every request has a status")
    }

    /// The hash of a request's current plan.
    pub async fn plan_sha256(&self, request_id: Uuid) -> String {
        let query = "SELECT p.sha256 FROM requests r JOIN plans p ON p.id = r.plan_id WHERE r.id = $1";
        self.text(query, request_id).await.expect("the plan is fixed")
    }

    /// A number that a query with the request's id comes to.
    pub async fn number(&self, query: &'static str, id: Uuid) -> i64 {
        sqlx::query_scalar(query).bind(id).fetch_one(self.pool()).await.expect("the query runs")
    }
}

impl Drop for TestApp {
    /// Looks for work that was left behind, on a thread of its own because the test's runtime may be on its way out.
    fn drop(&mut self) {
        if std::thread::panicking() || self.leaves_behind {
            return;
        }
        let (options, bus) = (self.database.options(), self.broker.connect());
        let looked = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(left_behind(options, bus.as_ref()))
        });
        let left = looked.join().expect("the look does not panic");
        assert!(left.is_empty(), "the test left work behind: {}", left.join("; "));
    }
}

async fn left_behind(options: sqlx::postgres::PgConnectOptions, bus: &dyn Bus) -> Vec<String> {
    let mut connection = options.connect().await.expect("the test database answers");
    let unsent = sqlx::query("SELECT id, routing_key, envelope ->> 'message_type' FROM outbox ORDER BY id")
        .fetch_all(&mut connection)
        .await
        .expect("the outbox reads");
    let mut left: Vec<String> = unsent
        .iter()
        .map(|row| format!("outbox row {} ({} to {})", row.get::<i64, _>(0), row.get::<String, _>(2), row.get::<String, _>(1)))
        .collect();
    left.extend(violations(&mut connection).await);
    for queue in Topology::shared(QueueType::Classic, &Kinds::default()).queues {
        let (ready, _) = bus.depth(&queue.name).await.unwrap_or_default();
        if ready > 0 {
            left.push(format!("{ready} undelivered in {}", queue.name));
        }
    }
    left
}

/// What must never be, whatever a test has done. What is overdue is left aside: a test's clock stands where the test left it.
async fn violations(connection: &mut sqlx::PgConnection) -> Vec<String> {
    let timeless = Limits {
        now: DateTime::UNIX_EPOCH,
        overdue_after: Duration::from_hours(24 * 365),
        since: DateTime::UNIX_EPOCH,
        longest_call: Duration::ZERO,
    };
    let mut violated = Vec::new();
    for invariant in invariants().into_iter().filter(|invariant| invariant.rule.name != "partition_missing") {
        let found = find(connection, invariant, &timeless).await.expect("the records read");
        if found.count > 0 {
            violated.push(format!("not true any more: {}: {}", invariant.rule.sentence, found.examples.join(", ")));
        }
    }
    violated
}

fn settings() -> Settings {
    Settings {
        engine: engine::Settings {
            kernel: kernel::Settings {
                signature_valid_for: Duration::from_mins(10),
                queue_type: QueueType::Classic,
                kinds: Kinds::default(),
                tick: Duration::from_secs(2),
                watch: Watch::default(),
                retention: Retention::default(),
            },
            claim_within: Duration::from_secs(15),
            start_within: Duration::from_secs(30),
            agent_lease: Duration::from_secs(20),
            run_margin: Deadlines::default().run_margin,
            dead_letters: DeadLetterLimits::default(),
            retry: Retries::default(),
            unverified: Vec::new(),
        },
        resend_after: Duration::from_secs(20),
        planning_lease: Duration::from_mins(3),
        planning_tries: 3,
        max_text_chars: 8_000,
        open_requests: OpenRequestLimits::default(),
        deadlines: Deadlines::default(),
    }
}
