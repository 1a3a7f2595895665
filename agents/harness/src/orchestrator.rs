//! The other side of the contract: hears what agents say, answers claims and results as a test wants, and checks every
//! signature on the way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chiffon_bus::memory::MemoryBus;
use chiffon_bus::{Bus, Outgoing, Published, Verdict};
use chiffon_process::{Clock as _, IdSource as _, RandomIds, Shutdown, Spawner, SystemClock};
use chiffon_protocol::key::{KeyPair, Keyring};
use chiffon_protocol::kind::{INFRASTRUCTURE, Kinds};
use chiffon_protocol::message::{
    AgentHello, Command, Control, Decision, Heartbeat, LogEvent, Mode, Resources, ResultAck, WorkClaim, WorkDecline, WorkGrant,
    WorkRequest, WorkResult,
};
use chiffon_protocol::topology::{self, QueueType, Topology};
use chiffon_protocol::{Envelope, Message, signature};
use serde_json::{Map, Value};
use uuid::Uuid;

/// From where the kinds of these tests take their work.
pub const WORK: &str = "agent.infrastructure";

/// How claims are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// With a grant.
    Grant,
    /// With one that is over at once.
    GrantLate,
    /// With one for other work.
    GrantOtherWork,
    /// With a refusal.
    Refuse,
    /// Not at all.
    Silence,
}

/// What has been heard, and how to answer.
#[derive(Debug)]
pub struct Heard {
    /// Every message in the order in which it came.
    pub messages: Vec<Envelope>,
    /// How claims are answered.
    pub claims: Claims,
    /// Whether results are acknowledged.
    pub acknowledge: bool,
    incarnations: BTreeMap<String, u64>,
    /// One attempt has one owner, whatever is delivered again.
    owners: BTreeMap<(Uuid, u32), Uuid>,
}

/// The other side, on a bus in process.
#[derive(Debug, Clone)]
pub struct Orchestrator {
    /// To which workers connect.
    pub broker: MemoryBus,
    /// Its own connection.
    pub bus: Arc<dyn Bus>,
    /// Signs what it says.
    pub key: KeyPair,
    /// The agents' key.
    pub agent_key: KeyPair,
    /// What listens.
    pub tasks: Spawner,
    /// What has been heard so far.
    pub heard: Arc<Mutex<Heard>>,
    passes_over_events_of_results: Arc<AtomicBool>,
}

impl Orchestrator {
    /// Listens to all queues of the orchestrator.
    ///
    /// # Panics
    /// When the queues can't be declared; later, when an agent breaks the contract.
    pub async fn start() -> Self {
        let broker = MemoryBus::new();
        let bus = broker.connect();
        bus.declare(&Topology::shared(QueueType::Quorum, &Kinds::default())).await.expect("the queues are declared");
        let heard = Heard {
            messages: Vec::new(),
            claims: Claims::Grant,
            acknowledge: true,
            incarnations: BTreeMap::new(),
            owners: BTreeMap::new(),
        };
        let this = Self {
            broker,
            bus,
            key: KeyPair::generate(),
            agent_key: KeyPair::generate(),
            tasks: Spawner::new(Shutdown::new()),
            heard: Arc::new(Mutex::new(heard)),
            passes_over_events_of_results: Arc::default(),
        };
        for queue in [topology::CLAIMS, topology::STATUS, topology::RESULTS, topology::HEARTBEATS] {
            let mut consumer = this.bus.consume(queue, 100).await.expect("it listens");
            let listening = this.clone();
            this.tasks.spawn("listen", async move {
                let ring = Keyring::new([listening.agent_key.public()]);
                while let Some(delivery) = consumer.next().await {
                    let header = delivery.headers.get(signature::HEADER).map(String::as_str);
                    signature::verify(&ring, header, queue, &delivery.body, SystemClock.now()).expect("agents sign what they say");
                    let envelope = Envelope::parse(&delivery.body).expect("agents speak the contract");
                    let traceparent = delivery.headers.get("traceparent").expect("a traceparent");
                    assert!(traceparent.starts_with(&format!("00-{}-", envelope.trace_id)), "{traceparent}");
                    listening.answer(envelope).await;
                    delivery.settle(Verdict::Ack).await;
                }
            });
        }
        this
    }

