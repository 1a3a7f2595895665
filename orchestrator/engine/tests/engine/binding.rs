//! A run is bound to the host variables of its preview; where its agent finds others, the same steps are planned again.

use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::{WireAgent, Work};
use chiffon_protocol::message::{ErrorReport, HostVariables, Mode, Outcome, Preview, Variables, WorkResult};
use chiffon_protocol::topology::RESULTS;
use chiffon_requests::verbs::decide::Decision;
use serde_json::json;

use super::foretelling::Asked;

fn variables(digest: &str) -> Variables {
    let host = HostVariables { host: "nas".to_owned(), digest: digest.to_owned(), ..HostVariables::default() };
    Variables { key_id: "ours".to_owned(), hosts: vec![host] }
}

/// What an agent says that found other variables.
fn refusal(agent: &WireAgent, work: &Work) -> WorkResult {
    let message = "the variables of nas have changed since the preview: `banner_text`; nothing was changed. Ask for it again".to_owned();
    let error = Some(ErrorReport { code: 5514, message, details: json!({"variables": {"nas": ["banner_text"]}}) });
    WorkResult { changed: false, exit_code: Some(1), error, ..agent.result(work, Outcome::Failed) }
}

async fn previews(asked: &mut Asked, digest: &str, outcome: Outcome) {
    let work = asked.take(Mode::Check).await;
    assert_eq!(work.request.variables, None, "a preview is bound to nothing");
    let preview = (outcome == Outcome::Succeeded).then(|| Preview { coverage: 1.0, tasks: 1, ..Preview::default() });
    asked.reports(WorkResult { preview, variables: Some(variables(digest)), ..asked.agent.result(&work, outcome) }).await;
    assert_eq!(asked.site.app.status(asked.request_id).await, "awaiting_approval");
}

#[tokio::test]
async fn a_run_whose_variables_were_edited_after_the_preview_is_planned_again_and_leaves_no_record() {
    let mut asked = Asked::previewing().await;
    previews(&mut asked, "aa", Outcome::Succeeded).await;
    asked.decide(Decision::Approve).await;
    let work = asked.take(Mode::Apply).await;
    assert_eq!(work.request.variables, Some(variables("aa")), "the run is bound to what the preview was made with");
    // It has told its progress before it knew.
    asked.agent.progress(&work, 0, &[1]).await;
    asked.reports(refusal(&asked.agent, &work)).await;
    assert_eq!(asked.site.app.status(asked.request_id).await, "previewing");
    assert_eq!(asked.site.locked_hosts().await, Vec::<String>::new());
    let query = "SELECT string_agg(text, E'\\n' ORDER BY seq) FROM messages WHERE request_id = $1";
    let words = asked.site.app.text(query, asked.request_id).await.unwrap_or_default();
    assert!(
        words.contains("variables of nas (`banner_text`) have changed since plan 1 was made, so the same steps are planned again"),
        "{words}"
    );
    assert_eq!(asked.site.app.number("SELECT count(*) FROM git_outbox WHERE request_id = $1", asked.request_id).await, 0);
    // The result that is repeated until it is acknowledged changes nothing more.
    asked.reports(refusal(&asked.agent, &work)).await;

    previews(&mut asked, "bb", Outcome::Succeeded).await;
    asked.decide(Decision::Approve).await;
    let work = asked.take(Mode::Apply).await;
    assert_eq!(work.request.variables, Some(variables("bb")));
    asked.reports(asked.agent.result(&work, Outcome::Succeeded)).await;
    assert_eq!(asked.site.app.status(asked.request_id).await, "completed");
}

#[tokio::test]
async fn a_preview_that_failed_binds_its_run_too() {
    let mut asked = Asked::previewing().await;
    previews(&mut asked, "aa", Outcome::Failed).await;
    asked.decide(Decision::Approve).await;
    assert_eq!(asked.take(Mode::Apply).await.request.variables, Some(variables("aa")));
}

#[tokio::test]
async fn after_a_step_that_has_run_the_refused_one_fails_with_its_reason() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "nas", &["one"])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    assert_eq!(work.request.variables, None, "without a preview there is nothing to be bound to");
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    let work = agent.take(&site).await;
    agent.say(RESULTS, refusal(&agent, &work)).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "failed");
    assert_eq!(site.task(request_id, "two").await["error"]["code"], 5514);
}

#[tokio::test]
async fn of_steps_that_run_at_once_all_may_be_refused_and_the_plan_is_made_again() {
    let mut site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("one", "nas", &[]), step("two", "web", &[])]).await;
    site.turn().await;
    let (one, two) = (agent.take(&site).await, agent.take(&site).await);
    agent.say(RESULTS, refusal(&agent, &one)).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "running", "the other one is heard out");
    agent.say(RESULTS, refusal(&agent, &two)).await;
    site.turn().await;
    assert_eq!(site.app.status(request_id).await, "previewing");
    let query = "SELECT string_agg(text, E'\\n' ORDER BY seq) FROM messages WHERE request_id = $1";
    let words = site.app.text(query, request_id).await.unwrap_or_default();
    assert!(words.contains("since plan 1 was made, so the same steps are planned again"), "{words}");
    site.app.leave_behind();
}
