//! The wire stays what it is: every message has a golden file that is never edited, and a JSON Schema that is shipped.
//!
//! A new message gets its files by `UPDATE_SCHEMAS=1 cargo nextest run -p chiffon-protocol`, which never touches a golden file
//! that is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chiffon_protocol::action::{CheckSupport, Outputs, Privilege, Repeatable, Risk, Target, Undo};
use chiffon_protocol::kind::INFRASTRUCTURE;
use chiffon_protocol::message::{
    AgentHello, AnnouncedAction, Availability, Change, Command, Control, Cpu, Decision, Disk, ErrorReport, Gpu, Heartbeat, LogEvent,
    Memory, Metrics, Mode, Network, NotOffered, Outcome, PlanWanted, Preview, ResourceUsage, Resources, ResultAck, ResultStatus, Running,
    Unfinished, UserRequest, WorkClaim, WorkDecline, WorkGrant, WorkRequest, WorkResult, WorkStatus,
};
use chiffon_protocol::{ActionSpec, Envelope, Message};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const TASK: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
const JOURNAL: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);
const CLAIM: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0003);

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 123_456_000).expect("a valid time")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is not an object"),
    }
}

fn sha(letter: &str) -> String {
    letter.repeat(64)
}

fn work_request() -> WorkRequest {
    WorkRequest {
        agent_type: INFRASTRUCTURE.name.clone(),
        task_id: TASK,
        action: "deploy_kuma".to_owned(),
        parameters: object(json!({"host": "nas", "version": "latest"})),
        resources_required: Resources { gpu: false, memory_gb: 2.0, gpu_memory_gb: 0.5, cpu_cores: 1.0 },
        attempt: 1,
        mode: Mode::Check,
        title: "Deploy Kuma to nas".to_owned(),
        timeout_seconds: 900,
        repeatable: Repeatable::Yes,
        plan_sha256: sha("a"),
        action_sha256: sha("b"),
        hosts: vec!["nas".to_owned()],
        step_id: "deploy".to_owned(),
        offer: 2,
        variables: None,
    }
}

fn work_status() -> WorkStatus {
    let event = LogEvent {
        seq: 41,
        at: at(),
        kind: "task_changed".to_owned(),
        host: Some("nas".to_owned()),
        name: Some("Write compose file".to_owned()),
        text: "done".to_owned(),
        diff: Some("--- before\n+++ after\n".to_owned()),
    };
    WorkStatus {
        task_id: TASK,
        status: "running".to_owned(),
        progress: 65,
        message: "Running: Write compose file".to_owned(),
        metrics: Metrics { cpu: 45.25, memory: 1024.0 },
        attempt: 1,
        agent_id: "infra-1".to_owned(),
        events: vec![event],
    }
}

fn error() -> ErrorReport {
    ErrorReport { code: 5001, message: "the play took too long".to_owned(), details: json!({"timeout_seconds": 900}) }
}

fn work_result() -> WorkResult {
    let change = Change {
        hosts: vec!["nas".to_owned()],
        name: "Write compose file".to_owned(),
        diff: "+port: 3001\n".to_owned(),
        ..Change::default()
    };
    WorkResult {
        task_id: TASK,
        status: ResultStatus::Failed,
        output: "nas: 4 ok, 1 changed".to_owned(),
        duration_seconds: 120.5,
        resource_usage: ResourceUsage { cpu_hours: 0.5, memory_peak_gb: 2.25 },
        attempt: 1,
        agent_id: "infra-1".to_owned(),
        exit_code: Some(2),
        changed: true,
        hosts: Vec::new(),
        outputs: object(json!({"url": "http://nas:3001"})),
        last_seq: 118,
        error: Some(error()),
        outcome: Some(Outcome::Interrupted),
        warnings: vec!["no container engine".to_owned()],
        preview: Some(Preview { coverage: 0.75, tasks: 4, changes: vec![change], not_previewed: vec!["Restart".to_owned()] }),
        variables: None,
        started_at: None,
        events: Vec::new(),
    }
}

