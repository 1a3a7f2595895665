//! The whole flow on a RabbitMQ of three nodes, of which one is killed in mid-run.

use std::fs;
use std::time::Duration;

use chiffon_e2e::{Fleet, eventually, write_action};
use chiffon_nodes::RabbitCluster;
use serde_json::json;

/// Goes on when it is told to.
pub const WAITING: &str = "    - name: Note the run\n      ansible.builtin.shell: echo ran >> {{ chiffon_root }}/runs\n      changed_when: true\n    - name: Wait to be told\n      ansible.builtin.shell: until [ -e {{ chiffon_root }}/go ]; do sleep 0.1; done\n      changed_when: true\n    - name: Note the end\n      ansible.builtin.shell: echo ended >> {{ chiffon_root }}/runs\n      changed_when: true\n";

#[tokio::test]
async fn a_broker_that_loses_a_node_in_mid_run_finishes_what_was_asked_and_takes_more() {
    let mut cluster = RabbitCluster::start_temporary().await.expect("a cluster");
    let fleet = Fleet::with_broker(&cluster.amqp_url("/"));
    let actions = fleet.home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "no", WAITING);
    let (inventory, host) = fleet.one_host();
    let mut serve = fleet.serve().await;
    let mut agent = fleet.agent("infrastructure", &actions, &inventory);
    fleet.agents_are(1).await;
    let api = fleet.api();
    let runs = || fs::read_to_string(host.join("runs")).unwrap_or_default();

    let id = api.ask_and_approve("take long on box").await;
    eventually("the play has begun", || async { if runs() == "ran\n" { Ok(()) } else { Err(runs()) } }).await;
    // All are connected to the first one.
    cluster.node(0).kill().await;
    fs::write(host.join("go"), "").expect("written");
    let ended = ["completed", "failed", "needs_attention", "cancelled"];
    let done = api.request_when(&id, &ended).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    assert_eq!(runs(), "ran\nended\n");

    let id = api.ask_and_approve("take long on box").await;
    assert_eq!(api.request_when(&id, &ended).await["status"], "completed", "two nodes of three are enough");
    assert_eq!(runs(), "ran\nended\n".repeat(2));
    let (_, health) = api.get("/health").await;
    assert_eq!(health["status"], "ok", "{health:#}");
    let (_, dead) = api.get("/dead-letters").await;
    assert_eq!(dead["items"], json!([]), "{dead:#}");

    for process in [&mut agent, &mut serve] {
        assert_eq!(process.stop(Duration::from_secs(40)), Some(0), "{}", process.said());
    }
    fleet.home.assert_nothing_left();
}
