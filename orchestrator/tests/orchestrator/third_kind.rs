//! A kind of agents that does not come with Chiffon: a row of the table that the orchestrator is composed with, and an agent on the
//! worker's trait. It says hello, gets work over RabbitMQ, and what it did is stored.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chiffon_bus::Bus;
use chiffon_bus::rabbit::{RabbitBus, RabbitOptions};
use chiffon_kernel::http::HttpOptions;
use chiffon_kernel::store::StoreOptions;
use chiffon_models::planner::provider::config::Strategy;
use chiffon_nodes::shared;
use chiffon_orchestrator::app::{Orchestrator, OrchestratorOptions};
use chiffon_plans::domain::policy::Policy;
use chiffon_process::{RandomIds, Shutdown, Spawner, SystemClock, Traces, telemetry};
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::kind::{Kind, Kinds, Queues};
use chiffon_protocol::message::{AnnouncedAction, WorkRequest};
use chiffon_protocol::topology::QueueType;
use chiffon_protocol::{ActionSpec, canonical};
use chiffon_testkit::{TemporaryDatabase, until};
use chiffon_worker::{AgentKind, Decline, HeartbeatFigures, Probe, RunContext, RunOutcome, Worker, WorkerOptions, WorkerParts};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::http::app::{Answer, settings};

const TOKEN: &str = "chf_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const PATIENCE: Duration = Duration::from_mins(1);

const LIGHT: &str = r#"
name: light_lamp
title: Light the lamp
description: Lights the lamp of a lighthouse.
examples: ["light the lamp of cape"]
agent_type: lighthouse
target: {parameter: host}
parameters:
  type: object
  required: [host]
  properties:
    host: {type: string, format: inventory-host}
outputs:
  properties: {candela: {type: integer}}
risk: low
repeatable: "yes"
check: none
timeout_seconds: 60
"#;

/// Keeps the lights of a coast.
#[derive(Debug)]
struct Keeper {
    kind: Kind,
    lamp: ActionSpec,
}

#[async_trait]
impl AgentKind for Keeper {
    fn entry(&self) -> &Kind {
        &self.kind
    }

    fn catalogue(&self) -> Vec<AnnouncedAction> {
        vec![AnnouncedAction { sha256: canonical::sha256_hex(&self.lamp), spec: self.lamp.clone() }]
    }

    fn hosts(&self) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([("all".to_owned(), vec!["cape".to_owned()])])
    }

    fn accepts(&self, work: &WorkRequest) -> Result<(), Decline> {
        if work.action == self.lamp.name { Ok(()) } else { Err(Decline::new("it only lights lamps")) }
    }

    async fn run(&self, _work: &WorkRequest, _context: RunContext) -> RunOutcome {
        let outputs = serde_json::Map::from_iter([("candela".to_owned(), json!(5_000))]);
        RunOutcome { changed: true, outputs, ..RunOutcome::succeeded("the lamp is lit") }
    }
}

#[derive(Debug)]
struct Dark;

impl Probe for Dark {
    fn sample(&self) -> HeartbeatFigures {
        HeartbeatFigures::default()
    }
}

fn lighthouse() -> Kind {
    let name = "lighthouse".parse().expect("a kind's name");
    Kind { name, about: "Keeps a light", queues: Queues::Shared, at_once: 1, schemes: &["agent"] }
}

fn options(database: &TemporaryDatabase, bus: Arc<dyn Bus>, keys: (&KeyPair, &KeyPair), folder: &Path) -> OrchestratorOptions {
    let mut settings = settings();
    settings.engine.kernel.queue_type = QueueType::Quorum;
    settings.engine.kernel.kinds = Kinds::default().iter().cloned().chain([lighthouse()]).collect();
    OrchestratorOptions {
        store: StoreOptions { url: database.url(), max_connections: 16, acquire_timeout: PATIENCE, statement_timeout: PATIENCE },
        bus,
        key: keys.0.clone(),
        trusted_agents: vec![keys.1.public()],
        policy: Policy::default(),
        settings,
        providers: Vec::new(),
        strategy: Strategy::default(),
        round_within: PATIENCE,
        audit_repository: folder.join("audit.git"),
        notifications: chiffon_notify::domain::settings::Notifications::default(),
        webhooks: chiffon_hooks::domain::hook::Webhooks::default(),
        oidc: None,
        http: HttpOptions::default(),
        admin_token: Some(TOKEN.into()),
        traces: Traces::default(),
        instance: "coast".to_owned(),
    }
}

