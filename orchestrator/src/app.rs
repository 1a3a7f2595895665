//! The composition root: builds everything an orchestrator is made of, and starts it as named tasks of the process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::Bus;
use chiffon_engine::verbs::unclaimed::Offers;
use chiffon_engine::verbs::unverified;
use chiffon_hooks::domain::hook::Webhooks;
use chiffon_hooks::verbs as hooks;
use chiffon_kernel::chores::{self, announcer, outbox_listener};
use chiffon_kernel::deliveries::{self, Inbox};
use chiffon_kernel::http::{HttpOptions, HttpState, Room};
use chiffon_kernel::part::Part;
use chiffon_kernel::store::invariants::Invariant;
use chiffon_kernel::store::{Store, StoreOptions, feed, leases, outbox};
use chiffon_kernel::verbs::{self as kernel, Wakes, tokens};
use chiffon_models::planner::provider::config::{ProviderConfig, Strategy};
use chiffon_models::verbs::ledger::PostgresLedger;
use chiffon_notify::domain::settings::Notifications;
use chiffon_notify::verbs as notify;
use chiffon_oidc::verbs::provider::Provider;
use chiffon_planning::planner::chain::{PlannerChain, PlannerOptions};
use chiffon_plans::domain::policy::Policy;
use chiffon_process::retry::Policy as Retry;
use chiffon_process::{RandomIds, Spawner, SystemClock, Traces};
use chiffon_protocol::key::{KeyPair, Keyring, PublicKey};
use chiffon_protocol::topology::Topology;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_records::audit_repo::AuditRepository;
use chiffon_requests::verbs::request_run::assembled;
use chiffon_requests::verbs::{Context, Means, Settings, after_restore};
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::chores::invariant_checker::InvariantChecker;
use crate::chores::partitions::Partitions;
use crate::http;

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
    /// Who is told what, and where.
    pub notifications: Notifications,
    /// Which programs ask for what by a signed call.
    pub webhooks: Webhooks,
    /// Limits of the HTTP interface.
    pub http: HttpOptions,
    /// By which provider people sign in, if by any.
    pub oidc: Option<chiffon_oidc::domain::settings::Settings>,
    /// A token that is to be an administrator's, before anybody can call.
    pub admin_token: Option<SecretString>,
    /// Where spans go, if anywhere.
    pub traces: Traces,
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
        if feed::go_on_in_this_cluster(&mut *store.acquire().await?).await? {
            tracing::info!(
                "the database is in another PostgreSQL cluster than before; the feed of all events goes on behind what there is"
            );
        }
        let repository = AuditRepository::open_or_create(&options.audit_repository)
            .map_err(|error| Problem::new(ErrorCode::AuditRepositoryFailed, error.to_string()))?;
        let http = options.http.clone();
        let provider = options.oidc.clone().map(Provider::new).transpose()?.map(Arc::new);
        let admin_token = options.admin_token.clone();
        let (notifications, webhooks) = (options.notifications.clone(), options.webhooks.clone());
        let context = context(options, store, &tasks)?;
        let links = links(&http, &listener);
        let beside = Beside {
            notify: notify::Context::new(context.kernel.clone(), notifications, &links)?.with_budgets(context.planner.budgets()),
            hooks: hooks::Context::new(context.clone(), webhooks),
            provider,
        };
        // Before anything is offered: what a restored database can't know must not be repeated.
        after_restore::run(&context, &repository).await?;
        unverified::enrol(&context).await?;
        if let Some(token) = admin_token {
            tokens::ensure_admin(&context, ADMINISTRATOR, Some(token)).await?;
        }
        hear_panics(&context, &tasks);
        context.handed.open();
        let parts = parts(&context, &repository, &beside, &tasks);
        let state = HttpState::new(context.kernel.clone(), http);
        let routes = http::routes::of(&state, &parts);
        start_parts(&context, parts, &tasks);
        let listening = context.kernel.clone();
        tasks.spawn_loop("outbox_listener", move || outbox_listener::run(listening.clone()));
        let announcing = context.kernel.clone();
        tasks.spawn_loop("announcer", move || announcer::run(announcing.clone()));
        let shutdown = tasks.shutdown().clone();
        tasks.spawn_vital("http", async move {
            if let Err(error) = http::serve(listener, state, routes, shutdown.clone()).await {
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
            outbox::give_back(&mut connection, &context.handed.close()).await?;
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
        traces: options.traces.clone(),
    })?;
    let kernel = kernel::Context {
        store,
        bus: options.bus,
        clock,
        ids,
        key: Arc::new(options.key),
        agents: Arc::new(Keyring::new(options.trusted_agents)),
        settings: Arc::new(options.settings.kernel.clone()),
        wakes: Arc::new(Wakes::default()),
        live: Arc::default(),
        handed: Arc::default(),
        announcements: Arc::default(),
        happened: Arc::default(),
        traces: options.traces,
        permissions: Arc::default(),
        background: Arc::default(),
        shutdown: tasks.shutdown().clone(),
        instance: options.instance.into(),
    };
    let means = Means { settings: Arc::new(options.settings), policy: Arc::new(options.policy), planner: Arc::new(planner) };
    Ok(assembled(kernel, means))
}

