//! The composition root: builds everything an orchestrator is made of, and starts it as named tasks of the process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::Bus;
use chiffon_process::retry::Policy as Retry;
use chiffon_process::{RandomIds, Spawner, SystemClock};
use chiffon_protocol::key::{KeyPair, Keyring, PublicKey};
use chiffon_protocol::topology::Topology;
use chiffon_protocol::{ErrorCode, Problem};
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::audit_repo::AuditRepository;
use crate::chores::dead_letter_keeper::DeadLetterKeeper;
use crate::chores::deadline_reaper::DeadlineReaper;
use crate::chores::dispatcher::Dispatcher;
use crate::chores::git_scribe::GitScribe;
use crate::chores::invariant_checker::InvariantChecker;
use crate::chores::lease_reaper::LeaseReaper;
use crate::chores::log_sealer::LogSealer;
use crate::chores::outbox_relay::OutboxRelay;
use crate::chores::partitions::Partitions;
use crate::chores::planning::PlanningDesk;
use crate::chores::{self, Chore, outbox_listener};
use crate::deliveries::claims::ClaimsInbox;
use crate::deliveries::dead_letters::DeadLettersInbox;
use crate::deliveries::heartbeats::HeartbeatsInbox;
use crate::deliveries::requests::RequestsInbox;
use crate::deliveries::results::ResultsInbox;
use crate::deliveries::status::StatusInbox;
use crate::deliveries::{self, Inbox};
use crate::domain::policy::Policy;
use crate::http::{self, HttpOptions, HttpState};
use crate::planner::chain::{PlannerChain, PlannerOptions};
use crate::planner::provider::config::{ProviderConfig, Strategy};
use crate::store::{Store, StoreOptions, leases};
use crate::verbs::intake::Intake;
use crate::verbs::ledger::PostgresLedger;
use crate::verbs::request_run::Requests;
use crate::verbs::unclaimed::Offers;
use crate::verbs::{Context, Settings, Wakes, after_restore, tokens, unverified};

/// How long giving back may take.
const LEAVES_WITHIN: Duration = Duration::from_secs(3);
/// Who owns what was made at the start.
const ADMINISTRATOR: &str = "operator";

/// What an orchestrator is built of.
#[derive(Debug)]
pub struct OrchestratorOptions {
    /// How to reach Postgres.
    pub store: StoreOptions,
    /// The broker.
    pub bus: Arc<dyn Bus>,
    /// The key that signs work.
    pub key: KeyPair,
    /// Enrolled agents.
    pub trusted_agents: Vec<PublicKey>,
    /// What plans need.
    pub policy: Policy,
    /// Times and limits.
    pub settings: Settings,
    /// Model providers, in the order of quality.
    pub providers: Vec<ProviderConfig>,
    /// In which order they are asked.
    pub strategy: Strategy,
    /// How long all models of one round may take together.
    pub round_within: Duration,
    /// The bare audit repository.
    pub audit_repository: PathBuf,
    /// Limits of the HTTP interface.
    pub http: HttpOptions,
    /// A token that is to be an administrator's, before anybody can call.
    pub admin_token: Option<SecretString>,
    /// This process, as holder of leases.
    pub instance: String,
}

/// A running orchestrator. It ends with the stop signal of its tasks.
#[derive(Debug)]
pub struct Orchestrator {
    context: Context,
}

impl Orchestrator {
    /// Brings the schema up to date, starts all tasks, and serves on the listener. The broker may be down: it comes later.
    pub async fn start(options: OrchestratorOptions, listener: TcpListener, tasks: Spawner) -> Result<Self, Problem> {
        let store = Store::new(&options.store)?;
        store.migrate().await?;
        let repository = AuditRepository::open_or_create(&options.audit_repository)
            .map_err(|error| Problem::new(ErrorCode::AuditRepositoryFailed, error.to_string()))?;
        let http = HttpOptions { audit_repository: Some(repository.clone()), ..options.http.clone() };
        let admin_token = options.admin_token.clone();
        let context = context(options, store, &tasks)?;
        // Before anything is offered: what a restored database can't know must not be repeated.
        after_restore::run(&context, &repository).await?;
        unverified::enrol(&context).await?;
        if let Some(token) = admin_token {
            tokens::ensure_admin(&context, ADMINISTRATOR, Some(token)).await?;
        }
        hear_panics(&context, &tasks);
        start_background(&context, repository, &tasks);
        let state = HttpState::new(context.clone(), http);
        let shutdown = tasks.shutdown().clone();
        tasks.spawn_vital("http", async move {
            if let Err(error) = http::serve(listener, state, shutdown.clone()).await {
                shutdown.fail(format!("the HTTP server ended: {error}"));
            }
        });
        Ok(Self { context })
    }