    /// The keys that agents trust.
    pub fn keyring(&self) -> Keyring {
        Keyring::new([self.key.public()])
    }

    /// From now on claims are answered so.
    pub fn set_claims(&self, claims: Claims) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).claims = claims;
    }

    /// From now on results are acknowledged, or are not.
    pub fn set_acknowledge(&self, acknowledge: bool) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).acknowledge = acknowledge;
    }

    /// From now on events in results are passed over, as an orchestrator does that knows nothing of them.
    pub fn set_passes_over_events_of_results(&self) {
        self.passes_over_events_of_results.store(true, Ordering::SeqCst);
    }

    fn reads_events_of_results(&self) -> bool {
        !self.passes_over_events_of_results.load(Ordering::SeqCst)
    }

    /// What has been heard, as this picks it.
    pub fn heard<T>(&self, pick: impl Fn(&Message) -> Option<T>) -> Vec<T> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.messages.iter().filter_map(|envelope| pick(&envelope.message)).collect()
    }

    /// All claims.
    pub fn claims(&self) -> Vec<WorkClaim> {
        self.heard(|message| if let Message::WorkClaim(claim) = message { Some(claim.clone()) } else { None })
    }

    /// All declines.
    pub fn declines(&self) -> Vec<WorkDecline> {
        self.heard(|message| if let Message::WorkDecline(decline) = message { Some(decline.clone()) } else { None })
    }

    /// All results, again and again if they came so.
    pub fn results(&self) -> Vec<WorkResult> {
        self.heard(|message| if let Message::WorkResult(result) = message { Some(result.clone()) } else { None })
    }

    /// All hellos.
    pub fn hellos(&self) -> Vec<AgentHello> {
        self.heard(|message| if let Message::AgentHello(hello) = message { Some(hello.clone()) } else { None })
    }

    /// All heartbeats.
    pub fn heartbeats(&self) -> Vec<Heartbeat> {
        self.heard(|message| if let Message::Heartbeat(beat) = message { Some(beat.clone()) } else { None })
    }

    /// The attempt's log as it would be stored: by number, each once.
    pub fn log(&self, task_id: Uuid) -> Vec<LogEvent> {
        let events = self.heard(|message| match message {
            Message::WorkStatus(status) if status.task_id == task_id => Some(status.events.clone()),
            Message::WorkResult(result) if result.task_id == task_id && self.reads_events_of_results() => Some(result.events.clone()),
            _ => None,
        });
        let by_number: BTreeMap<u64, LogEvent> = events.into_iter().flatten().map(|event| (event.seq, event)).collect();
        by_number.into_values().collect()
    }

    /// The last event without a gap before it.
    fn stored_seq(&self, task_id: Uuid) -> u64 {
        let log = self.log(task_id);
        (1..).zip(&log).take_while(|(number, event)| *number == event.seq).count() as u64
    }

    async fn answer(&self, envelope: Envelope) {
        let (claims, acknowledge) = {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            if let Message::AgentHello(hello) = &envelope.message {
                // A hello of the start before may be heard last.
                let newest = heard.incarnations.entry(hello.agent_id.clone()).or_default();
                *newest = hello.incarnation.max(*newest);
            }
            heard.messages.push(envelope.clone());
            let owned_by_another = match &envelope.message {
                Message::WorkClaim(claim) if heard.claims != Claims::Silence => {
                    *heard.owners.entry((claim.task_id, claim.attempt)).or_insert(claim.claim_id) != claim.claim_id
                }
                _ => false,
            };
            (if owned_by_another { Claims::Refuse } else { heard.claims }, heard.acknowledge)
        };
        match envelope.message {
            Message::WorkClaim(claim) if claims != Claims::Silence => self.say(&claim.agent_id.clone(), answer_to(claim, claims)).await,
            Message::WorkResult(result) if acknowledge => {
                let last_seq = self.stored_seq(result.task_id);
                let ack = ResultAck { task_id: result.task_id, attempt: result.attempt, last_seq, result_stored: true };
                self.say(&result.agent_id, ack).await;
            }
            _ => {}
        }
    }

    /// Says something to one agent, as its newest start hears it.
    pub async fn say(&self, agent_id: &str, message: impl Into<Message>) {
        let incarnation = self.heard.lock().unwrap_or_else(PoisonError::into_inner).incarnations.get(agent_id).copied();
        // Results travel on another queue than hello and may overtake it; what can't be answered is said again.
        let Some(incarnation) = incarnation else { return };
        let queue = topology::control_queue(agent_id, incarnation);
        let envelope = envelope(message, Uuid::nil());
        let body = envelope.to_bytes();
        let header = signature::sign(&self.key, agent_id, SystemClock.now() + Duration::from_mins(1), &body);
        self.publish(topology::CONTROL_EXCHANGE, &queue, Some(header), body).await;
    }

    /// Gives an agent an order.
    pub async fn command(&self, agent_id: &str, command: Command, task_id: Option<Uuid>) {
        self.say(agent_id, Control { command, task_id, attempt: None, reason: "the test wants it".to_owned() }).await;
    }

    /// Offers work as the orchestrator does.
    pub async fn offer(&self, work: &WorkRequest) {
        let envelope = envelope(work.clone(), work.task_id);
        let body = envelope.to_bytes();
        let header = signature::sign(&self.key, WORK, SystemClock.now() + Duration::from_mins(1), &body);
        self.publish(topology::WORK_EXCHANGE, WORK, Some(header), body).await;
    }

    /// Publishes anything, with any signature.
    ///
    /// # Panics
    /// When no queue takes it, unless it is said to one agent.
    pub async fn publish(&self, exchange: &str, key: &str, signature: Option<String>, body: Vec<u8>) {
        let outgoing = Outgoing {
            exchange: exchange.to_owned(),
            routing_key: key.to_owned(),
            message_id: RandomIds.new_message_id().to_string(),
            correlation_id: String::new(),
            headers: signature.map(|value| (signature::HEADER.to_owned(), value)).into_iter().collect(),
            body: body.into(),
            transient: false,
        };
        // An agent that was killed has no queue any more; what is said to it is lost.
        let published = self.bus.publish(outgoing).await.expect("published");
        assert!(published == Published::Routed || exchange == topology::CONTROL_EXCHANGE, "nobody has the queue {key}");
    }

    /// What the dead letters hold, as code and reason.
    pub async fn dead_letters(&self) -> Vec<String> {
        let dead = self.bus.peek(topology::DEAD_LETTERS, 100).await.expect("can be looked at");
        let header = |letter: &chiffon_bus::Delivery, name: &str| letter.headers.get(name).cloned().unwrap_or_default();
        dead.iter().map(|letter| format!("{} {}", header(letter, topology::CODE_HEADER), header(letter, topology::REASON_HEADER))).collect()
    }
}