fn announced_action() -> AnnouncedAction {
    let spec = ActionSpec {
        name: "deploy_kuma".to_owned(),
        title: "Deploy Uptime Kuma".to_owned(),
        description: "Runs Uptime Kuma.".to_owned(),
        examples: vec!["deploy kuma to nas".to_owned()],
        aliases: BTreeMap::from([("kuma".to_owned(), vec!["status page".to_owned()])]),
        agent_type: INFRASTRUCTURE.name.clone(),
        target: Some(Target { parameter: "host".to_owned() }),
        parameters: object(json!({"type": "object", "properties": {"host": {"type": "string"}}})),
        outputs: Outputs { properties: object(json!({"url": {"type": "string"}})), required: vec!["url".to_owned()] },
        risk: Risk::Medium,
        repeatable: Repeatable::CheckFirst,
        check: CheckSupport::Partial,
        privilege: Privilege::Become,
        resources: Resources { memory_gb: 1.0, ..Resources::default() },
        timeout_seconds: 900,
        undo: Some(Undo { action: "remove_kuma".to_owned(), with: object(json!({"host": "${parameters.host}"})) }),
        irreversible: None,
        records: BTreeMap::from([("hosts/${host}/kuma.yml".to_owned(), json!("${parameters}"))]),
        runs_with: BTreeMap::new(),
        own_code: Vec::new(),
    };
    AnnouncedAction { spec, sha256: sha("b") }
}

fn agent_hello() -> AgentHello {
    AgentHello {
        agent_id: "infra-1".to_owned(),
        agent_type: INFRASTRUCTURE.name.clone(),
        hostname: "controller".to_owned(),
        incarnation: 1_767_225_600_123,
        version: "0.1.0".to_owned(),
        protocol: vec![1],
        journal_id: JOURNAL,
        labels: BTreeMap::from([("site".to_owned(), "home".to_owned())]),
        resources: Resources { gpu: true, memory_gb: 64.0, gpu_memory_gb: 24.0, cpu_cores: 16.0 },
        hosts: BTreeMap::from([("all".to_owned(), vec!["nas".to_owned()])]),
        actions: vec![announced_action()],
        not_offered: Vec::new(),
        unfinished: vec![Unfinished { task_id: TASK, attempt: 1, state: "starting".to_owned() }],
        problems: Vec::new(),
    }
}

fn heartbeat() -> Heartbeat {
    Heartbeat {
        agent_id: "desk-1".to_owned(),
        incarnation: 1_767_225_600_123,
        seq: 7,
        uptime_seconds: 35,
        availability: Availability::Busy,
        intake: None,
        running: vec![Running { task_id: TASK, attempt: 1, progress: 40, last_output_at: Some(at()) }],
        cpu: Cpu { cores: 16, used_percent: 12.5, load_1m: 2.25 },
        memory: Memory { total_mb: 65_536, available_mb: 32_768 },
        disks: vec![Disk { mount: "/".to_owned(), total_gb: 931.5, free_gb: 512.25 }],
        gpus: vec![Gpu {
            name: "RTX 4090".to_owned(),
            memory_total_mb: 24_576,
            memory_free_mb: 20_480,
            used_percent: 3.5,
            temperature_c: Some(41.0),
        }],
        networks: vec![Network { interface: "eth0".to_owned(), received_bytes_per_second: 1024.5, sent_bytes_per_second: 512.25 }],
    }
}

fn work_grant() -> WorkGrant {
    WorkGrant {
        claim_id: CLAIM,
        task_id: TASK,
        attempt: 1,
        agent_id: "infra-1".to_owned(),
        decision: Decision::Refused,
        reason: "another agent has it".to_owned(),
        start_within_seconds: 30,
        work_sha256: sha("c"),
    }
}

/// One message of each type, with every field given.
fn samples() -> Vec<Message> {
    let agent_id = "infra-1".to_owned();
    let claim = WorkClaim {
        claim_id: CLAIM,
        task_id: TASK,
        attempt: 1,
        offer: 2,
        agent_id: agent_id.clone(),
        journal_id: JOURNAL,
        work_sha256: sha("c"),
    };
    vec![
        work_request().into(),
        work_status().into(),
        work_result().into(),
        error().into(),
        claim.into(),
        work_grant().into(),
        WorkDecline { task_id: TASK, attempt: 1, offer: 2, agent_id, reason: "its inventory has no host `nas`".to_owned() }.into(),
        ResultAck { task_id: TASK, attempt: 1, last_seq: 118, result_stored: true }.into(),
        heartbeat().into(),
        agent_hello().into(),
        Control { command: Command::Cancel, task_id: Some(TASK), attempt: None, reason: "wrong port".to_owned() }.into(),
        PlanWanted { round: 3 }.into(),
        UserRequest {
            text: "Deploy Kuma to nas".to_owned(),
            conversation_id: Some(JOURNAL),
            deadline: Some(at()),
            max_cost_usd: Some(0.25),
            priority: Some(5),
        }
        .into(),
    ]
}

