//! A served orchestrator on a database of its own, with nothing in the background: tests make happen what has to happen.

use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::memory::MemoryBus;
use chiffon_engine::domain::task::Limits as Retries;
use chiffon_engine::verbs as engine;
use chiffon_engine::verbs::DeadLetterLimits;
use chiffon_hooks::domain::hook::Webhooks;
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::table::Routes;
use chiffon_kernel::http::{HttpOptions, HttpState};
use chiffon_kernel::store::{Store, StoreOptions};
use chiffon_kernel::verbs as kernel;
use chiffon_kernel::verbs::tokens::{self, NewToken};
use chiffon_kernel::verbs::{Retention, Wakes, Watch};
use chiffon_notify::domain::settings::Notifications;
use chiffon_oidc::verbs::provider::Provider;
use chiffon_orchestrator::app::{Beside, parts};
use chiffon_orchestrator::http::{routes, serve};
use chiffon_planning::planner::offline::OfflinePlanner;
use chiffon_plans::domain::policy::Policy;
use chiffon_process::{RandomIds, Shutdown, Spawner, SystemClock, Traces, telemetry};
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::kind::Kinds;
use chiffon_protocol::topology::QueueType;
use chiffon_records::audit_repo::AuditRepository;
use chiffon_requests::domain::deadline::Deadlines;
use chiffon_requests::verbs::open_requests::OpenRequestLimits;
use chiffon_requests::verbs::request_run::assembled;
use chiffon_requests::verbs::{Context, Means, Settings, plan_round};
use chiffon_testkit::TemporaryDatabase;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

/// The hash under which [`App::announce`] announces its action.
pub const ACTION_SHA256: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A served orchestrator. Stops with the value.
pub struct App {
    pub context: Context,
    pub state: HttpState,
    repository: TempDir,
    provider: Option<Arc<Provider>>,
    webhooks: Webhooks,
    pub client: Client,
    pub address: String,
    shutdown: Shutdown,
    /// Dropped with the app.
    database: Option<TemporaryDatabase>,
}

