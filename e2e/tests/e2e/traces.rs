//! One request is one trace, from the call over the model, the broker, the agent and Ansible to the commit, in a real OTLP receiver:
//! PyPI's `oteltap`, which writes each span that it takes as a line of OTLP's JSON. `make setup` installs it into `target/api`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chiffon_e2e::{Api, Fleet, HeldModel, Home, Running, eventually, one_host, write_action};
use chiffon_testkit::not_run;
use serde_json::Value;

use crate::kill::SLOW;

const ACTION: &str = "leave_note";
const WISH: &str = "Please leave a note about the blue whale on box";
/// The play: two tasks on one host.
const TASKS: &str = "    - name: Look around\n      ansible.builtin.command: \"true\"\n      changed_when: false\n    - name: Leave the note\n      \
                     ansible.builtin.command: \"true\"\n";

/// A receiver on a port of its own.
struct Receiver {
    port: u16,
    running: Running,
}

impl Receiver {
    /// `None` where it was not installed, as a machine without a way to PyPI has it.
    async fn start(home: &Home, test: &str) -> Option<Self> {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/api/bin/python");
        let is_there = Command::new(&python).args(["-c", "import oteltap"]).output().is_ok_and(|tried| tried.status.success());
        if !is_there {
            not_run(test, "target/api has no oteltap; `make setup` installs it from PyPI");
            return None;
        }
        let port = free_port();
        let mut command = Command::new(&python);
        let running = Running::start(
            command.args(["-u", "-m", "oteltap", "--port", &port.to_string()]).env("PYTHONIOENCODING", "utf-8"),
            &home.path().join("spans"),
        );
        eventually("the receiver listens", || async { if running.said().contains("Listening") { Ok(()) } else { Err(running.said()) } })
            .await;
        Some(Self { port, running })
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All spans that have come.
    fn spans(&self) -> Vec<Span> {
        self.running.said().lines().filter_map(|line| serde_json::from_str(line).ok()).map(Span).collect()
    }

    fn of(&self, trace_id: &str) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.text("traceId") == trace_id).collect()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

#[derive(Debug, Clone)]
struct Span(Value);

impl Span {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.text("name")
    }

    /// An attribute, as text.
    fn get(&self, key: &str) -> Option<String> {
        let attributes = self.0["attributes"].as_array()?;
        let value = &attributes.iter().find(|attribute| attribute["key"] == key)?["value"];
        value.as_object()?.values().next().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    fn start(&self) -> u64 {
        self.text("startTimeUnixNano").parse().expect("a time")
    }

    fn end(&self) -> u64 {
        self.text("endTimeUnixNano").parse().expect("a time")
    }
}

/// The kinds, as OTLP numbers them.
const INTERNAL: u64 = 1;
const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const PRODUCER: u64 = 4;
const CONSUMER: u64 = 5;

/// What the trace of a request has at least.
const WANTED: [(&str, u64); 13] = [
    ("POST /request", SERVER),
    ("request", INTERNAL),
    ("plan", INTERNAL),
    ("chat held", CLIENT),
    ("send agent.infrastructure", PRODUCER),
    ("process agent.infrastructure", CONSUMER),
    ("send orchestrator.claims", PRODUCER),
    ("send orchestrator.results", PRODUCER),
    ("process orchestrator.results", CONSUMER),
    ("attempt leave_note", INTERNAL),
    ("task Leave the note", INTERNAL),
    ("host box", INTERNAL),
    ("commit", INTERNAL),
];

/// What the trace still lacks of these.
fn lacks(spans: &[Span], wanted: &[(&str, u64)]) -> Vec<String> {
    let has = |name: &str, kind: u64| spans.iter().any(|span| span.name() == name && span.0["kind"] == kind);
    let missing = wanted.iter().filter(|(name, kind)| !has(name, *kind)).map(|(name, _)| format!("no `{name}`"));
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.text("spanId")).collect();
    let dangling = spans.iter().filter(|span| !span.text("parentSpanId").is_empty() && !ids.contains(span.text("parentSpanId")));
    missing.chain(dangling.map(|span| format!("`{}` hangs on nothing", span.name()))).collect()
}

