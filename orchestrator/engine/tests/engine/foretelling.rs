//! A preview and what became of it: what ran for real before any approval, and where the run was not what had been foretold.

use chiffon_harness::site::Site;
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_protocol::message::{Change, HostResult, HostStatus, Mode, Outcome, Preview, WorkResult, Written};
use chiffon_protocol::topology::RESULTS;
use chiffon_requests::store::read::request::RequestView;
use chiffon_requests::verbs::decide::{self, Decide, Decision};
use chiffon_requests::verbs::submit::{self, Submit};
use serde_json::json;
use uuid::Uuid;

/// A request whose plan is being previewed.
pub struct Asked {
    pub site: Site,
    pub agent: WireAgent,
    ada: Principal,
    pub request_id: Uuid,
}

fn change(name: &str, done: bool) -> Change {
    Change { hosts: vec!["nas".to_owned()], name: name.to_owned(), done, ..Change::default() }
}

impl Asked {
    pub async fn previewing() -> Self {
        let site = Site::start().await;
        let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
        let ada = site.app.person("ada", Role::Approver).await;
        let input = Submit { text: "set up nas".to_owned(), ..Submit::default() };
        let request_id = submit::run(&site.app.context, &ada, input).await.expect("it is taken").request_id;
        site.app.plan().await;
        site.turn().await;
        assert_eq!(site.app.status(request_id).await, "previewing");
        Self { site, agent, ada, request_id }
    }

    pub async fn take(&mut self, mode: Mode) -> Work {
        let work = self.agent.take(&self.site).await;
        assert_eq!(work.request.mode, mode);
        work
    }

    pub async fn reports(&mut self, result: WorkResult) {
        self.agent.say(RESULTS, result).await;
        self.site.turn().await;
        self.agent.hear_all().await;
    }

    pub async fn decide(&self, decision: Decision) {
        let plan_sha256 = self.site.app.plan_sha256(self.request_id).await;
        let input = Decide { request_id: self.request_id, plan_sha256, decision, comment: None, left_out: Vec::new(), link_id: None };
        decide::run(&self.site.app.context, &self.ada, input).await.expect("it is taken");
        self.site.turn().await;
    }

    pub async fn view(&self) -> RequestView {
        chiffon_requests::store::read::request::get(self.site.app.pool(), &self.site.app.context.settings.kinds, self.request_id)
            .await
            .expect("it reads")
            .expect("it is there")
    }
}

#[tokio::test]
async fn a_run_that_is_not_what_its_preview_showed_says_so_and_what_was_open_is_no_difference() {
    let mut asked = Asked::previewing().await;
    let work = asked.take(Mode::Check).await;
    let changes = vec![change("Write the list", false), change("Start it", false), change("Make a key", true)];
    let not_previewed = vec!["Reload: depends on `asked`, which the preview does not have".to_owned()];
    let preview = Preview { coverage: 0.75, tasks: 4, changes, not_previewed };
    asked.reports(WorkResult { preview: Some(preview), ..asked.agent.result(&work, Outcome::Succeeded) }).await;
    asked.decide(Decision::Approve).await;
    let work = asked.take(Mode::Apply).await;
    let names: Vec<String> = ["Write the list", "Open the port", "Reload"].map(str::to_owned).to_vec();
    let on = HostResult { host: "nas".to_owned(), status: HostStatus::Completed, changed: 3, changes: names, ..HostResult::default() };
    asked.reports(WorkResult { hosts: vec![on], ..asked.agent.result(&work, Outcome::Succeeded) }).await;
    let view = asked.view().await;
    let told = [
        "the run changed what the preview did not show: \"Open the port\" on nas",
        "the preview showed changes that the run did not make: \"Start it\" on nas",
    ];
    assert_eq!(view.tasks[0].warnings, json!(told));
}

fn written(name: &str, place: &str, added: &str) -> Written {
    Written { name: name.to_owned(), place: place.to_owned(), added: Some(added.to_owned()), ..Written::default() }
}

