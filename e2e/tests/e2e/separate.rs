//! Orchestrator and agents as processes of their own, over a real broker.

use std::fs;
use std::net::TcpListener;

use chiffon_e2e::{Fleet, Home, eventually, write_action};
use serde_json::json;

use crate::kill::SLOW;

/// Notes that it ran, and waits until there is a file `go`.
const UNTIL_TOLD: &str = r#"    - name: Take a while
      ansible.builtin.shell: "echo ran >> {{ chiffon_root }}/runs; while ! test -e {{ chiffon_root }}/go; do sleep 0.2; done"
"#;

#[tokio::test]
async fn separate_processes_tell_the_story_and_survive_the_death_of_the_agent() {
    let fleet = Fleet::new().await;
    let actions = fleet.home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "no", SLOW);
    let (inventory, host) = fleet.one_host();
    let mut serve = fleet.serve().await;
    let mut infrastructure = fleet.agent("infrastructure", &actions, &inventory);
    let mut desktop = fleet.agent("desktop", &actions, &inventory);
    fleet.agents_are(2).await;
    let api = fleet.api();
    eventually("the desktop reports its memory", || async {
        let (_, agents) = api.get("/agents").await;
        let mut rows = agents["items"].as_array().into_iter().flatten();
        let reports = rows.any(|row| row["agent_type"] == "desktop" && row["heartbeat"]["memory"]["total_mb"].as_u64() > Some(0));
        if reports { Ok(()) } else { Err(agents.to_string()) }
    })
    .await;

    let id = api.ask_and_approve("take long on box").await;
    let runs = || fs::read_to_string(host.join("runs")).unwrap_or_default();
    eventually("the play has begun", || async { if runs().contains("ran") { Ok(()) } else { Err(runs()) } }).await;
    infrastructure.kill();
    let mut infrastructure = fleet.agent("infrastructure", &actions, &inventory);
    let after = api.request_when(&id, &["needs_attention", "failed", "completed"]).await;
    assert_eq!(after["status"], "needs_attention", "{after:#}");
    assert_eq!(after["tasks"][0]["status"], "interrupted", "{after:#}");
    assert_eq!(runs(), "ran\n", "it ran once and was not run again");
    let commit = eventually("the interruption is committed", || async {
        let request = api.request(&id).await;
        request["commits"][0].as_str().map(str::to_owned).ok_or_else(|| request.to_string())
    })
    .await;
    assert_eq!(commit.len(), 40);

    for process in [&mut infrastructure, &mut desktop, &mut serve] {
        assert_eq!(process.stop(std::time::Duration::from_secs(40)), Some(0), "{}", process.said());
    }
    fleet.home.assert_nothing_left();
}

#[tokio::test]
async fn cancel_stops_a_running_play_and_says_what_had_happened() {
    let fleet = Fleet::new().await;
    let actions = fleet.home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "no", SLOW);
    let (inventory, host) = fleet.one_host();
    let _serve = fleet.serve().await;
    let _agent = fleet.agent("infrastructure", &actions, &inventory);
    fleet.agents_are(1).await;
    let api = fleet.api();
    let id = api.ask_and_approve("take long on box").await;
    let runs = || fs::read_to_string(host.join("runs")).unwrap_or_default();
    eventually("the play has begun", || async { if runs().contains("ran") { Ok(()) } else { Err(runs()) } }).await;
    let (status, report) = api.post(&format!("/cancel/{id}"), &json!({})).await;
    assert_eq!(status, 200, "{report}");
    let cancelled = api.request_when(&id, &["cancelled", "failed", "completed", "needs_attention"]).await;
    assert_eq!(cancelled["status"], "cancelled", "{cancelled:#}");
    assert_eq!(runs(), "ran\n", "it was stopped in its middle");
    let (status, again) = api.post(&format!("/cancel/{id}"), &json!({})).await;
    assert_eq!((status, &again["code"]), (409, &json!(5109)), "{again}");
}