fn answer_to(claim: WorkClaim, claims: Claims) -> WorkGrant {
    let refused = claims == Claims::Refuse;
    WorkGrant {
        claim_id: claim.claim_id,
        task_id: claim.task_id,
        attempt: claim.attempt,
        agent_id: claim.agent_id,
        decision: if refused { Decision::Refused } else { Decision::Granted },
        reason: if refused { "another agent has it".to_owned() } else { String::new() },
        start_within_seconds: if claims == Claims::GrantLate { 0 } else { 30 },
        work_sha256: if claims == Claims::GrantOtherWork { "0".repeat(64) } else { claim.work_sha256 },
    }
}

/// What a message travels in.
pub fn envelope(message: impl Into<Message>, request_id: Uuid) -> Envelope {
    Envelope {
        message_id: RandomIds.new_message_id(),
        trace_id: RandomIds.new_trace_id(),
        request_id,
        timestamp: SystemClock.now(),
        message: message.into(),
    }
}

/// Work for an infrastructure agent.
pub fn work(action: &str, parameters: Value, hosts: &[&str]) -> WorkRequest {
    let Value::Object(parameters) = parameters else { return work(action, Value::Object(Map::new()), hosts) };
    WorkRequest {
        agent_type: INFRASTRUCTURE.name.clone(),
        task_id: RandomIds.new_id(),
        action: action.to_owned(),
        parameters,
        resources_required: Resources::default(),
        attempt: 1,
        mode: Mode::Apply,
        title: action.to_owned(),
        timeout_seconds: 60,
        repeatable: chiffon_protocol::action::Repeatable::Yes,
        plan_sha256: String::new(),
        action_sha256: String::new(),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        step_id: "step".to_owned(),
        offer: 1,
        variables: None,
    }
}
