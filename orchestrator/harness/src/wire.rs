//! An agent that is nothing but its messages: it signs what it says and verifies what it hears.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chiffon_bus::{Bus, Consumer, Outgoing, Verdict};
use chiffon_process::{Clock as _, IdSource as _, RandomIds};
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::kind::INFRASTRUCTURE;
use chiffon_protocol::message::{
    AgentHello, AnnouncedAction, Heartbeat, LogEvent, Memory, Outcome, Resources, ResultStatus, Running, WorkClaim, WorkDecline,
    WorkRequest, WorkResult, WorkStatus,
};
use chiffon_protocol::topology::{CLAIMS, HEARTBEATS, RESULTS, STATUS, Topology, WORK_EXCHANGE, control_queue};
use chiffon_protocol::{Envelope, Message, canonical, signature};
use chiffon_testkit::ManualClock;
use futures::FutureExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::site::{Site, action, action_sha256, step};

/// From where these agents take their work.
pub const WORK: &str = "agent.infrastructure";

const PATIENCE: Duration = Duration::from_secs(5);

/// One start of an agent.
pub struct WireAgent {
    /// Its name.
    pub id: String,
    /// Which start of it this is.
    pub incarnation: u64,
    /// By which it signs.
    pub key: KeyPair,
    /// Names its disk.
    pub journal_id: Uuid,
    /// What it says of itself.
    pub hello: AgentHello,
    bus: Arc<dyn Bus>,
    control: Consumer,
    orchestrator: Keyring,
    clock: ManualClock,
}

