//! Versions beside each other, as they are while an installation is upgraded part by part.
//!
//! `make test-upgrade` builds the version before and runs these; without it there is nothing to run them with.

use std::path::PathBuf;
use std::process::Command;

use chiffon_e2e::{Api, Fleet, Running, eventually, write_action};
use chiffon_process::config::variable;

/// Names the binary of the version before.
const BEFORE: &str = "CHIFFON_BINARY_BEFORE";

const NOTE: &str = "    - name: Note the run\n      ansible.builtin.shell: echo ran >> {{ chiffon_root }}/runs\n      changed_when: true\n";

/// The same command by the version before.
fn before(command: &Command) -> Command {
    let binary = variable(BEFORE).unwrap_or_else(|| panic!("{BEFORE} is not set; run `make test-upgrade`"));
    let mut other = Command::new(binary);
    other.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
    }
    other
}

fn actions(fleet: &Fleet) -> PathBuf {
    let actions = fleet.home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "no", NOTE);
    actions
}

/// Asked, approved, run once, recorded.
async fn story(api: &Api) {
    let id = api.ask_and_approve("take long on box").await;
    let done = api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    eventually("the change is committed", || async {
        let request = api.request(&id).await;
        if request["commits"].as_array().is_some_and(|commits| !commits.is_empty()) { Ok(()) } else { Err(request.to_string()) }
    })
    .await;
    let (status, verified) = api.get("/audit/verify").await;
    assert_eq!((status, verified["ok"].as_bool()), (200, Some(true)), "{verified:#}");
}

#[tokio::test]
#[ignore = "needs the binary of the version before: make test-upgrade"]
async fn agents_of_the_version_before_tell_the_story_to_an_orchestrator_of_today() {
    let fleet = Fleet::new().await;
    let actions = actions(&fleet);
    let (inventory, host) = fleet.one_host();
    let _serve = fleet.serve().await;
    let start = |kind: &str| {
        let mut command = before(&fleet.agent_command(kind, &actions, &inventory));
        Running::start(&mut command, &fleet.home.path().join(format!("{kind}.log")))
    };
    let _agents = [start("infrastructure"), start("desktop")];
    fleet.agents_are(2).await;
    story(&fleet.api()).await;
    assert_eq!(std::fs::read_to_string(host.join("runs")).expect("it ran"), "ran\n");
}

#[tokio::test]
#[ignore = "needs the binary of the version before: make test-upgrade"]
async fn an_orchestrator_of_the_version_before_goes_on_beside_one_of_today() {
    let fleet = Fleet::new().await;
    let actions = actions(&fleet);
    let (inventory, host) = fleet.one_host();
    let mut old = fleet.serve_with(before(&fleet.command(&["serve"])), fleet.listen()).await;
    let _agent = fleet.agent("infrastructure", &actions, &inventory);
    fleet.agents_are(1).await;
    story(&fleet.api()).await;

    let listen = Fleet::free_address();
    let mut command = fleet.command(&["serve"]);
    command.env("CHIFFON__HTTP__LISTEN", &listen);
    let _new = fleet.serve_with(command, &listen).await;
    // The database is migrated by now; each takes part of the work.
    story(&fleet.api()).await;
    story(&fleet.api_at(&listen)).await;
    assert!(old.ended().is_none(), "{}", old.said());
    assert_eq!(old.stop(std::time::Duration::from_secs(40)), Some(0), "{}", old.said());
    story(&fleet.api_at(&listen)).await;
    assert_eq!(std::fs::read_to_string(host.join("runs")).expect("it ran"), "ran\n".repeat(4));
}

#[tokio::test]
#[ignore = "needs the binary of the version before: make test-upgrade"]
async fn either_version_runs_the_plan_that_the_other_has_written_by_the_hash_that_was_seen() {
    let fleet = Fleet::new().await;
    let actions = actions(&fleet);
    let (inventory, host) = fleet.one_host();
    let patience = std::time::Duration::from_secs(40);
    let _agent = fleet.agent("infrastructure", &actions, &inventory);
    let planned = async |api: &Api| {
        let id = api.ask("take long on box").await;
        api.request_when(&id, &["awaiting_approval", "needs_input", "failed"]).await
    };
    let run = async |api: &Api, seen: &serde_json::Value| {
        assert_eq!(api.approve(seen).await.0, 200, "{seen:#}");
        let done = api.request_when(seen["request_id"].as_str().expect("an id"), &["completed", "failed", "needs_attention"]).await;
        assert_eq!((&done["status"], &done["plan"]["sha256"]), (&"completed".into(), &seen["plan"]["sha256"]), "{done:#}");
    };
    let mut new = fleet.serve().await;
    fleet.agents_are(1).await;
    let of_today = planned(&fleet.api()).await;
    assert_eq!(of_today["plan"]["format"], 2, "{of_today:#}");
    assert_eq!(of_today["plan"]["steps"][0]["tool"]["uri"], "agent:infrastructure/take_long");

    let listen = Fleet::free_address();
    let mut command = before(&fleet.command(&["serve"]));
    command.env("CHIFFON__HTTP__LISTEN", &listen);
    let mut old = fleet.serve_with(command, &listen).await;
    assert_eq!(new.stop(patience), Some(0), "{}", new.said());
    run(&fleet.api_at(&listen), &of_today).await;

    let of_before = planned(&fleet.api_at(&listen)).await;
    let _new = fleet.serve().await;
    assert_eq!(old.stop(patience), Some(0), "{}", old.said());
    let shown = fleet.api().request(of_before["request_id"].as_str().expect("an id")).await;
    for part in ["sha256", "format"] {
        assert_eq!(shown["plan"][part], of_before["plan"][part], "{shown:#}");
    }
    assert_eq!(shown["plan"]["steps"][0]["tool"]["sha256"], of_before["plan"]["steps"][0]["action_sha256"]);
    run(&fleet.api(), &of_before).await;
    assert_eq!(std::fs::read_to_string(host.join("runs")).expect("it ran"), "ran\n".repeat(2));
}
