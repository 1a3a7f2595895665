//! The way of a person with hosts of their own: three machines behind ssh, first contact, a group, a change, one machine off.

use std::time::Duration;

use chiffon_e2e::{Home, SshHosts};
use chiffon_testkit::not_run;
use serde_json::Value;

const ENDS: [&str; 4] = ["completed", "failed", "needs_attention", "needs_input"];

/// How each host came out of a request, by its task's parameters.
fn outcomes(request: &Value) -> Vec<(String, String, Value)> {
    let tasks = request["tasks"].as_array().expect("tasks");
    let mut outcomes: Vec<_> = tasks
        .iter()
        .map(|task| {
            let host = task["hosts"][0].as_str().unwrap_or_default().to_owned();
            (host, task["status"].as_str().unwrap_or_default().to_owned(), task["error"]["code"].clone())
        })
        .collect();
    outcomes.sort_by(|one, other| one.0.cmp(&other.0));
    outcomes
}

fn outcome(host: &str, status: &str, code: Option<u32>) -> (String, String, Value) {
    (host.to_owned(), status.to_owned(), code.map_or(Value::Null, Value::from))
}

#[tokio::test]
async fn three_hosts_over_ssh_are_met_asked_changed_and_missed() {
    let Some(mut hosts) = SshHosts::start(&["web1", "web2", "db1"]) else {
        return not_run("over ssh: three hosts", "namespaces need root");
    };
    let home = Home::new();
    let inventory = hosts.inventory(home.path(), &[("web", &["web1", "web2"]), ("db", &["db1"])]);
    let mut up = home.start(home.up_at(&Home::catalogue(), &inventory).args(["--bus", "memory"]));
    let api = home.api();

    // First contact: nobody has said yet that this key is db1's.
    let stranger = api.request_when(&api.ask("Show the disk usage of db1 \u{1f642}").await, &ENDS).await;
    assert_eq!(outcomes(&stranger), [outcome("db1", "failed", Some(5503))], "{stranger:#}");
    let said = stranger["tasks"][0]["error"]["message"].as_str().expect("words");
    assert!(said.contains("Host key verification failed"), "{said}");

    hosts.know(&["web1", "web2", "db1"]);
    let group = api.request_when(&api.ask("How full are the disks of the web servers?").await, &ENDS).await;
    assert_eq!(outcomes(&group), [outcome("web1", "completed", None), outcome("web2", "completed", None)], "{group:#}");

    let id = api.ask("Deploy kuma to web1").await;
    let planned = api.request_when(&id, &["awaiting_approval", "needs_input", "failed"]).await;
    assert_eq!(planned["status"], "awaiting_approval", "{planned:#}");
    assert!(hosts.on("web1", &["ls", "/opt/kuma"]).contains("No such file"), "a dry run writes nothing");
    assert_eq!(api.approve(&planned).await.0, 200);
    let done = api.request_when(&id, &ENDS).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    assert!(hosts.on("web1", &["cat", "/opt/kuma/compose.yml"]).contains("louislam/uptime-kuma"), "{done:#}");
    assert!(hosts.on("web2", &["ls", "/opt/kuma"]).contains("No such file"), "nobody asked for web2");

    hosts.off("web2");
    let half = api.request_when(&api.ask("How full are the disks of the web servers?").await, &ENDS).await;
    assert_eq!(half["status"], "failed", "{half:#}");
    assert_eq!(outcomes(&half), [outcome("web1", "completed", None), outcome("web2", "failed", Some(5503))], "{half:#}");

    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    // ssh keeps a connection for a minute, to be used again (`ControlPersist`), as long as there is the other end.
    drop(hosts);
    home.assert_nothing_left();
}