fn envelope(message: Message) -> Envelope {
    Envelope {
        message_id: Uuid::from_u128(0x1234_5678_1234_4678_9234_5678_1234_5678),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        request_id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0009),
        timestamp: at(),
        message,
    }
}

fn golden(message_type: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{message_type}.v1.json"))
}

fn schema_file(message_type: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/protocol/{message_type}.schema.json"))
}

#[expect(clippy::disallowed_methods, reason = "a switch for whoever adds a message, not configuration")]
fn may_write() -> bool {
    std::env::var("UPDATE_SCHEMAS").is_ok_and(|value| value == "1")
}

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).expect("serializes"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}; UPDATE_SCHEMAS=1 writes what is missing", path.display()))
}

#[test]
fn every_message_type_has_a_sample() {
    let types: Vec<&str> = samples().iter().map(Message::type_name).collect();
    assert_eq!(types, Message::TYPES);
}

#[test]
fn every_message_reads_and_writes_its_golden_file() {
    for message in samples() {
        let path = golden(message.type_name());
        let envelope = envelope(message);
        let written: Value = serde_json::from_slice(&envelope.to_bytes()).expect("is JSON");
        if may_write() && !path.exists() {
            std::fs::write(&path, pretty(&written)).expect("written");
        }
        let text = read(&path);
        assert_eq!(Envelope::parse(text.as_bytes()).expect("reads"), envelope, "{} reads as something else", path.display());
        let golden: Value = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(written, golden, "{} is written as something else", path.display());
    }
}

/// Puts a field that nobody knows into every object but those whose members are data.
fn with_unknown_fields(value: &mut Value) {
    const DATA: &[&str] = &["parameters", "outputs", "details", "labels", "hosts", "aliases", "records", "undo", "target"];
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if !DATA.contains(&name.as_str()) {
                    with_unknown_fields(member);
                }
            }
            members.insert("written_by_a_newer_version".to_owned(), json!({"x": [1]}));
        }
        Value::Array(items) => items.iter_mut().for_each(with_unknown_fields),
        _ => {}
    }
}

#[test]
fn readers_ignore_unknown_fields() {
    for message in samples() {
        let mut newer: Value = serde_json::from_str(&read(&golden(message.type_name()))).expect("is JSON");
        with_unknown_fields(&mut newer);
        let read = Envelope::parse(newer.to_string().as_bytes()).expect("reads");
        assert_eq!(read, envelope(message));
    }
}

/// Fields that came after the golden files, which are never edited: who reads by the first schema takes them.
#[test]
fn a_field_that_came_later_is_read_and_fits_the_first_schema() {
    let left_out = NotOffered { name: "rotate_cert".to_owned(), code: 5508, reason: "`check_mode: false`".to_owned() };
    let hello = AgentHello { not_offered: vec![left_out], ..agent_hello() };
    let written = envelope(hello.clone().into()).to_bytes();
    assert_eq!(Envelope::parse(&written).expect("reads").message, Message::from(hello));
    let schema: Value = serde_json::from_str(&read(&golden("agent_hello").with_extension("schema.json"))).expect("is JSON");
    let written: Value = serde_json::from_slice(&written).expect("is JSON");
    assert!(jsonschema::validator_for(&schema).expect("is a schema").is_valid(&written["payload"]));
}

/// Words that a newer version may add, each where it stands in a golden file, and how it is read here.
#[test]
fn words_that_a_newer_version_adds_are_read_as_what_promises_least() {
    let newer = |message_type: &str, field: &str, word: Value| {
        let mut message: Value = serde_json::from_str(&read(&golden(message_type))).expect("is JSON");
        message["payload"][field] = word;
        Envelope::parse(message.to_string().as_bytes()).expect("reads").message
    };
    let Message::WorkResult(result) = newer("work_result", "outcome", json!("half_done")) else { panic!("another message") };
    assert_eq!((result.outcome, result.status), (None, ResultStatus::Failed), "the two words that are fixed still tell");
    let Message::Heartbeat(heartbeat) = newer("heartbeat", "availability", json!("asleep")) else { panic!("another message") };
    assert_eq!(heartbeat.availability, Availability::Busy, "it is sent no work");
    let Message::Heartbeat(heartbeat) = newer("heartbeat", "intake", json!("asleep")) else { panic!("another message") };
    assert_eq!(heartbeat.intake, None, "it is told again what is wanted of it");
    let Message::ErrorReport(error) = newer("error", "code", json!(5998)) else { panic!("another message") };
    assert_eq!(chiffon_protocol::Problem::from(error).code, chiffon_protocol::ErrorCode::Internal);
    let Message::WorkStatus(status) = newer("work_status", "status", json!("thinking")) else { panic!("another message") };
    assert_eq!(status.status, "thinking");
}