fn keep(bus: Arc<dyn Bus>, keys: (&KeyPair, &KeyPair), folder: &Path, tasks: &Spawner) {
    let kind = Arc::new(Keeper { kind: lighthouse(), lamp: ActionSpec::from_yaml(LIGHT).expect("the action reads") });
    let options = WorkerOptions::new("keeper", "cape", keys.1.clone(), Keyring::new([keys.0.public()]), folder.join("keeper"));
    let parts =
        WorkerParts { bus, clock: SystemClock::shared(), ids: RandomIds::shared(), kind, probe: Arc::new(Dark), tasks: tasks.clone() };
    let worker = Worker::new(options, parts).expect("a journal");
    tasks.spawn("keeper", async move { drop(worker.run().await) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_kind_says_hello_gets_work_over_rabbitmq_and_its_result_is_stored() {
    telemetry::install_tls_provider();
    let (database, folder) = (TemporaryDatabase::create().await, tempfile::tempdir().expect("a folder"));
    let vhost = format!("third_kind_{}", std::process::id());
    shared::management().expect("make test").create_vhost(&vhost).await.expect("a virtual host");
    let url = shared::amqp_url(&vhost).expect("make test");
    let tasks = Spawner::new(Shutdown::new());
    let connect = |name: &str| RabbitBus::start(RabbitOptions::new(url.clone(), name), &tasks).expect("an address");
    let (orchestrator_key, agent_key) = (KeyPair::generate(), KeyPair::generate());
    let keys = (&orchestrator_key, &agent_key);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let options = options(&database, connect("coast"), keys, folder.path());
    let orchestrator = Orchestrator::start(options, listener, tasks.clone()).await.expect("it starts");
    keep(connect("keeper"), keys, folder.path(), &tasks);

    let client = Client::builder().tls_certs_only([]).build().expect("a client");
    let call = async |method: Method, path: &str, body: Option<Value>| {
        let request = client.request(method, format!("{address}{path}")).bearer_auth(TOKEN);
        Answer::of(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
        .ok()
    };
    let id = call(Method::POST, "/request", Some(json!({"text": "light the lamp of cape"}))).await["request_id"].clone();
    let path = format!("/request/{}", id.as_str().expect("an id"));
    let when = async |wanted: &str| {
        until(&format!("the request is {wanted}"), PATIENCE, || async {
            let shown = call(Method::GET, &path, None).await;
            if shown["status"] == wanted { Ok(shown) } else { Err(shown.to_string()) }
        })
        .await
    };
    let planned = when("awaiting_approval").await;
    let decision = json!({"request_id": id, "plan_sha256": planned["plan"]["sha256"], "decision": "approve"});
    call(Method::POST, "/approve", Some(decision)).await;
    let done = when("completed").await;
    assert_eq!(done["tasks"][0]["outputs"]["candela"], 5_000, "{done:#}");
    let task = call(Method::GET, &format!("/tasks/{}", done["tasks"][0]["task_id"].as_str().expect("an id")), None).await;
    assert_eq!((task["agent_type"].as_str(), task["attempts"][0]["agent_id"].as_str()), (Some("lighthouse"), Some("keeper")));
    let agents = call(Method::GET, "/agents", None).await;
    assert_eq!((agents["items"][0]["agent_type"].as_str(), &agents["items"][0]["left_alone"]), (Some("lighthouse"), &Value::Null));

    tasks.shutdown().drain();
    tasks.shutdown().stop();
    assert!(tasks.finish(PATIENCE).await, "all of it ends");
    orchestrator.leave().await;
}
