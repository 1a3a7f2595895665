//! Before a person decides about what was cut off and wants to be looked at first, a fresh dry run shows what is left (RELIABILITY 13).

use std::time::Duration;

use chiffon_engine::domain::task::Decision::{self, Done, GiveUp, Retry};
use chiffon_engine::verbs::lose_attempt::Fence;
use chiffon_engine::verbs::retry;
use chiffon_harness::site::{Site, step_of};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_protocol::message::{Change, Command, Decision as Granted, ErrorReport, Message, Mode, Outcome, Preview, WorkResult};
use chiffon_protocol::topology::{CLAIMS, RESULTS};
use chiffon_requests::verbs::cancel;
use chiffon_requests::verbs::resolve::{self, Resolve, Resolved};
use serde_json::{Value, json};
use uuid::Uuid;

/// A change that wants to be looked at before it is repeated, under way.
struct Cut {
    site: Site,
    agent: WireAgent,
    work: Work,
    request_id: Uuid,
    ada: Principal,
}

impl Cut {
    async fn running() -> Self {
        let site = Site::start().await;
        let (agent, work, request_id) = WireAgent::in_mid_run(&site, &[step_of("one", "nas", &[], "check_first")]).await;
        let ada = site.app.person("ada", Role::Operator).await;
        Self { site, agent, work, request_id, ada }
    }

    async fn interrupted() -> Self {
        let mut cut = Self::running().await;
        cut.interrupt().await;
        cut
    }

    async fn interrupt(&mut self) {
        self.agent.finish(&self.work, Outcome::Interrupted).await;
        self.site.turn().await;
        self.agent.hear_all().await;
        self.needs_a_person("interrupted").await;
    }

    async fn needs_a_person(&self, task: &str) {
        assert_eq!(self.site.status(self.request_id, "one").await, task);
        assert_eq!(self.site.app.status(self.request_id).await, "needs_attention");
    }

    /// The longest that an attempt can run: start, timeout and margin.
    fn let_the_run_end(&self) {
        let settings = &self.site.app.context.settings;
        self.site.app.clock.advance(settings.start_within + Duration::from_mins(1) + settings.retry.margin);
    }

    /// The preview's task.
    async fn preview(&self) -> Option<Value> {
        sqlx::query_scalar("SELECT to_jsonb(tasks) FROM tasks WHERE request_id = $1 AND purpose = 'preview'")
            .bind(self.request_id)
            .fetch_optional(self.site.app.pool())
            .await
            .expect("the tasks read")
    }

    /// What the request shows at its step.
    async fn shown(&self) -> Value {
        let view =
            chiffon_requests::store::read::request::get(self.site.app.pool(), &self.site.app.context.settings.kinds, self.request_id)
                .await
                .expect("it reads")
                .expect("it is there");
        view.plan.expect("it has a plan").steps[0].preview.clone()
    }

    async fn waits_for(&self) -> String {
        let query = "SELECT waiting_for ->> 'text' FROM requests WHERE id = $1";
        self.site.app.text(query, self.request_id).await.expect("it waits")
    }

    /// How often the conversation says what a fresh dry run came to.
    async fn said(&self) -> i64 {
        let query = "SELECT count(*) FROM messages WHERE request_id = $1 AND text LIKE 'A fresh dry run of %'";
        self.site.app.number(query, self.request_id).await
    }

    async fn decide(&self, decision: Decision, attempt: i32) -> Resolved {
        let (task_id, comment) = (self.work.request.task_id, Some("I saw the dry run".to_owned()));
        let input = Resolve { task_id, decision, attempt: Some(attempt), comment, not_running: false };
        resolve::run(&self.site.app.context, &self.ada, input).await.expect("it is taken")
    }

    /// Takes the dry run.
    async fn take_preview(&mut self) -> Work {
        let work = self.agent.take(&self.site).await;
        let (asked, first) = (&work.request, &self.work.request);
        assert_eq!((asked.mode, &asked.step_id), (Mode::Check, &first.step_id));
        assert_eq!(
            (&asked.parameters, &asked.hosts, &asked.action_sha256, &asked.plan_sha256),
            (&first.parameters, &first.hosts, &first.action_sha256, &first.plan_sha256),
            "exactly what was cut off"
        );
        work
    }

