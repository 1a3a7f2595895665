//! The points of a request's way, and how a request is brought to each and held there.

use chiffon_e2e::{Part, Stage};
use serde_json::json;

use super::matrix::Case;

/// A point of a request's way at which something fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Accepted; no planner has taken it yet.
    Asked,
    /// A model is thinking about the plan.
    Planning,
    /// The plan is there.
    AwaitingApproval,
    /// Approved; the offer has not left the outbox.
    Approved,
    /// Approved, and there is no agent.
    Waiting,
    /// The offer lies in the agent's queue.
    Offered,
    /// The agent has journalled the work and claimed it; nobody has answered.
    Claimed,
    /// The agent has journalled that it starts; nothing has happened on the host.
    Starting,
    /// The play is in its middle.
    Running,
    /// The play is over; its result is in the journal and can't be sent.
    Ended,
    /// The result lies in the orchestrator's queue.
    Reported,
    /// The result is stored; its commit is owed.
    Recorded,
    /// A person has asked to stop the play, which can't be told.
    Cancelling,
    /// The agent has fallen silent in mid-play: what it does is unknown.
    Unknown,
    /// The play was cut off; a person is needed.
    CutOff,
}

/// What keeps a request at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The model does not answer.
    Model,
    /// The play waits in its middle.
    Walk,
    /// Ansible waits before it begins.
    Ansible,
    /// The orchestrator's connections to the broker are refused.
    OrchestratorLink,
    /// The agent's are.
    AgentLink,
    /// The part is frozen.
    Frozen(Part),
    /// The agent does not run.
    NoAgent,
    /// Somebody else holds the lease to write commits.
    Scribe,
    /// It is to be planned later.
    Planner,
}

/// A request at a point.
#[derive(Debug)]
pub struct Held {
    /// Its id.
    pub id: String,
    /// The host that it walks over.
    pub host: String,
    /// What keeps it there.
    pub holds: &'static [Hold],
}

const TAKE_SCRIBE: &str =
    "INSERT INTO leases (name, holder, epoch, expires_at) VALUES ('git_scribe', 'a test', 1, now() + interval '1 hour')
    ON CONFLICT (name) DO UPDATE SET holder = 'a test', epoch = leases.epoch + 1, expires_at = now() + interval '1 hour' RETURNING name";
const GIVE_SCRIBE: &str = "UPDATE leases SET expires_at = now() WHERE holder = 'a test' RETURNING name";

/// What is asked from now on is to be planned in an hour.
const PLAN_LATER: [&str; 2] = [
    "CREATE OR REPLACE FUNCTION plan_later() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.resend_at := NEW.resend_at + interval ''1 hour''; RETURN NEW; END'",
    "CREATE TRIGGER plan_later BEFORE INSERT ON requests FOR EACH ROW EXECUTE FUNCTION plan_later()",
];
const PLAN_AT_ONCE: &str = "DROP FUNCTION plan_later CASCADE";

impl Point {
    /// All of them, in the order in which a request comes to them.
    pub const ALL: [Self; 15] = [
        Self::Asked,
        Self::Planning,
        Self::AwaitingApproval,
        Self::Approved,
        Self::Waiting,
        Self::Offered,
        Self::Claimed,
        Self::Starting,
        Self::Running,
        Self::Ended,
        Self::Reported,
        Self::Recorded,
        Self::Cancelling,
        Self::Unknown,
        Self::CutOff,
    ];

    /// Brings a new request to this point.
    pub async fn reach(self, stage: &mut Stage) -> Held {
        let host = stage.new_host();
        let (id, holds): (String, &'static [Hold]) = match self {
            Self::Asked | Self::Planning | Self::AwaitingApproval => self.before_approval(stage, &host).await,
            Self::Approved | Self::Waiting | Self::Offered | Self::Claimed => self.before_the_grant(stage, &host).await,
            Self::Starting => {
                stage.hold_ansible(true);
                let id = stage.ask_and_approve(&host).await;
                stage.journal_is(&["starting"]).await;
                (id, &[Hold::Ansible])
            }
            Self::Recorded => {
                stage.until_some("the scribe's lease is taken", TAKE_SCRIBE).await;
                let id = stage.ask_and_approve(&host).await;
                let owed = format!("SELECT id::text FROM git_outbox WHERE request_id = '{id}' AND settled_at IS NULL");
                stage.until_some("a commit is owed", &owed).await;
                stage.request_when(&id, &["completed"]).await;
                (id, &[Hold::Scribe])
            }
            _ => self.in_mid_play(stage, &host).await,
        };
        Held { id, host, holds }
    }

    async fn before_approval(self, stage: &mut Stage, host: &str) -> (String, &'static [Hold]) {
        let text = format!("walk on {host}");
        match self {
            Self::Asked => {
                for statement in PLAN_LATER {
                    stage.rows(statement).await.expect("it is to be planned later");
                }
                let id = stage.api().ask(&text).await;
                stage.rows(PLAN_AT_ONCE).await.expect("others are planned at once");
                let untaken = format!("SELECT id::text FROM requests WHERE id = '{id}' AND status = 'planning' AND planning_epoch = 0");
                stage.until_some("no planner has taken it", &untaken).await;
                (id, &[Hold::Planner])
            }
            Self::Planning => {
                stage.model.hold();
                let before = stage.model.asked();
                let id = stage.api().ask(&text).await;
                chiffon_e2e::eventually("the model is asked", || async {
                    if stage.model.asked() > before { Ok(()) } else { Err(format!("asked {before} times")) }
                })
                .await;
                (id, &[Hold::Model])
            }
            _ => (id_of(&stage.ask(host).await), &[]),
        }
    }

