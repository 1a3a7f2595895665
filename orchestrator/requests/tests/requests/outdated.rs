//! A plan that destroys something is not approved on previews that Chiffon itself has outdated since.

use chiffon_harness::site::{Site, action, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::domain::role::Role;
use chiffon_protocol::action::Risk;
use chiffon_protocol::message::{HostResult, HostStatus, Outcome, Preview, WorkResult};
use chiffon_protocol::topology::RESULTS;
use chiffon_protocol::{ErrorCode, Problem, canonical};
use chiffon_requests::verbs::decide::{self, Decide, Decision};
use chiffon_requests::verbs::submit::{self, Submit};
use serde_json::json;
use uuid::Uuid;

use super::planning_again::edit;

struct Previewed {
    site: Site,
    agent: WireAgent,
    request_id: Uuid,
    sha256: String,
}

impl Previewed {
    async fn with(risk: Risk) -> Self {
        let site = Site::start().await;
        let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
        let mut spec = action();
        spec.risk = risk;
        "Wipe the disks".clone_into(&mut spec.title);
        spec.examples = vec!["wipe the disks of nas".to_owned()];
        let sha256 = canonical::sha256_hex(&spec);
        edit(&site, &agent, spec, &sha256).await;
        let ada = site.app.person("ada", Role::Requester).await;
        let input = Submit { text: "wipe the disks of nas".to_owned(), ..Submit::default() };
        let request_id = submit::run(&site.app.context, &ada, input).await.expect("it is taken").request_id;
        site.app.plan().await;
        site.turn().await;
        assert_eq!(site.app.status(request_id).await, "previewing");
        let mut previewed = Self { site, agent, request_id, sha256 };
        previewed.preview().await;
        previewed
    }

    async fn preview(&mut self) {
        let work = self.agent.take(&self.site).await;
        let preview = Some(Preview { coverage: 1.0, tasks: 1, ..Preview::default() });
        self.agent.say(RESULTS, WorkResult { preview, ..self.agent.result(&work, Outcome::Succeeded) }).await;
        self.site.turn().await;
        self.agent.hear_all().await;
        assert_eq!(self.site.app.status(self.request_id).await, "awaiting_approval");
    }

    /// Another request changes this host, or looks at it.
    async fn another_runs(&mut self, host: &str, changed: u64) {
        self.site.app.clock.advance(std::time::Duration::from_secs(1));
        let mut planned = step("other", host, &[]);
        planned["action_sha256"] = json!(self.sha256);
        self.site.approved(&[planned]).await;
        self.site.turn().await;
        let work = self.agent.take(&self.site).await;
        let on = HostResult { host: host.to_owned(), status: HostStatus::Completed, changed, ..HostResult::default() };
        let result = WorkResult { hosts: vec![on], changed: changed > 0, ..self.agent.result(&work, Outcome::Succeeded) };
        self.agent.say(RESULTS, result).await;
        self.site.turn().await;
        self.agent.hear_all().await;
    }

    async fn approve(&self, who: &str) -> Result<(), Problem> {
        let person = self.site.app.person(who, Role::Approver).await;
        let plan_sha256 = self.site.app.plan_sha256(self.request_id).await;
        let input = Decide {
            request_id: self.request_id,
            plan_sha256,
            decision: Decision::Approve,
            comment: None,
            left_out: Vec::new(),
            link_id: None,
        };
        let decided = decide::run(&self.site.app.context, &person, input).await.map(drop);
        self.site.turn().await;
        decided
    }
}

#[tokio::test]
async fn a_plan_that_destroys_is_previewed_again_where_its_host_was_changed_since() {
    let mut previewed = Previewed::with(Risk::Destructive).await;
    previewed.another_runs("nas", 1).await;
    let problem = previewed.approve("ben").await.expect_err("its preview is outdated");
    assert_eq!(problem.code, ErrorCode::StalePlan);
    assert!(problem.message.starts_with("nas has been changed by \"Set up other on nas\" since this plan was previewed"), "{problem}");
    assert_eq!(previewed.site.app.status(previewed.request_id).await, "previewing");
    previewed.preview().await;
    previewed.approve("cleo").await.expect("the new preview is newer than the change");
}

#[tokio::test]
async fn looks_other_hosts_and_plans_that_destroy_nothing_outdate_no_preview() {
    let mut previewed = Previewed::with(Risk::Destructive).await;
    previewed.another_runs("nas", 0).await;
    previewed.another_runs("web", 1).await;
    previewed.approve("ben").await.expect("nothing came between");
    let mut previewed = Previewed::with(Risk::Medium).await;
    previewed.another_runs("nas", 1).await;
    previewed.approve("ben").await.expect("it says afterwards where the run differed");
    previewed.agent.take(&previewed.site).await;
}