    async fn reports(&mut self, result: WorkResult) {
        self.agent.say(RESULTS, result).await;
        self.site.turn().await;
        self.agent.hear_all().await;
    }

    /// The dry run ends, and found these changes.
    async fn finds(&mut self, work: &Work, names: &[&str]) {
        let changes = names.iter().map(|&name| Change {
            hosts: vec!["nas".to_owned()],
            name: name.to_owned(),
            diff: String::new(),
            ..Change::default()
        });
        let preview = Preview { coverage: 1.0, tasks: 2, changes: changes.collect(), not_previewed: Vec::new() };
        let result = WorkResult { preview: Some(preview), changed: false, ..self.agent.result(work, Outcome::Succeeded) };
        self.reports(result).await;
    }

    /// The agent heard that it is to stop this.
    async fn is_told_to_stop(&mut self, work: &Work) {
        let heard = self.agent.hear_all().await;
        let is_stop = |message: &Message| matches!(message, Message::Control(control) if control.command == Command::Cancel && control.task_id == Some(work.request.task_id));
        assert!(heard.iter().any(is_stop), "{heard:?}");
    }
}

#[tokio::test]
async fn what_was_interrupted_is_previewed_once_more_and_a_person_decides_with_that() {
    let mut cut = Cut::interrupted().await;
    let plan = "SELECT sha256 || body::text FROM requests JOIN plans ON plans.id = requests.plan_id WHERE requests.id = $1";
    let planned = cut.site.app.text(plan, cut.request_id).await;
    assert!(cut.waits_for().await.contains("A fresh dry run of \"Set up one on nas\" is under way; you can decide without it."));
    let work = cut.take_preview().await;
    assert!(cut.site.locked_hosts().await.is_empty());
    cut.reports(cut.agent.result(&cut.work, Outcome::Interrupted)).await;
    assert!(cut.agent.work().await.is_none(), "a result that comes twice makes no second one");
    cut.finds(&work, &["Pull the image", "Start it"]).await;
    cut.needs_a_person("interrupted").await;
    let found = "A fresh dry run of \"Set up one on nas\" shows that 2 changes are left to make: Pull the image; Start it.";
    assert!(cut.waits_for().await.contains(found), "{}", cut.waits_for().await);
    let shown = cut.shown().await;
    assert_eq!((&shown["status"], &shown["after_attempt"], &shown["text"]), (&json!("done"), &json!(1), &json!(found)), "{shown:#}");
    assert!(shown["made_at"].is_string() && shown["changes"][1]["name"] == "Start it", "{shown:#}");
    assert_eq!((cut.said().await, cut.site.audited(cut.request_id, "task.previewed_again").await), (1, 1));

    // Tried again, and cut off again: it is looked at again.
    cut.decide(Retry, 1).await;
    cut.site.turn().await;
    cut.work = cut.agent.take(&cut.site).await;
    assert_eq!((cut.work.request.mode, cut.work.request.attempt), (Mode::Apply, 2));
    cut.interrupt().await;
    let again = cut.take_preview().await;
    assert_eq!((again.request.task_id, again.request.attempt), (work.request.task_id, 2), "the same preview, made again");
    cut.finds(&again, &[]).await;
    assert!(cut.waits_for().await.contains("shows that nothing is left to change: --done fits."), "{}", cut.waits_for().await);
    assert_eq!(cut.shown().await["after_attempt"], 2);
    let resolved = cut.decide(Done, 2).await;
    assert_eq!(resolved.request_status.as_str(), "completed");
    assert_eq!((cut.said().await, cut.site.audited(cut.request_id, "task.previewed_again").await), (2, 2));
    assert_eq!(cut.site.app.text(plan, cut.request_id).await, planned, "the plan stays what was approved");
}