    /// What use cases work with.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The last act of a process that leaves, when its tasks have ended: what only one process may do, another does at once.
    pub async fn leave(&self) {
        let context = &self.context;
        let released = async {
            let mut connection = context.store.acquire().await?;
            leases::release_all(&mut connection, &context.instance).await
        };
        // Without it, they run out by themselves.
        if !matches!(tokio::time::timeout(LEAVES_WITHIN, released).await, Ok(Ok(()))) {
            tracing::warn!("the leases of this process could not be given back; they run out by themselves");
        }
    }
}

fn context(options: OrchestratorOptions, store: Store, tasks: &Spawner) -> Result<Context, Problem> {
    let (clock, ids) = (SystemClock::shared(), RandomIds::shared());
    let planner = PlannerChain::new(PlannerOptions {
        providers: options.providers,
        strategy: options.strategy,
        round_within: options.round_within,
        clock: clock.clone(),
        ids: ids.clone(),
        ledger: Arc::new(PostgresLedger::new(store.clone())),
        shutdown: tasks.shutdown().clone(),
    })?;
    Ok(Context {
        store,
        bus: options.bus,
        clock,
        ids,
        key: Arc::new(options.key),
        agents: Arc::new(Keyring::new(options.trusted_agents)),
        policy: Arc::new(options.policy),
        run: Arc::new(Requests),
        planner: Arc::new(planner),
        settings: Arc::new(options.settings),
        wakes: Arc::new(Wakes::default()),
        background: Arc::default(),
        shutdown: tasks.shutdown().clone(),
        instance: options.instance.into(),
    })
}

/// What panicked in a task of this process stands in `/background` under the task's name.
fn hear_panics(context: &Context, tasks: &Spawner) {
    let (background, clock) = (Arc::clone(&context.background), Arc::clone(&context.clock));
    tasks.on_panic(move |name, panic| {
        background.panicked(name, panic, clock.now());
    });
}

/// Declares the topology as soon as there is a broker, and only then consumes: a queue that is not there can't be.
fn start_intake(context: &Context, inboxes: [Arc<dyn Inbox>; 6], tasks: &Spawner) {
    let (context, spawner) = (context.clone(), tasks.clone());
    tasks.spawn_vital("topology", async move {
        let mut topology = Topology::shared(context.settings.queue_type);
        // A peer that knows only the fixed fields may expect its queue to be there.
        for peer in &context.settings.unverified {
            topology.queues.extend(Topology::desktop(context.settings.queue_type, peer.hostname()).queues);
        }
        let mut delays = Retry::RECONNECT.delays();
        while let Err(error) = context.bus.declare(&topology).await {
            tracing::warn!(%error, "the topology can't be declared yet");
            if !context.shutdown.sleep(delays.next_delay().unwrap_or(Retry::RECONNECT.longest)).await {
                return;
            }
        }
        for inbox in inboxes {
            deliveries::spawn(&spawner, &context, inbox);
        }
    });
}

fn start_background(context: &Context, repository: AuditRepository, tasks: &Spawner) {
    let intake = Arc::new(Intake::default());
    let desk = PlanningDesk::new(context.clone(), tasks.clone());
    let inboxes: [Arc<dyn Inbox>; 6] = [
        Arc::new(RequestsInbox::new(desk.clone())),
        Arc::new(ClaimsInbox::new(context.clone())),
        Arc::new(StatusInbox::new(context.clone())),
        Arc::new(ResultsInbox::new(context.clone())),
        Arc::new(HeartbeatsInbox::new(context.clone(), intake.clone())),
        Arc::new(DeadLettersInbox::new(context.clone())),
    ];
    start_intake(context, inboxes, tasks);
    let agents: Vec<Arc<dyn Chore>> = vec![
        Arc::new(desk),
        Arc::new(OutboxRelay::new(context.clone(), Arc::new(Offers::new(context.clone())))),
        Arc::new(Dispatcher::new(context.clone())),
        Arc::new(LeaseReaper::new(context.clone(), intake)),
        Arc::new(DeadlineReaper::new(context.clone())),
        Arc::new(InvariantChecker::new(context.clone())),
        Arc::new(Partitions::new(context.clone())),
        Arc::new(DeadLetterKeeper::new(context.clone())),
        Arc::new(LogSealer::new(context.clone())),
        Arc::new(GitScribe::new(context.clone(), repository)),
    ];
    for agent in agents {
        chores::spawn(tasks, context, agent);
    }
    let context = context.clone();
    tasks.spawn_loop("outbox_listener", move || outbox_listener::run(context.clone()));
}