/// A `chiffon up` with one action on one host, planned by a model at the wire, with its spans sent there.
fn up(home: &Home, model: &HeldModel, bus: &str, endpoint: &str) -> Running {
    let (playbooks, (inventory, _)) = (home.path().join("playbooks"), one_host(home));
    write_action(&playbooks, ACTION, "Leave a note", "Leave a note on box", "yes", TASKS);
    model.plan_for("box");
    let mut command = home.up_at(&playbooks, &inventory);
    command.args(["--bus", bus]).env("CHIFFON__LLM__PROVIDERS", model.providers()).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    home.start(&mut command)
}

/// Asks, approves, and waits until it is recorded; the request.
async fn told(api: &Api) -> Value {
    let id = api.ask(WISH).await;
    let planned = api.request_when(&id, &["awaiting_approval", "completed", "failed", "needs_input"]).await;
    assert_eq!(planned["status"], "awaiting_approval", "{planned:#}");
    assert_eq!(api.approve(&planned).await.0, 200);
    let done = api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    eventually("the commit is named", || async {
        let request = api.request(&id).await;
        if request["commits"].as_array().is_some_and(|commits| !commits.is_empty()) { Ok(request) } else { Err(request.to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_request_is_one_whole_trace_from_the_call_to_the_commit() {
    let home = Home::new();
    let Some(receiver) = Receiver::start(&home, "traces: a whole trace in a real receiver").await else { return };
    let model = HeldModel::planning(ACTION);
    let mut up = up(&home, &model, "rabbitmq", &receiver.endpoint());
    let api = home.api();
    let request = told(&api).await;
    let trace_id = request["trace_id"].as_str().expect("a trace id");
    let spans = eventually("a whole trace", || async {
        let spans = receiver.of(trace_id);
        let lacking = lacks(&spans, &WANTED);
        if lacking.is_empty() { Ok(spans) } else { Err(format!("{lacking:?}")) }
    })
    .await;

    let ids: BTreeSet<&str> = spans.iter().map(|span| span.text("spanId")).collect();
    assert_eq!(ids.len(), spans.len(), "each span is told once: {spans:#?}");
    let roots: Vec<&str> = spans.iter().filter(|span| span.text("parentSpanId").is_empty()).map(Span::name).collect();
    assert_eq!(roots, ["POST /request"]);
    assert!(spans.iter().all(|span| span.start() > 0 && span.start() <= span.end()), "{spans:#?}");
    hangs_together(&spans);
    conventions(&spans, &request);
    let token = std::fs::read_to_string(home.data_dir().join("admin.token")).expect("a token");
    let all = receiver.running.said();
    for secret in [token.trim(), "blue whale", "Bearer"] {
        assert!(!all.contains(secret), "`{secret}` stands in a span");
    }
    let (_, metrics) = api.get_text("/metrics").await;
    assert!(
        metrics.contains("chiffon_trace_spans_dropped_total 0\n") && metrics.contains("\nchiffon_trace_spans_sent_total "),
        "{metrics}"
    );

    // What was done last is told before the process has gone, although it had no time to wait for others.
    assert_eq!(api.get("/dead-letters").await.0, 200);
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    eventually("the last call", || async {
        let spans = receiver.spans();
        if spans.iter().any(|span| span.name() == "GET /dead-letters") { Ok(()) } else { Err(spans.len().to_string()) }
    })
    .await;
}

/// Each hangs on what it was done for.
fn hangs_together(spans: &[Span]) {
    let named: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.text("spanId"), span)).collect();
    for (child, parent) in [
        ("request", "POST /request"),
        ("plan", "request"),
        ("chat held", "plan"),
        ("send agent.infrastructure", "request"),
        ("process agent.infrastructure", "send agent.infrastructure"),
        ("attempt leave_note", "send agent.infrastructure"),
        ("task Leave the note", "attempt leave_note"),
        ("send orchestrator.results", "attempt leave_note"),
        ("process orchestrator.results", "send orchestrator.results"),
        ("commit", "request"),
    ] {
        let of_name = spans.iter().filter(|span| span.name() == child);
        for span in of_name {
            assert_eq!(named[span.text("parentSpanId")].name(), parent, "{child}");
        }
    }
    let hosts: Vec<&Span> = spans.iter().filter(|span| span.name() == "host box").collect();
    let tasks: BTreeSet<&str> = hosts.iter().map(|host| named[host.text("parentSpanId")].name()).collect();
    assert_eq!(tasks, BTreeSet::from(["task Look around", "task Leave the note"]));
}

/// What each tells of itself, by the names of OpenTelemetry's conventions.
fn conventions(spans: &[Span], request: &Value) {
    let get = |name: &str, key: &str| spans.iter().find(|span| span.name() == name).and_then(|span| span.get(key));
    for (name, key, value) in [
        ("POST /request", "http.request.method", "POST"),
        ("POST /request", "http.route", "/request"),
        ("POST /request", "http.response.status_code", "202"),
        ("request", "chiffon.request.id", request["request_id"].as_str().expect("an id")),
        ("chat held", "gen_ai.operation.name", "chat"),
        ("chat held", "gen_ai.provider.name", "held"),
        ("chat held", "gen_ai.request.model", "held"),
        ("chat held", "gen_ai.usage.input_tokens", "1"),
        ("send agent.infrastructure", "messaging.system", "rabbitmq"),
        ("send agent.infrastructure", "messaging.destination.name", "agent.infrastructure"),
        ("process agent.infrastructure", "messaging.operation.type", "process"),
        ("attempt leave_note", "chiffon.outcome", "succeeded"),
        ("attempt leave_note", "chiffon.spans.left_out", "0"),
        ("host box", "chiffon.host", "box"),
        ("commit", "vcs.ref.head.revision", request["commits"][0].as_str().expect("a commit")),
    ] {
        assert_eq!(get(name, key).as_deref(), Some(value), "{key} of {name}");
    }
    let statuses: BTreeSet<Option<String>> =
        spans.iter().filter(|span| span.name() == "host box").map(|span| span.get("chiffon.ansible.status")).collect();
    assert_eq!(statuses, BTreeSet::from([Some("ok".to_owned()), Some("changed".to_owned())]));
}

#[tokio::test]
async fn a_collector_that_is_away_costs_nothing() {
    let home = Home::new();
    let model = HeldModel::planning(ACTION);
    let mut up = up(&home, &model, "memory", &format!("http://127.0.0.1:{}", free_port()));
    let api = home.api();
    for _ in 0..3 {
        told(&api).await;
    }
    let said = eventually("it is said that the collector is away", || async {
        let said = up.said();
        if said.contains("traces can't be sent") { Ok(said) } else { Err(said) }
    })
    .await;
    assert_eq!(said.matches("traces can't be sent").count(), 1, "{said}");
    let (_, metrics) = api.get_text("/metrics").await;
    assert!(metrics.contains("chiffon_trace_spans_sent_total 0\n"), "{metrics}");
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    let said = up.said();
    assert_eq!(said.matches("traces can't be sent").count(), 1, "{said}");
    assert!(said.contains("they are dropped"), "what was left is said:\n{said}");
    home.assert_nothing_left();
}

#[tokio::test]
async fn a_collector_that_hangs_holds_nothing_up_and_no_stop() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    // It reads, and never answers.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {});
        }
    });
    let model = HeldModel::planning(ACTION);
    let mut up = up(&home, &model, "memory", &endpoint);
    told(&home.api()).await;
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    assert!(up.said().contains("they are dropped"), "what was left is said:\n{}", up.said());
    home.assert_nothing_left();
}