#[tokio::test]
async fn nobody_has_to_wait_for_the_preview_and_it_ends_with_the_decision() {
    // Nobody has it yet.
    let mut cut = Cut::interrupted().await;
    cut.decide(GiveUp, 1).await;
    let late = cut.agent.work().await.expect("its offer is on its way");
    cut.agent.say(CLAIMS, cut.agent.claim_for(&late)).await;
    cut.site.turn().await;
    let heard = cut.agent.hear_all().await;
    let is_refusal = |message: &Message| matches!(message, Message::WorkGrant(grant) if grant.decision == Granted::Refused);
    assert!(heard.iter().any(is_refusal), "{heard:?}");
    let preview = cut.preview().await.expect("there is one");
    assert_eq!((cut.site.app.status(cut.request_id).await.as_str(), &preview["status"]), ("failed", &json!("cancelled")));

    // An agent has it.
    let mut cut = Cut::interrupted().await;
    let work = cut.take_preview().await;
    cut.decide(Done, 1).await;
    assert_eq!(cut.site.app.status(cut.request_id).await, "completed");
    cut.site.turn().await;
    cut.is_told_to_stop(&work).await;
    cut.reports(cut.agent.result(&work, Outcome::Cancelled)).await;
    let preview = cut.preview().await.expect("there is one");
    assert_eq!((&preview["status"], cut.said().await), (&json!("cancelled"), 0), "{preview:#}");
}

#[tokio::test]
async fn an_offer_of_a_preview_that_was_ended_counts_no_more_when_it_is_made_again() {
    let mut cut = Cut::interrupted().await;
    let older = cut.agent.work().await.expect("it is offered");
    cut.decide(Retry, 1).await;
    cut.site.turn().await;
    cut.work = cut.agent.take(&cut.site).await;
    cut.interrupt().await;
    cut.agent.say(CLAIMS, cut.agent.claim_for(&older)).await;
    cut.site.turn().await;
    cut.agent.hear_all().await;
    let again = cut.take_preview().await;
    assert_eq!((again.request.attempt, again.request.offer), (1, 2));
    cut.finds(&again, &[]).await;
    assert_eq!(cut.shown().await["after_attempt"], 2);
}

#[tokio::test]
async fn a_change_that_could_not_be_previewed_before_the_approval_is_previewed_with_what_it_was_sent() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut second = step_of("two", "web", &["one"], "check_first");
    second["parameters"]["upstream"] = json!("${steps.one.outputs.url}");
    site.approved(&[step_of("one", "nas", &[], "yes"), second]).await;
    site.turn().await;
    for outcome in [Outcome::Succeeded, Outcome::Interrupted] {
        let work = agent.take(&site).await;
        agent.finish(&work, outcome).await;
        site.turn().await;
        agent.hear_all().await;
    }
    let work = agent.take(&site).await;
    assert_eq!((work.request.mode, &work.request.parameters["upstream"]), (Mode::Check, &json!("http://nas:3001")));
}

#[tokio::test]
async fn a_retry_that_is_cut_off_while_the_first_preview_ends_gets_its_own() {
    let mut cut = Cut::interrupted().await;
    let work = cut.take_preview().await;
    cut.decide(Retry, 1).await;
    cut.site.turn().await;
    cut.is_told_to_stop(&work).await;
    cut.work = cut.agent.take(&cut.site).await;
    cut.interrupt().await;
    assert!(cut.agent.work().await.is_none(), "the first has not ended");
    cut.reports(cut.agent.result(&work, Outcome::Cancelled)).await;
    let again = cut.take_preview().await;
    cut.finds(&again, &["Start it"]).await;
    assert_eq!((cut.shown().await["after_attempt"].clone(), cut.said().await), (json!(2), 1));
}