const LONGEST_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = chiffon_process::bounded::body(response.bytes_stream(), LONGEST_ANSWER_BYTES).await.expect("a whole answer");
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Self { status, headers, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The problem's code, after a look at whether it has a problem's form.
    #[track_caller]
    pub fn code(&self) -> u64 {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let code = self.body["code"].as_u64().unwrap_or_else(|| panic!("no code: {self:?}"));
        let page = self.body["type"].as_str().expect("a page");
        assert!(page.starts_with("http://127.0.0.1:") && page.ends_with(&format!("/docs/errors/{code}")), "{page}");
        assert_eq!(self.body["status"], self.status.as_u16());
        assert_eq!(self.body["trace_id"], self.header("x-trace-id"));
        assert!(self.body["title"].is_string() && self.body["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        code
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.body
    }

    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

/// Without channels, webhooks and a provider.
pub fn beside(context: &Context) -> Beside {
    let notify = chiffon_notify::verbs::Context::new(context.kernel.clone(), Notifications::default(), "http://chiffon.test");
    Beside {
        notify: notify.expect("an HTTP client"),
        hooks: chiffon_hooks::verbs::Context::new(context.clone(), Webhooks::default()),
        provider: None,
    }
}

/// Times and limits that most tests have.
pub fn settings() -> Settings {
    Settings {
        engine: engine::Settings {
            kernel: kernel::Settings {
                signature_valid_for: Duration::from_mins(10),
                queue_type: QueueType::Classic,
                kinds: Kinds::default(),
                tick: Duration::from_secs(1),
                watch: Watch::default(),
                retention: Retention::default(),
            },
            claim_within: Duration::from_secs(30),
            start_within: Duration::from_secs(30),
            agent_lease: Duration::from_mins(1),
            run_margin: Deadlines::default().run_margin,
            dead_letters: DeadLetterLimits::default(),
            retry: Retries::default(),
            unverified: Vec::new(),
        },
        resend_after: Duration::from_secs(30),
        planning_lease: Duration::from_mins(1),
        planning_tries: 3,
        max_text_chars: 8_000,
        open_requests: OpenRequestLimits::default(),
        deadlines: Deadlines::default(),
    }
}

impl App {
    pub async fn start() -> Self {
        Self::with_options(HttpOptions {
            live_period: Duration::from_millis(200),
            live_linger: Duration::from_millis(400),
            ..HttpOptions::default()
        })
        .await
    }

    pub async fn with_options(options: HttpOptions) -> Self {
        Self::with_settings(options, settings()).await
    }

    pub async fn with_settings(options: HttpOptions, settings: Settings) -> Self {
        let database = chiffon_harness::database::migrated().await;
        let mut app = Self::build(&database.url(), options, settings, Duration::from_secs(20), Webhooks::default(), |_| None).await;
        app.database = Some(database);
        app
    }

    /// Where people sign in by a provider, too, which is made for the address.
    pub async fn with_provider(provider: impl FnOnce(&str) -> Provider) -> Self {
        let database = chiffon_harness::database::migrated().await;
        let (options, patience) = (HttpOptions::default(), Duration::from_secs(20));
        let mut app =
            Self::build(&database.url(), options, settings(), patience, Webhooks::default(), |address| Some(provider(address))).await;
        app.database = Some(database);
        app
    }

    /// With these webhooks.
    pub async fn with_webhooks(webhooks: Webhooks) -> Self {
        let database = chiffon_harness::database::migrated().await;
        let patience = Duration::from_secs(20);
        let mut app = Self::build(&database.url(), HttpOptions::default(), settings(), patience, webhooks, |_| None).await;
        app.database = Some(database);
        app
    }

    /// Its provider.
    pub fn provider(&self) -> &Provider {
        self.provider.as_deref().expect("a provider")
    }

    /// On this database, which need not be there.
    pub async fn on(url: &str, options: HttpOptions) -> Self {
        Self::build(url, options, settings(), Duration::from_secs(2), Webhooks::default(), |_| None).await
    }

    async fn build(
        url: &str,
        options: HttpOptions,
        settings: Settings,
        acquire_timeout: Duration,
        webhooks: Webhooks,
        provider: impl FnOnce(&str) -> Option<Provider>,
    ) -> Self {
        telemetry::install_tls_provider();
        let shutdown = Shutdown::new();
        let store = Store::new(&StoreOptions {
            url: url.to_owned(),
            max_connections: 8,
            acquire_timeout,
            statement_timeout: Duration::from_secs(10),
        })
        .expect("an address");
        let kernel = kernel::Context {
            store,
            bus: MemoryBus::shared().connect(),
            clock: SystemClock::shared(),
            ids: RandomIds::shared(),
            key: Arc::new(KeyPair::generate()),
            agents: Arc::new(Keyring::new([])),
            settings: Arc::new(settings.kernel.clone()),
            wakes: Arc::new(Wakes::default()),
            live: Arc::default(),
            handed: Arc::default(),
            announcements: Arc::default(),
            happened: Arc::default(),
            traces: Traces::default(),
            permissions: Arc::default(),
            background: Arc::default(),
            shutdown: shutdown.clone(),
            instance: "test".into(),
        };
        let means = Means { settings: Arc::new(settings), policy: Arc::new(Policy::default()), planner: Arc::new(OfflinePlanner::new()) };
        let context = assembled(kernel, means);
        let repository = tempfile::tempdir().expect("a folder");
        let state = HttpState::new(context.kernel.clone(), options);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let provider = provider(&address).map(Arc::new);
        // Only plain HTTP is spoken to it; reading the machine's certificates would cost more than most calls.
        let client = Client::builder().tls_certs_only([]).build().expect("a client");
        let app = Self { context, state, client, address, shutdown, database: None, repository, provider, webhooks };
        let (served, routes, stop) = (app.state.clone(), app.routes(&app.context), app.shutdown.clone());
        Spawner::new(stop.clone()).spawn("http", async move { serve(listener, served, routes, stop).await.expect("serving") });
        app
    }

    /// The endpoints of all parts that work with this.
    pub fn routes(&self, context: &Context) -> Routes {
        let repository = AuditRepository::open_or_create(&self.repository.path().join("audit.git")).expect("a repository");
        let spawner = Spawner::new(self.shutdown.clone());
        let mut beside = beside(context);
        beside.hooks.settings = Arc::new(self.webhooks.clone());
        beside.provider.clone_from(&self.provider);
        routes::of(&self.state, &parts(context, &repository, &beside, &spawner))
    }

    /// Where its database is.
    pub fn database_url(&self) -> String {
        self.database.as_ref().expect("a database of its own").url()
    }

    pub fn stop(&self) {
        self.shutdown.stop();
    }

    /// A new token's text.
    pub async fn token(&self, principal: &str, role: Role) -> String {
        self.token_of(principal, role, false).await
    }

    /// A new token's text, of a program.
    pub async fn program(&self, principal: &str, role: Role) -> String {
        self.token_of(principal, role, true).await
    }

    async fn token_of(&self, principal: &str, role: Role, program: bool) -> String {
        let new = NewToken { principal: principal.to_owned(), role, program, label: "test".to_owned(), valid_for: None };
        tokens::create(&self.context, "test", &new).await.expect("a token").text.expose_secret().to_owned()
    }

    /// A call with a token.
    pub fn call(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address)).bearer_auth(token)
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.call(Method::GET, path, token)).await
    }

    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        Answer::of(self.call(Method::POST, path, token).json(body)).await
    }

    /// Asks for something; its id.
    pub async fn ask(&self, token: &str, text: &str) -> Uuid {
        let body = self.post("/request", token, &json!({"text": text})).await.ok();
        body["request_id"].as_str().expect("an id").parse().expect("an id")
    }

    /// An agent that reaches `nas` and has one action, which has no check mode, so that its plans are shown at once.
    pub async fn announce(&self) {
        let spec = json!({
            "name": "polish_lens", "title": "Polish the lens", "description": "Polishes the lens of a telescope.",
            "examples": ["polish the lens of nas"], "agent_type": "infrastructure", "target": {"parameter": "host"},
            "parameters": {"type": "object", "required": ["host"], "properties": {
                "host": {"type": "string", "format": "inventory-host"}, "strokes": {"type": "integer", "default": 3}}},
            "risk": "low", "repeatable": "yes", "check": "none", "timeout_seconds": 60,
        });
        self.sql(
            "INSERT INTO agents (id, agent_type, hostname, key_id, incarnation, journal_id, version, hosts, last_seen_at, lease_expires_at, enrolled_at, hello_at)
            VALUES ('infra-1', 'infrastructure', 'server', 'k', 1, '00000000-0000-4000-8000-000000000001', '0.1.0', '{\"all\": [\"nas\"]}', now(), now() + interval '1 hour', now(), now())",
        )
        .await;
        self.announce_action(&spec).await;
    }

    /// One more action of that agent.
    pub async fn announce_action(&self, spec: &Value) {
        let name = spec["name"].as_str().expect("a name");
        self.sql(&format!("INSERT INTO actions VALUES ('{name}', '{ACTION_SHA256}', 'infrastructure', '{spec}', now())")).await;
        self.sql(&format!("INSERT INTO agent_actions VALUES ('infra-1', '{name}', '{ACTION_SHA256}', now())")).await;
    }

    /// Plans the current round of a request, as the background does.
    pub async fn plan(&self, request_id: Uuid) {
        let round: i32 = sqlx::query_scalar("SELECT round FROM requests WHERE id = $1")
            .bind(request_id)
            .fetch_one(self.context.store.pool())
            .await
            .expect("the request");
        let lease = plan_round::lease(&self.context, request_id, round).await.expect("the database").expect("a round to plan");
        plan_round::run(&self.context, &lease).await.expect("a plan");
    }

    /// A request whose plan waits for its approval; its id and the plan's hash.
    pub async fn proposed(&self, token: &str) -> (Uuid, String) {
        let id = self.ask(token, "polish the lens of nas").await;
        self.plan(id).await;
        let shown = self.get(&format!("/request/{id}"), token).await.ok();
        assert_eq!(shown["status"], "awaiting_approval", "{shown:#}");
        (id, shown["plan"]["sha256"].as_str().expect("a hash").to_owned())
    }

    /// A statement of a test's own.
    pub async fn sql(&self, statement: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(self.context.store.pool())
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}