#[tokio::test]
async fn a_run_that_wrote_something_else_than_its_preview_showed_says_where_in_every_record() {
    let mut asked = Asked::previewing().await;
    let work = asked.take(Mode::Check).await;
    let foretold = |name: &str, written| Change { written, ..change(name, false) };
    let changes = vec![
        foretold("Write the banner", vec![written("Write the banner", "/etc/motd", "aa")]),
        foretold("Write items", vec![written("Write items", "/a", "bb"), written("Write items", "/b", "bb")]),
        foretold("Of an older agent", Vec::new()),
    ];
    let preview = Preview { coverage: 1.0, tasks: 3, changes, ..Preview::default() };
    asked.reports(WorkResult { preview: Some(preview), ..asked.agent.result(&work, Outcome::Succeeded) }).await;
    asked.decide(Decision::Approve).await;
    let work = asked.take(Mode::Apply).await;
    let names = ["Write the banner", "Write items", "Of an older agent"].map(str::to_owned).to_vec();
    let ran = vec![
        written("Write the banner", "/etc/motd", "ff"),
        written("Write items", "/a", "bb"),
        written("Write items", "/c\0", "bb"),
        written("Of an older agent", "/d", "ee"),
    ];
    let on = HostResult {
        host: "nas".to_owned(),
        status: HostStatus::Completed,
        changed: 3,
        changes: names,
        written: ran,
        ..HostResult::default()
    };
    asked.reports(WorkResult { hosts: vec![on], ..asked.agent.result(&work, Outcome::Succeeded) }).await;
    let view = asked.view().await;
    let told: Vec<String> = serde_json::from_value(view.tasks[0].warnings.clone()).expect("texts");
    assert_eq!(told[0], "the run wrote something else than the preview showed: \"Write the banner\" on nas (/etc/motd)");
    assert!(told[1].starts_with("the run wrote in places that the preview did not show: \"Write items\" on nas (/c"), "{told:?}");
    assert_eq!(told[2], "the preview showed places in which the run wrote nothing: \"Write items\" on nas (/b)");
    assert_eq!(told.len(), 3, "{told:?}");
}

#[tokio::test]
async fn what_ran_for_real_in_a_preview_is_in_every_record_also_when_the_plan_is_rejected() {
    let mut asked = Asked::previewing().await;
    assert_eq!(asked.view().await.changed, []);
    let work = asked.take(Mode::Check).await;
    let preview =
        Preview { coverage: 0.5, tasks: 2, changes: vec![change("Write", false), change("Make a key", true)], ..Preview::default() };
    let names = ["Write", "Make a key"].map(str::to_owned).to_vec();
    let made = vec!["Make a key".to_owned()];
    let on =
        HostResult { host: "nas".to_owned(), status: HostStatus::Completed, changed: 2, changes: names, made, ..HostResult::default() };
    asked.reports(WorkResult { preview: Some(preview), hosts: vec![on], ..asked.agent.result(&work, Outcome::Succeeded) }).await;
    asked.decide(Decision::Reject).await;
    let view = asked.view().await;
    let [told] = view.changed.as_slice() else { panic!("{:?}", view.changed) };
    assert_eq!((told.host.as_str(), told.purpose.as_str(), told.changes.as_slice()), ("nas", "preview", &["Make a key".to_owned()][..]));
    let records: Vec<(Uuid, String)> = sqlx::query_as("SELECT task_id, author FROM git_outbox WHERE request_id = $1")
        .bind(asked.request_id)
        .fetch_all(asked.site.app.pool())
        .await
        .expect("the records read");
    assert_eq!(records, [(work.request.task_id, "ada".to_owned())], "it is committed");
}

#[tokio::test]
async fn a_preview_that_was_cut_off_after_it_changed_something_is_not_tried_again() {
    let mut asked = Asked::previewing().await;
    let work = asked.take(Mode::Check).await;
    let made = vec!["Make a key".to_owned()];
    let on = HostResult { host: "nas".to_owned(), status: HostStatus::Unfinished, made, ..HostResult::default() };
    asked.reports(WorkResult { hosts: vec![on], ..asked.agent.result(&work, Outcome::Interrupted) }).await;
    assert_eq!(asked.site.app.status(asked.request_id).await, "awaiting_approval");
    assert!(asked.agent.work().await.is_none(), "it is not offered again");
    assert_eq!(asked.view().await.changed[0].changes, ["Make a key"]);
    asked.decide(Decision::Reject).await;
}

#[tokio::test]
async fn a_preview_that_changed_nothing_leaves_no_record() {
    let mut asked = Asked::previewing().await;
    let work = asked.take(Mode::Check).await;
    let names = vec!["Write".to_owned()];
    let on = HostResult { host: "nas".to_owned(), status: HostStatus::Completed, changed: 1, changes: names, ..HostResult::default() };
    let preview = Preview { coverage: 1.0, tasks: 1, changes: vec![change("Write", false)], ..Preview::default() };
    asked.reports(WorkResult { preview: Some(preview), hosts: vec![on], ..asked.agent.result(&work, Outcome::Succeeded) }).await;
    asked.decide(Decision::Reject).await;
    assert_eq!(asked.view().await.changed, []);
    assert_eq!(asked.site.app.number("SELECT count(*) FROM git_outbox WHERE request_id = $1", asked.request_id).await, 0);
}