#[tokio::test]
async fn what_is_unknown_is_previewed_only_when_it_is_proved_not_to_run_any_more() {
    let mut cut = Cut::running().await;
    cut.site.fall_silent().await;
    let text = cut.waits_for().await;
    assert!(text.contains("When it has reported nothing by ") && text.contains("a fresh dry run is made for that"), "{text}");
    assert_eq!(cut.site.listen_for_a_lease().await, 0);
    cut.agent.say(CLAIMS, cut.agent.hello.clone()).await;
    cut.site.turn().await;
    assert_eq!((cut.preview().await, cut.agent.work().await.is_none()), (None, true), "it may still run");
    cut.let_the_run_end();
    cut.site.listen_for_a_lease().await;
    cut.site.turn().await;
    cut.agent.hear_all().await;
    cut.needs_a_person("unknown").await;
    let work = cut.take_preview().await;
    assert_eq!(cut.site.locked_hosts().await, ["nas"], "those of the change");
    let epoch = sqlx::query_scalar("SELECT epoch FROM leases WHERE name = 'lease_reaper'").fetch_one(cut.site.app.pool()).await;
    let fence = Fence { lease: "lease_reaper", epoch: epoch.expect("it has looked") };
    assert_eq!(retry::run(&cut.site.app.context, fence).await.expect("it looks again"), 0);
    cut.finds(&work, &["Start it"]).await;
    assert!(cut.waits_for().await.contains("1 change is left to make: Start it."), "{}", cut.waits_for().await);
    // Its owner's late word settles it all the same.
    cut.reports(cut.agent.result(&cut.work, Outcome::Succeeded)).await;
    assert_eq!(cut.site.app.status(cut.request_id).await, "completed");
    assert_eq!(cut.site.audited(cut.request_id, "task.previewed_again").await, 1);
}

#[tokio::test]
async fn of_two_orchestrators_that_look_at_once_one_makes_the_preview() {
    let cut = Cut::running().await;
    cut.site.fall_silent().await;
    cut.let_the_run_end();
    let epoch = sqlx::query_scalar("SELECT epoch FROM leases WHERE name = 'lease_reaper'").fetch_one(cut.site.app.pool()).await;
    let (context, fence) = (&cut.site.app.context, Fence { lease: "lease_reaper", epoch: epoch.expect("it has looked") });
    let (one, two) = tokio::join!(retry::run(context, fence), retry::run(context, fence));
    assert_eq!(one.expect("it looks") + two.expect("it looks"), 1);
    assert_eq!(cut.site.audited(cut.request_id, "task.previewed_again").await, 1);
}

#[tokio::test]
async fn a_preview_that_fails_or_finds_no_agent_says_so_and_blocks_nobody() {
    let mut cut = Cut::interrupted().await;
    let work = cut.take_preview().await;
    let error = Some(ErrorReport { code: 5504, message: "nas can't be reached.".to_owned(), details: json!({}) });
    let result = WorkResult { error, ..cut.agent.result(&work, Outcome::Failed) };
    cut.reports(result).await;
    cut.needs_a_person("interrupted").await;
    let text = "A fresh dry run of \"Set up one on nas\" came to nothing: nas can't be reached; you can decide without it.";
    assert!(cut.waits_for().await.contains(text), "{}", cut.waits_for().await);
    assert_eq!((cut.shown().await["status"].clone(), cut.said().await), (json!("failed"), 1));
    cut.site.turn().await;
    assert!(cut.agent.work().await.is_none(), "it is made once");
    assert_eq!(cut.decide(Done, 1).await.request_status.as_str(), "completed");

    let cut = Cut::running().await;
    sqlx::query("UPDATE agents SET lease_expires_at = now() - interval '1 hour'").execute(cut.site.app.pool()).await.expect("it is silent");
    cut.agent.finish(&cut.work, Outcome::Interrupted).await;
    cut.site.turn().await;
    cut.needs_a_person("interrupted").await;
    let text = cut.waits_for().await;
    assert!(
        text.contains("A fresh dry run of \"Set up one on nas\" has not begun: ") && text.contains("; you can decide without it."),
        "{text}"
    );
    assert_eq!(cut.decide(Done, 1).await.request_status.as_str(), "completed");
    assert_eq!(cut.preview().await.expect("there is one")["status"], "cancelled");
}

#[tokio::test]
async fn cancelling_its_request_ends_the_preview_too_and_makes_no_other() {
    let mut cut = Cut::interrupted().await;
    let work = cut.take_preview().await;
    cancel::run(&cut.site.app.context, &cut.ada, cut.request_id, None).await.expect("it is taken");
    assert_eq!(cut.site.app.status(cut.request_id).await, "cancelled");
    cut.site.turn().await;
    cut.is_told_to_stop(&work).await;
    cut.reports(cut.agent.result(&work, Outcome::Cancelled)).await;
    assert_eq!(cut.preview().await.expect("there is one")["status"], "cancelled");
    assert_eq!((cut.said().await, cut.site.audited(cut.request_id, "task.previewed_again").await), (0, 1));
}