/// What is told of a request whose play has begun.
const BEGUN: [(&str, u64); 7] = [
    ("POST /request", SERVER),
    ("request", INTERNAL),
    ("plan", INTERNAL),
    ("send agent.infrastructure", PRODUCER),
    ("process agent.infrastructure", CONSUMER),
    ("send orchestrator.claims", PRODUCER),
    ("process orchestrator.claims", CONSUMER),
];
/// What those tell who come after them.
const AFTERWARDS: [(&str, u64); 5] = [
    ("attempt take_long", INTERNAL),
    ("task Note the run", INTERNAL),
    ("send orchestrator.results", PRODUCER),
    ("process orchestrator.results", CONSUMER),
    ("commit", INTERNAL),
];

#[tokio::test]
async fn separate_processes_make_one_trace_and_those_who_come_after_a_kill_go_on_with_it() {
    let fleet = Fleet::new().await;
    let Some(receiver) = Receiver::start(&fleet.home, "traces: one trace of separate processes").await else { return };
    let actions = fleet.home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "no", SLOW);
    let (inventory, host) = fleet.one_host();
    let traced = |mut command: Command| {
        command.env("CHIFFON__TRACES__ENDPOINT", receiver.endpoint());
        command
    };
    let agent = || {
        let mut command = traced(fleet.agent_command("infrastructure", &actions, &inventory));
        Running::start(&mut command, &fleet.home.path().join("infrastructure.log"))
    };
    let mut serve = fleet.serve_with(traced(fleet.command(&["serve"])), fleet.listen()).await;
    let mut infrastructure = agent();
    fleet.agents_are(1).await;
    let api = fleet.api();
    let id = api.ask_and_approve("take long on box").await;
    let runs = || std::fs::read_to_string(host.join("runs")).unwrap_or_default();
    eventually("the play has begun", || async { if runs().contains("ran") { Ok(()) } else { Err(runs()) } }).await;
    let trace_id = api.request(&id).await["trace_id"].as_str().expect("a trace id").to_owned();
    let has = async |wanted: &[(&str, u64)]| {
        eventually("a whole trace", || async {
            let lacking = lacks(&receiver.of(&trace_id), wanted);
            if lacking.is_empty() { Ok(()) } else { Err(format!("{lacking:?}")) }
        })
        .await;
    };
    has(&BEGUN).await;

    infrastructure.kill();
    serve.kill();
    let mut serve = fleet.serve_with(traced(fleet.command(&["serve"])), fleet.listen()).await;
    let mut infrastructure = agent();
    let after = api.request_when(&id, &["needs_attention", "failed", "completed"]).await;
    assert_eq!(after["status"], "needs_attention", "{after:#}");
    has(&[&BEGUN[..], &AFTERWARDS[..]].concat()).await;
    let spans = receiver.of(&trace_id);
    let attempts: Vec<&Span> = spans.iter().filter(|span| span.name() == "attempt take_long").collect();
    assert_eq!(attempts.len(), 1, "{attempts:#?}");
    assert_eq!(attempts[0].get("chiffon.outcome").as_deref(), Some("interrupted"));
    assert_eq!(attempts[0].0["status"]["code"], 2, "an error");

    // One of them may have nothing to tell any more; both leave.
    assert_eq!(api.get("/dead-letters").await.0, 200);
    for process in [&mut infrastructure, &mut serve] {
        assert_eq!(process.stop(Duration::from_secs(40)), Some(0), "{}", process.said());
    }
    eventually("the last call", || async {
        let spans = receiver.spans();
        if spans.iter().any(|span| span.name() == "GET /dead-letters") { Ok(()) } else { Err(spans.len().to_string()) }
    })
    .await;
    fleet.home.assert_nothing_left();
}