/// What must never be taken for something else is refused with its reason: what is to be done, and by whom.
#[test]
fn words_that_decide_what_is_done_are_refused_when_they_are_not_known() {
    for (message_type, field) in [("work_request", "mode"), ("control", "command"), ("work_grant", "decision"), ("work_result", "status")] {
        let mut message: Value = serde_json::from_str(&read(&golden(message_type))).expect("is JSON");
        message["payload"][field] = json!("something_new");
        let refused = Envelope::parse(message.to_string().as_bytes()).expect_err(message_type).to_string();
        assert!(refused.contains("something_new"), "{message_type}.{field}: {refused}");
    }
}

/// Work and agents of a newer kind are read and left alone; what is no kind's name at all is refused.
#[test]
fn any_kind_of_agents_is_read_and_no_other_word() {
    for message_type in ["work_request", "agent_hello"] {
        let of_kind = |kind: &str| {
            let mut message: Value = serde_json::from_str(&read(&golden(message_type))).expect("is JSON");
            message["payload"]["agent_type"] = json!(kind);
            Envelope::parse(message.to_string().as_bytes())
        };
        let kind = match of_kind("something_new").expect("a kind").message {
            Message::WorkRequest(work) => work.agent_type,
            Message::AgentHello(hello) => hello.agent_type,
            other => panic!("another message: {other:?}"),
        };
        assert_eq!(kind.as_str(), "something_new");
        for bad in ["Something new", "control", ""] {
            let refused = of_kind(bad).expect_err(message_type).to_string();
            assert!(refused.contains("name of a kind of agents"), "{message_type}: {refused}");
        }
    }
}

/// The schemas as they were when version 1 was first given out. They are never edited: who reads by them reads what is written today.
#[test]
fn what_is_written_today_fits_the_schemas_of_the_first_version() {
    for message in samples() {
        let message_type = message.type_name();
        let frozen = golden(message_type).with_extension("schema.json");
        if !frozen.exists() && may_write() {
            std::fs::copy(schema_file(message_type), &frozen).expect("a new message's schema is frozen with it");
        }
        let schema: Value = serde_json::from_str(&read(&frozen)).expect("is JSON");
        let validator = jsonschema::validator_for(&schema).expect("is a schema");
        let written: Value = serde_json::from_slice(&envelope(message).to_bytes()).expect("is JSON");
        let findings: Vec<String> = validator.iter_errors(&written["payload"]).map(|error| error.to_string()).collect();
        assert!(findings.is_empty(), "{message_type}: a reader of the first version refuses what is written today: {findings:?}");
    }
}

#[test]
fn a_peer_that_knows_only_the_fixed_fields_is_understood() {
    let fixed = [
        (
            "work_status",
            json!({"task_id": TASK, "status": "running", "progress": 65, "message": "…", "metrics": {"cpu": 45.2, "memory": 1024}}),
        ),
        (
            "work_result",
            json!({"task_id": TASK, "status": "completed", "output": "…", "duration_seconds": 120, "resource_usage": {"cpu_hours": 0.5, "memory_peak_gb": 2.1}}),
        ),
        ("error", json!({"code": 5001, "message": "…", "details": {}})),
    ];
    for (message_type, payload) in fixed {
        let body = json!({"message_id": CLAIM, "trace_id": "t", "request_id": TASK, "message_type": message_type,
            "timestamp": "2026-01-01T00:00:00Z", "version": 1, "payload": payload});
        let read = Envelope::parse(body.to_string().as_bytes()).expect(message_type);
        assert_eq!(read.message.type_name(), message_type);
    }
}

#[test]
fn the_shipped_schemas_are_those_of_the_types_and_the_golden_files_fit_them() {
    for (message_type, schema) in Message::schemas() {
        let path = schema_file(message_type);
        let schema = serde_json::to_value(schema).expect("serializes");
        let generated = pretty(&schema);
        if may_write() {
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(&path, &generated).expect("written");
        }
        assert_eq!(read(&path), generated, "{} is not the type's schema; UPDATE_SCHEMAS=1 writes it anew", path.display());
        let golden: Value = serde_json::from_str(&read(&golden(message_type))).expect("is JSON");
        let validator = jsonschema::validator_for(&schema).expect("is a schema");
        let findings: Vec<String> = validator.iter_errors(&golden["payload"]).map(|error| error.to_string()).collect();
        assert!(findings.is_empty(), "{message_type}: {findings:?}");
    }
}
