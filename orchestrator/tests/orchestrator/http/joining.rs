//! A capability joins an orchestrator by nothing but its part: endpoints with permissions of its own, a queue, a chore and an invariant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use chiffon_bus::{Delivery, Outgoing, Verdict};
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_kernel::deliveries::Inbox;
use chiffon_kernel::domain::invariant::Rule;
use chiffon_kernel::domain::permission::{Permission, Programs, Reach};
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::table::Table;
use chiffon_kernel::http::{HttpState, Room};
use chiffon_kernel::part::Part;
use chiffon_kernel::store::invariants::{Invariant, Row};
use chiffon_orchestrator::app::{invariants, parts, start_parts};
use chiffon_orchestrator::chores::invariant_checker::InvariantChecker;
use chiffon_orchestrator::http::{routes, serve};
use chiffon_process::Spawner;
use chiffon_protocol::Problem;
use chiffon_protocol::topology::{Queue, Topology, WORK_EXCHANGE};
use chiffon_records::audit_repo::AuditRepository;
use chiffon_testkit::until;
use futures::FutureExt as _;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::app::{Answer, App};

const SIGNALS: &str = "lighthouse.signals";

/// The lighthouses of a coast.
#[derive(Debug, Clone, Default)]
struct Coast {
    signals: Arc<Mutex<Vec<String>>>,
    looks: Arc<AtomicUsize>,
    wake: Arc<Notify>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Signals {
    /// What was signalled, in order.
    signals: Vec<String>,
}

const LIGHTHOUSES_READ: Permission = Permission {
    name: "lighthouses.read",
    lets: "see what lighthouses signal",
    roles: Role::Operator.and_above(),
    programs: Programs::Hold,
    reach: Reach::Everywhere,
};
const LIGHTHOUSES_BLESS: Permission = Permission {
    name: "lighthouses.bless",
    lets: "bless lighthouses",
    roles: Role::Operator.and_above(),
    programs: Programs::Refused,
    reach: Reach::Everywhere,
};

/// Lists what was signalled.
#[utoipa::path(get, path = "/lighthouses", tag = "lighthouses", responses((status = 200, body = Signals)))]
async fn list(State(room): State<Room<Coast>>) -> Json<Signals> {
    Json(Signals { signals: room.context.seen() })
}

/// Blesses a lighthouse.
#[utoipa::path(put, path = "/lighthouses/{name}", tag = "lighthouses", params(("name" = String, Path)), responses((status = 204)))]
async fn bless() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Blesses it a little.
#[utoipa::path(patch, path = "/lighthouses/{name}", tag = "lighthouses", params(("name" = String, Path)), responses((status = 204)))]
async fn bless_a_little() -> StatusCode {
    StatusCode::NO_CONTENT
}

impl Coast {
    fn seen(&self) -> Vec<String> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn part(&self) -> Part {
        let coast = self.clone();
        let queue = Queue {
            name: SIGNALS.to_owned(),
            exchange: WORK_EXCHANGE.to_owned(),
            routing_key: SIGNALS.to_owned(),
            arguments: BTreeMap::new(),
            durable: true,
            exclusive: false,
        };
        Part {
            routes: Some(Box::new(move |server: &HttpState| {
                Table::new(server, Room::new(server.clone(), coast.clone()))
                    .needs(LIGHTHOUSES_READ, routes!(list))
                    .needs(LIGHTHOUSES_BLESS, routes!(bless))
                    .needs(LIGHTHOUSES_BLESS, routes!(bless_a_little))
                    .done()
            })),
            permissions: &[LIGHTHOUSES_READ, LIGHTHOUSES_BLESS],
            topology: Some(Topology { exchanges: Vec::new(), queues: vec![queue] }),
            deliveries: vec![Arc::new(self.clone())],
            chores: vec![Arc::new(self.clone())],
            invariants: LIGHTS,
        }
    }
}

#[async_trait]
impl Inbox for Coast {
    fn queue(&self) -> &'static str {
        SIGNALS
    }

    async fn handle(&self, deliveries: &[Delivery]) -> Result<Vec<Verdict>, Problem> {
        let texts = deliveries.iter().map(|delivery| String::from_utf8_lossy(&delivery.body).into_owned());
        self.signals.lock().unwrap_or_else(PoisonError::into_inner).extend(texts);
        Ok(deliveries.iter().map(|_| Verdict::Ack).collect())
    }
}

#[async_trait]
impl Chore for Coast {
    fn name(&self) -> &'static str {
        "lamp_keeper"
    }

    fn wake(&self) -> &Notify {
        &self.wake
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Ok(TickReport::of(1))
    }
}

const LIGHTS: &[Invariant] = &[Invariant {
    rule: Rule { name: "light_is_out", is_about_time: false, sentence: "every light burns", advice: "light the lamp" },
    find: |_, _| async { Ok(vec![Row { example: "north".to_owned(), total: 1 }]) }.boxed(),
}];

