//! What a newcomer could ask for, of the hosts and actions that are there.

use serde_json::Value;

use crate::client::{Api, rows};
use crate::show::table::text;

/// Two wishes at most.
pub async fn wishes(api: &Api, has_demo_host: bool) -> Vec<String> {
    if has_demo_host {
        return ["How full are the disks on nas?", "Deploy Kuma Uptime to nas and add our existing portals"].map(str::to_owned).to_vec();
    }
    let agents = api.get("/agents", &[]).await.unwrap_or_default();
    let actions = api.get("/actions", &[]).await.unwrap_or_default();
    of(&agents, &actions)
}

fn of(agents: &Value, actions: &Value) -> Vec<String> {
    let groups = |agent: &Value| agent["hosts"].as_object().into_iter().flatten().map(|(_, hosts)| hosts.clone()).collect::<Vec<_>>();
    let hosts = |hosts: Value| hosts.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let known: Vec<String> = rows(agents).flat_map(groups).flat_map(hosts).collect();
    let has_disk_report = rows(actions).any(|action| action["name"] == "disk_report");
    if let Some(host) = known.first().filter(|_| has_disk_report) {
        return vec![format!("How full are the disks on {host}?")];
    }
    let examples = rows(actions).flat_map(|action| action["examples"].as_array().into_iter().flatten()).map(text);
    // An example that names a host of somebody else's would only be asked back.
    examples.filter(|example| known.iter().any(|host| example.split_whitespace().any(|word| word == host))).take(2).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tips_name_hosts_that_are_there_and_no_others() {
        let agents = json!({"items": [{"hosts": null}, {"hosts": {"all": ["pi"], "web": []}}]});
        let report = json!({"items": [{"name": "disk_report", "examples": ["How full are the disks on nas?"]}]});
        assert_eq!(of(&agents, &report), ["How full are the disks on pi?"]);
        let walk = json!({"items": [{"name": "walk", "examples": ["walk on nas", "walk on pi"]}]});
        assert_eq!(of(&agents, &walk), ["walk on pi"]);
        assert!(of(&Value::Null, &walk).is_empty());
    }
}