    async fn before_the_grant(self, stage: &mut Stage, host: &str) -> (String, &'static [Hold]) {
        let planned = stage.ask(host).await;
        let id = id_of(&planned);
        match self {
            Self::Approved => {
                stage.links.orchestrator.refuse();
                stage.approve(&planned).await;
                let unsent = format!("SELECT id::text FROM outbox WHERE request_id = '{id}' AND routing_key = 'agent.infrastructure'");
                stage.until_some("the offer is unsent", &unsent).await;
                return (id, &[Hold::OrchestratorLink]);
            }
            Self::Waiting => {
                stage.kill(Part::Agent).await;
                stage.until_none("no agent is alive", "SELECT id FROM agents WHERE lease_expires_at > now()").await;
                stage.approve(&planned).await;
                let waits =
                    format!("SELECT id::text FROM tasks WHERE request_id = '{id}' AND status = 'waiting' AND waiting_for IS NOT NULL");
                stage.until_some("the task waits for an agent", &waits).await;
                return (id, &[Hold::NoAgent]);
            }
            _ => {}
        }
        stage.agent_is_alive().await;
        stage.freeze(Part::Agent);
        stage.approve(&planned).await;
        let offered =
            format!("SELECT id::text FROM tasks WHERE request_id = '{id}' AND status = 'dispatched' AND NOT EXISTS (SELECT FROM outbox)");
        stage.until_some("the offer is sent", &offered).await;
        if self == Self::Offered {
            return (id, &[Hold::Frozen(Part::Agent)]);
        }
        stage.freeze(Part::Orchestrator);
        stage.thaw(Part::Agent);
        stage.journal_is(&["received"]).await;
        (id, &[Hold::Frozen(Part::Orchestrator)])
    }

    async fn in_mid_play(self, stage: &mut Stage, host: &str) -> (String, &'static [Hold]) {
        stage.hold_walk(host, true);
        let id = stage.ask_and_approve(host).await;
        stage.has_begun(host).await;
        let holds: &'static [Hold] = match self {
            Self::Ended => {
                stage.links.agent.refuse();
                stage.hold_walk(host, false);
                stage.journal_is(&["finished"]).await;
                &[Hold::AgentLink]
            }
            Self::Reported => {
                stage.freeze(Part::Orchestrator);
                stage.hold_walk(host, false);
                stage.journal_is(&["finished"]).await;
                has_a_result_in_its_queue(stage).await;
                &[Hold::Frozen(Part::Orchestrator)]
            }
            Self::Cancelling => {
                stage.links.agent.refuse();
                let (status, answer) = stage.api().post(&format!("/cancel/{id}"), &json!({})).await;
                assert_eq!(status, 200, "{answer:#}");
                &[Hold::AgentLink]
            }
            Self::Unknown => {
                stage.links.agent.refuse();
                let unknown = format!("SELECT id::text FROM tasks WHERE request_id = '{id}' AND status = 'unknown'");
                stage.until_some("what the agent does is unknown", &unknown).await;
                &[Hold::Walk, Hold::AgentLink]
            }
            Self::CutOff => {
                stage.kill(Part::Agent).await;
                stage.revive(Part::Agent).await;
                stage.request_when(&id, &["needs_attention"]).await;
                &[]
            }
            _ => &[Hold::Walk],
        };
        (id, holds)
    }
}

impl Held {
    /// Lets it go on, as far as that does not take the part that has just failed.
    pub async fn release(&self, stage: &mut Stage, case: Case) {
        for hold in self.holds {
            match hold {
                Hold::Model => stage.model.release(),
                // What it began is stopped by its next start, and must not have ended by then.
                Hold::Walk | Hold::Ansible if case.is_agents_death() => {}
                Hold::Walk => stage.hold_walk(&self.host, false),
                Hold::Ansible => stage.hold_ansible(false),
                Hold::OrchestratorLink => stage.links.orchestrator.forward(),
                Hold::AgentLink => stage.links.agent.forward(),
                Hold::Frozen(part) if *part != case.victim => stage.thaw(*part),
                Hold::NoAgent if !case.is_agents_death() => stage.revive(Part::Agent).await,
                Hold::Frozen(_) | Hold::NoAgent | Hold::Scribe | Hold::Planner => {}
            }
        }
    }

    /// Lets go what could not be before the failed part was back.
    pub async fn release_the_rest(&self, stage: &mut Stage, case: Case) {
        if self.holds.contains(&Hold::Scribe) {
            stage.until_some("the scribe's lease is given back", GIVE_SCRIBE).await;
        }
        if self.holds.contains(&Hold::Planner) {
            let now = format!("UPDATE requests SET resend_at = now() WHERE id = '{}' RETURNING id::text", self.id);
            stage.until_some("it is to be planned now", &now).await;
        }
        if case.is_agents_death() && self.holds.contains(&Hold::Ansible) {
            chiffon_e2e::eventually("the new start has settled what the old one began", || async {
                let states = stage.journal();
                if states.iter().any(|state| state == "starting") { Err(format!("{states:?}")) } else { Ok(()) }
            })
            .await;
            stage.hold_ansible(false);
        }
    }
}

fn id_of(request: &serde_json::Value) -> String {
    request["request_id"].as_str().expect("an id").to_owned()
}

async fn has_a_result_in_its_queue(stage: &Stage) {
    chiffon_e2e::eventually("a result lies in its queue", || async {
        let listed = stage.broker().ctl(&["list_queues", "--silent", "name", "messages"]).await.map_err(|error| error.to_string())?;
        let has = listed.lines().any(|line| line.strip_prefix("orchestrator.results\t").is_some_and(|count| count.trim() != "0"));
        if has { Ok(()) } else { Err(listed) }
    })
    .await;
}