/// Work as it was received.
#[derive(Debug, Clone)]
pub struct Work {
    /// What it says.
    pub request: WorkRequest,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl WireAgent {
    /// An agent on a machine of its own that reaches `nas` and `web`, and has said hello.
    pub async fn start(site: &Site, id: &str, key: &KeyPair) -> Self {
        let agent = Self::silent(site, id, id, key, 1).await;
        agent.say(CLAIMS, agent.hello.clone()).await;
        site.turn().await;
        agent
    }

    /// An agent in the middle of the first step of an approved plan; its work and the request.
    pub async fn in_mid_run(site: &Site, steps: &[Value]) -> (Self, Work, Uuid) {
        let mut agent = Self::start(site, "infra-1", &site.keys[0]).await;
        let request_id = site.approved(steps).await;
        site.turn().await;
        let work = agent.take(site).await;
        agent.progress(&work, 40, &[1]).await;
        site.turn().await;
        agent.hear_all().await;
        (agent, work, request_id)
    }

    /// An agent that has not said anything.
    pub async fn silent(site: &Site, id: &str, hostname: &str, key: &KeyPair, incarnation: u64) -> Self {
        let bus = site.app.broker.connect();
        bus.declare(&Topology::control(id, incarnation)).await.expect("the control queue is declared");
        let control = bus.consume(&control_queue(id, incarnation), 64).await.expect("the control queue is there");
        let journal_id = RandomIds.new_id();
        let hosts = BTreeSet::from(["nas".to_owned(), "web".to_owned()]);
        let hello = AgentHello {
            agent_id: id.to_owned(),
            agent_type: INFRASTRUCTURE.name.clone(),
            hostname: hostname.to_owned(),
            incarnation,
            version: "0.1.0".to_owned(),
            protocol: vec![1],
            journal_id,
            labels: BTreeMap::new(),
            resources: Resources::default(),
            hosts: BTreeMap::from([("all".to_owned(), hosts.into_iter().collect())]),
            actions: vec![AnnouncedAction { spec: action(), sha256: action_sha256() }],
            not_offered: Vec::new(),
            unfinished: Vec::new(),
            problems: Vec::new(),
        };
        Self {
            id: id.to_owned(),
            incarnation,
            key: key.clone(),
            journal_id,
            hello,
            bus,
            control,
            orchestrator: Keyring::new([site.app.context.key.public()]),
            clock: site.app.clock.clone(),
        }
    }

    /// Says something, signed.
    pub async fn say(&self, queue: &str, message: impl Into<Message>) {
        let body = self.body(message);
        let header = signature::sign(&self.key, queue, self.clock.now() + Duration::from_mins(1), &body);
        self.publish(queue, body, Some(header)).await;
    }

    /// The bytes of a message.
    pub fn body(&self, message: impl Into<Message>) -> Vec<u8> {
        let envelope = Envelope {
            message_id: RandomIds.new_message_id(),
            trace_id: RandomIds.new_trace_id(),
            request_id: Uuid::nil(),
            timestamp: self.clock.now(),
            message: message.into(),
        };
        envelope.to_bytes()
    }

    /// Says something as agents say hello: with their public key beside it.
    pub async fn publish_with_key(&self, queue: &str, body: Vec<u8>) {
        let header = signature::sign(&self.key, queue, self.clock.now() + Duration::from_mins(1), &body);
        let headers = [(signature::HEADER, header), (signature::KEY_HEADER, self.key.public().to_string())];
        self.put(queue, body, headers.map(|(name, value)| (name.to_owned(), value)).into()).await;
    }

    /// Puts bytes onto a queue.
    pub async fn publish(&self, queue: &str, body: Vec<u8>, header: Option<String>) {
        self.put(queue, body, header.into_iter().map(|header| (signature::HEADER.to_owned(), header)).collect()).await;
    }

    async fn put(&self, queue: &str, body: Vec<u8>, headers: BTreeMap<String, String>) {
        let outgoing = Outgoing {
            exchange: WORK_EXCHANGE.to_owned(),
            routing_key: queue.to_owned(),
            message_id: RandomIds.new_message_id().to_string(),
            correlation_id: String::new(),
            headers,
            body: body.into(),
            transient: false,
        };
        self.bus.publish(outgoing).await.expect("the broker takes it");
    }

    /// The next work on the queue of infrastructure agents; `None` when there is none.
    pub async fn work(&self) -> Option<Work> {
        let (ready, _) = self.bus.depth(WORK).await.expect("the queue is there");
        if ready == 0 {
            return None;
        }
        let mut consumer = self.bus.consume(WORK, 1).await.expect("the queue is there");
        let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await.expect("in time").expect("a delivery");
        let header = delivery.headers.get(signature::HEADER).map(String::as_str);
        signature::verify(&self.orchestrator, header, WORK, &delivery.body, self.clock.now()).expect("signed by the orchestrator");
        let sha256 = canonical::hex(&Sha256::digest(&delivery.body));
        let envelope = Envelope::parse(&delivery.body).expect("a message");
        assert!(delivery.settle(Verdict::Ack).await);
        let Message::WorkRequest(request) = envelope.message else { panic!("not work: {:?}", envelope.message) };
        Some(Work { request, sha256 })
    }

    /// The next message on the control queue.
    pub async fn hear(&mut self) -> Message {
        let delivery =
            tokio::time::timeout(PATIENCE, self.control.next()).await.expect("something is said in time").expect("the bus is open");
        let header = delivery.headers.get(signature::HEADER).map(String::as_str);
        signature::verify(&self.orchestrator, header, &self.id, &delivery.body, self.clock.now())
            .expect("signed by the orchestrator for this agent");
        let envelope = Envelope::parse(&delivery.body).expect("a message");
        assert!(delivery.settle(Verdict::Ack).await);
        envelope.message
    }

    /// All that was said to it by now.
    pub async fn hear_all(&mut self) -> Vec<Message> {
        let mut heard = Vec::new();
        while let Some(Some(delivery)) = self.control.next().now_or_never() {
            heard.push(Envelope::parse(&delivery.body).expect("a message").message);
            assert!(delivery.settle(Verdict::Ack).await);
        }
        heard
    }

    /// A claim for some work.
    pub fn claim_for(&self, work: &Work) -> WorkClaim {
        WorkClaim {
            claim_id: RandomIds.new_message_id(),
            task_id: work.request.task_id,
            attempt: work.request.attempt,
            offer: work.request.offer,
            agent_id: self.id.clone(),
            journal_id: self.journal_id,
            work_sha256: work.sha256.clone(),
        }
    }

    /// Receives the next work and claims it; the work, granted.
    pub async fn take(&mut self, site: &Site) -> Work {
        let work = self.work().await.expect("there is work");
        self.say(CLAIMS, self.claim_for(&work)).await;
        site.turn().await;
        let Message::WorkGrant(grant) = self.hear().await else { panic!("not a grant") };
        assert_eq!((grant.reason.as_str(), &grant.work_sha256), ("", &work.sha256));
        work
    }

    /// A decline of some work.
    pub async fn decline(&self, work: &Work, reason: &str) {
        let decline = WorkDecline {
            task_id: work.request.task_id,
            attempt: work.request.attempt,
            offer: work.request.offer,
            agent_id: self.id.clone(),
            reason: reason.to_owned(),
        };
        self.say(CLAIMS, decline).await;
    }

    /// A report with log lines of these numbers.
    pub fn status(&self, work: &Work, progress: u8, seqs: &[u64]) -> WorkStatus {
        let line = |seq: &u64| LogEvent {
            seq: *seq,
            at: self.clock.now(),
            kind: "task_ok".to_owned(),
            host: Some("nas".to_owned()),
            name: None,
            text: format!("line {seq}\0"),
            diff: None,
        };
        WorkStatus {
            task_id: work.request.task_id,
            status: "running".to_owned(),
            progress,
            message: format!("at {progress}"),
            metrics: chiffon_protocol::message::Metrics::default(),
            attempt: work.request.attempt,
            agent_id: self.id.clone(),
            events: seqs.iter().map(line).collect(),
        }
    }

    /// A result that takes along log lines of these numbers, of as many as the last one says.
    pub fn whole(&self, work: &Work, outcome: Outcome, seqs: &[u64]) -> WorkResult {
        let events = self.status(work, 0, seqs).events;
        let last_seq = seqs.iter().copied().max().unwrap_or_default();
        WorkResult { events, last_seq, started_at: Some(self.clock.now()), ..self.result(work, outcome) }
    }

    /// Reports progress.
    pub async fn progress(&self, work: &Work, progress: u8, seqs: &[u64]) {
        self.say(STATUS, self.status(work, progress, seqs)).await;
    }

    /// A result.
    pub fn result(&self, work: &Work, outcome: Outcome) -> WorkResult {
        let status = if outcome == Outcome::Succeeded { ResultStatus::Completed } else { ResultStatus::Failed };
        WorkResult {
            task_id: work.request.task_id,
            status,
            output: "did it".to_owned(),
            duration_seconds: 1.5,
            resource_usage: chiffon_protocol::message::ResourceUsage::default(),
            attempt: work.request.attempt,
            agent_id: self.id.clone(),
            exit_code: Some(0),
            changed: true,
            hosts: Vec::new(),
            outputs: serde_json::Map::from_iter([("url".to_owned(), serde_json::json!("http://nas:3001"))]),
            last_seq: 0,
            error: None,
            outcome: Some(outcome),
            warnings: Vec::new(),
            preview: None,
            variables: None,
            started_at: None,
            events: Vec::new(),
        }
    }

    /// Reports a result.
    pub async fn finish(&self, work: &Work, outcome: Outcome) {
        self.say(RESULTS, self.result(work, outcome)).await;
    }

    /// Sends a heartbeat that names the work it runs.
    pub async fn beat(&self, seq: u64, running: &[&Work]) {
        let named =
            |work: &&Work| Running { task_id: work.request.task_id, attempt: work.request.attempt, progress: 0, last_output_at: None };
        let heartbeat = Heartbeat {
            agent_id: self.id.clone(),
            incarnation: self.incarnation,
            seq,
            running: running.iter().map(named).collect(),
            memory: Memory { total_mb: 16 * 1024, available_mb: 8 * 1024 },
            ..Heartbeat::default()
        };
        self.say(HEARTBEATS, heartbeat).await;
    }
}

/// A task that an agent has taken.
pub async fn taken(site: &Site) -> (WireAgent, Work, Uuid) {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let request = site.approved(&[step("one", "nas", &[])]).await;
    site.turn().await;
    let work = agent.take(site).await;
    (agent, work, request)
}