/// What links in notifications begin with: where people reach it, else where it listens, which leads there on this machine only.
fn links(http: &HttpOptions, listener: &TcpListener) -> String {
    if !http.public_url.is_empty() {
        return http.public_url.clone();
    }
    let address = listener.local_addr().map(|address| match address {
        address if address.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        address => address.to_string(),
    });
    address.map_or_else(|_| String::new(), |address| format!("http://{address}"))
}

/// How this installation is connected with what is around it.
#[derive(Debug, Clone)]
pub struct Beside {
    /// Whom it tells what.
    pub notify: notify::Context,
    /// Which programs call it.
    pub hooks: hooks::Context,
    /// By which provider people sign in, if by any.
    pub provider: Option<Arc<Provider>>,
}

/// What this orchestrator is made of. A capability more is a line more.
pub fn parts(context: &Context, repository: &AuditRepository, beside: &Beside, spawner: &Spawner) -> Vec<Part> {
    let mut parts = vec![
        chiffon_engine::part(context),
        chiffon_requests::part(context, spawner),
        chiffon_kernel::part(context, Arc::new(Offers::new(context.engine.clone()))),
        chiffon_records::part(context, repository.clone()),
        chiffon_postmortem::part(),
        chiffon_models::part(),
        chiffon_fleet::part(),
        chiffon_oidc::part(&context.kernel, beside.provider.clone()),
        chiffon_notify::part(&beside.notify),
        chiffon_hooks::part(&beside.hooks),
    ];
    let invariants = invariants(&parts);
    parts.push(own(context, invariants));
    parts
}

/// What must hold of the records of these parts.
pub fn invariants(parts: &[Part]) -> Vec<&'static Invariant> {
    parts.iter().flat_map(|part| part.invariants).collect()
}

/// What looks at all parts at once.
fn own(context: &Context, invariants: Vec<&'static Invariant>) -> Part {
    let room = context.clone();
    Part {
        routes: Some(Box::new(move |server| http::own(server, Room::new(server.clone(), room.clone())))),
        permissions: http::PERMISSIONS,
        chores: vec![Arc::new(InvariantChecker::new(context.clone(), invariants)), Arc::new(Partitions::new(context.clone()))],
        ..Part::default()
    }
}

/// What panicked in a task of this process stands in `/background` under the task's name.
fn hear_panics(context: &Context, tasks: &Spawner) {
    let (background, clock) = (Arc::clone(&context.background), Arc::clone(&context.clock));
    tasks.on_panic(move |name, panic| {
        background.panicked(name, panic, clock.now());
    });
}

/// Declares the topology as soon as there is a broker, and only then consumes: a queue that is not there can't be.
fn start_intake(context: &Context, topology: Topology, inboxes: Vec<Arc<dyn Inbox>>, tasks: &Spawner) {
    let (context, spawner) = (context.clone(), tasks.clone());
    tasks.spawn_vital("topology", async move {
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

/// Starts what these parts consume and look at.
pub fn start_parts(context: &Context, parts: Vec<Part>, tasks: &Spawner) {
    let mut topology = Topology::shared(context.settings.queue_type, &context.settings.kinds);
    let mut inboxes = Vec::new();
    for part in parts {
        if let Some(more) = part.topology {
            topology.exchanges.extend(more.exchanges);
            topology.queues.extend(more.queues);
        }
        inboxes.extend(part.deliveries);
        for chore in part.chores {
            chores::spawn(tasks, context, chore);
        }
    }
    start_intake(context, topology, inboxes, tasks);
}