#[tokio::test]
async fn what_a_part_brings_is_served_guarded_documented_consumed_looked_at_and_checked() {
    let app = App::start().await;
    let (coast, folder) = (Coast::default(), tempfile::tempdir().expect("a folder"));
    let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).expect("a repository");
    let spawner = Spawner::new(app.context.shutdown.clone());
    let mut parts = parts(&app.context, &repository, &super::app::beside(&app.context), &spawner);
    let names = |all: Vec<&Invariant>| all.iter().map(|invariant| invariant.rule.name).collect::<BTreeSet<_>>();
    assert_eq!(
        names(invariants(&parts)),
        names(chiffon_harness::parts::invariants()),
        "what the tests look for is what the product looks for"
    );
    // Before there were lighthouses.
    let bot = app.program("bot", Role::Operator).await;
    parts.push(coast.part());

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (state, routes, stop) = (app.state.clone(), routes::of(&app.state, &parts), app.context.shutdown.clone());
    let endpoint = routes.endpoints().iter().find(|endpoint| endpoint.path == "/lighthouses").expect("it is in the table").clone();
    assert_eq!((endpoint.method, endpoint.permission), ("GET", Some(LIGHTHOUSES_READ)));
    let methods: Vec<&str> =
        routes.endpoints().iter().filter(|endpoint| endpoint.path == "/lighthouses/{name}").map(|endpoint| endpoint.method).collect();
    assert_eq!(methods, ["PUT", "PATCH"], "every method is in the table");
    spawner.spawn("http", async move { serve(listener, state, routes, stop).await.expect("serving") });
    start_parts(&app.context, vec![coast.part()], &spawner);

    let (viewer, operator) = (app.token("vera", Role::Viewer).await, app.token("otto", Role::Operator).await);
    let get = async |path: &str, token: &str| Answer::of(app.client.get(format!("{address}{path}")).bearer_auth(token)).await;
    assert_eq!(get("/lighthouses", &viewer).await.status, StatusCode::FORBIDDEN);
    let document = get("/openapi.json", &viewer).await.ok();
    let described = document["paths"]["/lighthouses"]["get"]["description"].as_str().expect("it is described").to_owned();
    assert!(described.contains("Needs the permission `lighthouses.read`. Least role: `operator`."), "{described}");
    for method in ["put", "patch"] {
        let operation = &document["paths"]["/lighthouses/{name}"][method];
        assert!(operation["description"].as_str().is_some_and(|text| text.contains("`lighthouses.bless`")), "{method}: {operation}");
        assert!(operation["responses"]["403"].is_object() && operation["responses"]["409"].is_object(), "{method}: {operation}");
    }
    // A program that had this role before it got a permission that no program may hold has the rest of it.
    for method in [Method::PUT, Method::PATCH] {
        let bless = async |token: &str| {
            Answer::of(app.client.request(method.clone(), format!("{address}/lighthouses/north")).bearer_auth(token)).await
        };
        assert_eq!(bless(&operator).await.status, StatusCode::NO_CONTENT);
        let refused = bless(&viewer).await;
        let details = &refused.body["details"];
        assert_eq!((&details["needed"], &details["permission"]), (&json!("operator"), &json!("lighthouses.bless")), "{refused:?}");
        let refused = bless(&bot).await;
        assert_eq!(
            (refused.status, refused.message().contains("programs may never bless lighthouses")),
            (StatusCode::FORBIDDEN, true),
            "{refused:?}"
        );
    }
    get("/lighthouses", &bot).await.ok();
    let robot = json!({"name": "robot", "role": "operator", "program": true});
    let admin = app.token("root", Role::Admin).await;
    let refused = Answer::of(app.client.post(format!("{address}/tokens")).bearer_auth(&admin).json(&robot)).await;
    assert!(refused.message().contains("programs never bless lighthouses (`lighthouses.bless`)"), "{refused:?}");

    let signal = Outgoing {
        exchange: WORK_EXCHANGE.to_owned(),
        routing_key: SIGNALS.to_owned(),
        message_id: String::new(),
        correlation_id: String::new(),
        headers: BTreeMap::new(),
        body: "three short, one long".into(),
        transient: false,
    };
    let taken = async || {
        // Nothing leads there until the queue is declared.
        if coast.seen().is_empty() {
            app.context.bus.publish(signal.clone()).await.ok();
            return Err("no signal was seen");
        }
        Ok(())
    };
    until("a signal to be taken in", Duration::from_secs(30), taken).await;
    assert_eq!(get("/lighthouses", &operator).await.ok()["signals"][0], "three short, one long");

    let looked = async || {
        let background = get("/background", &operator).await.ok();
        if background["background"]["lamp_keeper"]["ticks"].as_u64() >= Some(1) { Ok(()) } else { Err(background) }
    };
    until("the chore to stand in the background", Duration::from_secs(30), looked).await;

    InvariantChecker::new(app.context.clone(), invariants(&parts)).tick().await.expect("it looks");
    let report = app.context.background.invariants().expect("it has looked");
    assert!(report.violated().any(|item| item.invariant == "light_is_out" && item.examples == ["north"]), "{report:?}");
}