#[tokio::test]
async fn a_drained_agent_finishes_its_play_ends_with_0_and_stays_paused_until_it_is_resumed() {
    let fleet = Fleet::new().await;
    let actions = fleet.home.path().join("actions");
    write_action(&actions, "take_a_while", "Take a while", "take a while on box", "no", UNTIL_TOLD);
    let (inventory, host) = fleet.one_host();
    let _serve = fleet.serve().await;
    let mut agent = fleet.agent("infrastructure", &actions, &inventory);
    fleet.agents_are(1).await;
    let api = fleet.api();
    let (_, agents) = api.get("/agents").await;
    let agent_id = agents["items"][0]["agent_id"].as_str().expect("an id").to_owned();
    let first = api.ask_and_approve("take a while on box").await;
    let runs = || fs::read_to_string(host.join("runs")).unwrap_or_default();
    eventually("the play has begun", || async { if runs().contains("ran") { Ok(()) } else { Err(runs()) } }).await;
    let (status, drained) = api.post(&format!("/agents/{agent_id}/drain"), &json!({"reason": "new disk"})).await;
    assert_eq!((status, &drained["desired"], &drained["ends"]), (200, &json!("drained"), &json!(true)), "{drained:#}");
    let second = api.ask_and_approve("take a while on box").await;
    let waits_for = |id: String| {
        let api = &api;
        async move {
            let request = api.request(&id).await;
            let text = request["tasks"][0]["waiting_for"]["text"].as_str().unwrap_or_default().to_owned();
            if text.contains(" is drained by ") && text.contains("(new disk)") { Ok(()) } else { Err(request.to_string()) }
        }
    };
    eventually("the second request says what it waits for", || waits_for(second.clone())).await;
    assert!(agent.ended().is_none(), "it finishes what it runs first: {}", agent.said());
    fs::write(host.join("go"), "").expect("written");
    let completed = api.request_when(&first, &["completed", "failed", "needs_attention"]).await;
    assert_eq!(completed["status"], "completed", "{completed:#}");
    let ended = eventually("the agent ends", || {
        let ended = agent.ended();
        async move { ended.ok_or_else(|| "it still runs".to_owned()) }
    })
    .await;
    assert_eq!(ended, Some(0), "{}", agent.said());
    assert!(agent.said().contains("is drained: it has finished what it ran"), "{}", agent.said());

    let mut agent = fleet.agent("infrastructure", &actions, &inventory);
    eventually("the next start is paused", || async {
        let (_, agents) = api.get("/agents").await;
        let row = &agents["items"][0];
        if row["alive"] == true && row["heartbeat"]["intake"] == "paused" { Ok(()) } else { Err(agents.to_string()) }
    })
    .await;
    assert_eq!(runs(), "ran\n", "the second request still waits");
    assert_eq!(api.post(&format!("/agents/{agent_id}/resume"), &json!({})).await.0, 200);
    let completed = api.request_when(&second, &["completed", "failed", "needs_attention"]).await;
    assert_eq!(completed["status"], "completed", "{completed:#}");
    assert_eq!(runs(), "ran\nran\n");
    assert_eq!(agent.stop(std::time::Duration::from_secs(40)), Some(0), "{}", agent.said());
}

#[tokio::test]
async fn a_broker_that_is_down_at_the_start_is_said_and_nothing_is_lost() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let fleet = Fleet::with_broker(&format!("amqp://nobody:secret@127.0.0.1:{closed}/%2f"));
    let _serve = fleet.serve().await;
    let api = fleet.api();
    let (_, health) = api.get("/health").await;
    let text = health["checks"]["bus"].to_string();
    assert!(!text.contains("secret"), "{text}");
    assert_ne!(health["status"], "ok", "{health:#}");
    let (ready, _) = api.get("/health/ready").await;
    assert_eq!(ready, 503);
    let id = api.ask("how full are the disks on nas").await;
    let request = api.request(&id).await;
    assert_eq!(request["status"], "planning", "{request:#}");
    assert!(request["waiting_for"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{request:#}");
}

#[tokio::test]
async fn an_agent_that_is_not_enrolled_is_not_believed() {
    let fleet = Fleet::new().await;
    let actions = Home::catalogue();
    let (inventory, _) = fleet.one_host();
    let _serve = fleet.serve().await;
    let mut stranger = fleet.command(&["agent", "infrastructure"]);
    stranger
        .env("CHIFFON__AGENT__KEY_FILE", fleet.home.path().join("stranger.key"))
        .env("CHIFFON__AGENT__DATA_DIR", fleet.home.path().join("stranger"))
        .env("CHIFFON__AGENT__INFRASTRUCTURE__PLAYBOOKS", &actions)
        .env("CHIFFON__AGENT__INFRASTRUCTURE__INVENTORY", &inventory);
    let _agent = chiffon_e2e::Running::start(&mut stranger, &fleet.home.path().join("stranger.log"));
    let api = fleet.api();
    let agents = eventually("it is shown among the refused", || async {
        let (_, listed) = api.get("/agents").await;
        if listed["refused"].as_array().is_some_and(|refused| refused.len() == 1) { Ok(listed) } else { Err(listed.to_string()) }
    })
    .await;
    assert!(agents["refused"][0]["message"].as_str().is_some_and(|text| text.contains("agents.trusted")), "{agents:#}");
    assert_eq!(agents["items"], json!([]));
}
