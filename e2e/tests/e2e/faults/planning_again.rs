//! The orchestrator is killed between planning a request again, because its action was edited, and the preview of the new plan: the new
//! plan is previewed once, proposed once, and nothing of the old one runs.

use std::fs;
use std::time::Duration;

use chiffon_e2e::{Fleet, eventually, write_action};
use nix::sys::signal::Signal;
use serde_json::Value;

const BEFORE: &str =
    "    - name: Write the greeting\n      ansible.builtin.copy: {content: \"before\\n\", dest: \"{{ chiffon_root }}/greeting\"}\n";

#[tokio::test]
async fn a_plan_that_is_made_again_is_previewed_and_proposed_once_although_the_orchestrator_was_killed_before() {
    let fleet = Fleet::new().await;
    let actions = fleet.home.path().join("actions");
    write_action(&actions, "greet", "Write a greeting", "greet on box", "yes", BEFORE);
    let spec = actions.join("greet/action.yml");
    let text = fs::read_to_string(&spec).expect("is there").replace("check: none", "check: full");
    fs::write(&spec, text).expect("written");
    let (inventory, host) = fleet.one_host();
    let mut serve = fleet.serve().await;
    let mut agent = fleet.agent("infrastructure", &actions, &inventory);
    fleet.agents_are(1).await;
    let api = fleet.api();
    let id = api.ask("greet on box").await;
    let planned = api.request_when(&id, &["awaiting_approval", "needs_input", "failed"]).await;

    agent.signal(Signal::SIGSTOP);
    let playbook = actions.join("greet/playbook.yml");
    let text = fs::read_to_string(&playbook).expect("is there").replace("before", "after");
    fs::write(&playbook, text).expect("written");
    assert_eq!(api.approve(&planned).await.0, 200, "{planned:#}");
    agent.signal(Signal::SIGCONT);
    eventually("it is planned again", || async {
        let request = api.request(&id).await;
        if request["plan"]["revision"] == 2 { Ok(()) } else { Err(request.to_string()) }
    })
    .await;
    serve.kill();
    let mut serve = fleet.serve().await;

    let again = api.request_when(&id, &["awaiting_approval", "needs_input", "failed", "completed"]).await;
    assert_eq!((&again["status"], &again["plan"]["revision"]), (&Value::from("awaiting_approval"), &Value::from(2)), "{again:#}");
    let preview = &again["plan"]["steps"][0]["preview"];
    assert_eq!(preview["status"], "done", "{again:#}");
    assert!(preview["changes"].to_string().contains("+after"), "{preview:#}");
    assert!(!host.join("greeting").exists(), "nothing of the plan that was approved has run");
    let previews = fleet.count(&format!("tasks WHERE request_id = '{id}' AND purpose = 'preview'"));
    let plans = fleet.count(&format!("plans WHERE request_id = '{id}'"));
    assert_eq!((previews, plans), (2, 2), "one of each plan: {again:#}");

    assert_eq!(api.approve(&again).await.0, 200, "{again:#}");
    let done = api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    assert_eq!(fs::read_to_string(host.join("greeting")).expect("written"), "after\n");
    for process in [&mut agent, &mut serve] {
        assert_eq!(process.stop(Duration::from_secs(40)), Some(0), "{}", process.said());
    }
    fleet.home.assert_nothing_left();
}
