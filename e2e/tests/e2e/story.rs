//! The main job through `chiffon up`: asked, discovered, previewed, revised, approved, run, recorded.

use std::time::Duration;

use chiffon_e2e::{Api, Home, eventually};
use serde_json::{Value, json};

const WISH: &str = "Deploy Kuma Uptime to nas and add our existing portals";

async fn commit_of(api: &Api, id: &str) -> Value {
    eventually("the commit is named", || async {
        let request = api.request(id).await;
        if request["commits"].as_array().is_some_and(|commits| !commits.is_empty()) { Ok(request) } else { Err(request.to_string()) }
    })
    .await
}

fn diffs(request: &Value) -> String {
    let steps = request["plan"]["steps"].as_array().expect("steps");
    let changes = steps.iter().flat_map(|step| step["preview"]["changes"].as_array().into_iter().flatten());
    changes.filter_map(|change| change["diff"].as_str()).collect()
}

/// The story as its users live it; `driver` is the bus.
async fn told_on(driver: &str) {
    let home = Home::new();
    let mut up = home.up(&["--bus", driver]);
    let api = home.api();

    let id = api.ask(WISH).await;
    let planned = api.request_when(&id, &["awaiting_approval", "needs_input", "failed"]).await;
    assert_eq!(planned["status"], "awaiting_approval", "{planned:#}");
    let steps = planned["plan"]["steps"].as_array().expect("steps");
    assert!(steps.len() >= 2, "{steps:#?}");
    assert!(steps[1]["depends_on"].as_array().expect("list").contains(&steps[0]["step_id"]), "{steps:#?}");
    assert_eq!(planned["plan"]["planned_by"]["provider"], "offline");
    let portals = steps[1]["parameters"]["portals"].as_array().expect("the discovered portals are frozen into the plan");
    assert!(portals.len() >= 3, "a compose file, an nginx site and a listening service: {portals:#?}");
    let diff = diffs(&planned);
    for portal in portals {
        let url = portal["url"].as_str().expect("a url");
        assert!(diff.contains(url), "the dry run's diff shows the monitor of {url}:\n{diff}");
    }
    assert!(!home.data_dir().join("demo/nas/opt/kuma").exists(), "nothing is changed before the approval");

    let body = json!({"request_id": id, "plan_sha256": planned["plan"]["sha256"], "decision": "revise", "comment": "Use port 3002"});
    assert_eq!(api.post("/approve", &body).await.0, 200);
    let revised = eventually("the plan is revised", || async {
        let request = api.request(&id).await;
        if request["status"] == "awaiting_approval" && request["plan"]["revision"] == 2 { Ok(request) } else { Err(request.to_string()) }
    })
    .await;
    assert_eq!(revised["plan"]["steps"][1]["parameters"]["port"], 3002);
    let stale = api.approve(&planned).await;
    assert_eq!((stale.0, &stale.1["code"]), (409, &json!(5107)), "{}", stale.1);

    assert_eq!(api.approve(&revised).await.0, 200);
    let twice = api.approve(&revised).await;
    assert_eq!((twice.0, &twice.1["code"]), (409, &json!(5108)), "{}", twice.1);
    let done = api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    let warnings = done["tasks"].as_array().into_iter().flatten().filter_map(|task| task["warnings"].as_array()).flatten();
    let warned: Vec<&Value> = warnings.filter(|text| text.as_str().is_none_or(|text| text.contains("preview"))).collect();
    assert!(warned.is_empty(), "the run did what was foretold: {warned:#?}");
    recorded(&home, &api, &id).await;
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    home.assert_nothing_left();
}

async fn recorded(home: &Home, api: &Api, id: &str) {
    commit_of(api, id).await;
    let log = home.git(&["log", "-1", "--format=%s%n%(trailers)"]);
    assert!(log.starts_with("infra("), "{log}");
    assert!(log.contains("Deploy Kuma to nas"), "{log}");
    for trailer in
        ["Request-Id", "Task-Id", "Requested-By", "Approved-By", "Agent", "Outcome", "Duration", "Cost", "Trace-Id", "Audit-Head"]
    {
        assert!(log.contains(&format!("{trailer}: ")), "{trailer} is missing:\n{log}");
    }
    assert!(home.git(&["blame", "main", "--", "hosts/nas/kuma.yml"]).contains(id), "blame names the request");
    let timeline = home.succeed(&["sql", &format!("SELECT event FROM request_timeline WHERE request_id = '{id}'")]);
    for event in ["request.submitted", "plan.approved"] {
        assert!(timeline.contains(event), "{event} is missing:\n{timeline}");
    }
    let refused = home.run(&["sql", "DELETE FROM requests"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    home.succeed(&["audit", "verify"]);
    home.succeed(&["why", id]);
    let shown = home.succeed(&["show", id]);
    assert!(shown.contains("completed") && shown.contains("Deploy Kuma"), "{shown}");
    assert!(home.data_dir().join("demo/nas/opt/kuma").exists(), "the host was changed");
}

#[tokio::test]
async fn the_story_is_told_over_rabbitmq() {
    told_on("rabbitmq").await;
}

#[tokio::test]
async fn the_story_is_told_without_a_broker() {
    told_on("memory").await;
}

/// The code of the sign-in link in a text, which stands on a line of its own.
fn code(said: &str, address: &str) -> Option<String> {
    let begins = format!("{address}/ui/signin#code=");
    said.lines().find_map(|line| line.trim().strip_prefix(&begins)).map(str::to_owned)
}

#[tokio::test]
async fn a_browser_is_signed_in_by_the_link_that_is_printed_and_others_by_links_that_are_made() {
    let home = Home::new();
    let up = home.up(&["--bus", "memory"]);
    let api = home.api();
    let address = api.address().to_owned();
    let own = eventually("the link is printed", || async { code(&up.said(), &address).ok_or_else(|| up.said()) }).await;
    let signed_in = api.post("/session", &json!({"code": own})).await;
    assert_eq!((signed_in.0, &signed_in.1["name"], &signed_in.1["role"]), (201, &json!("operator"), &json!("admin")), "{}", signed_in.1);
    assert_eq!(api.post("/session", &json!({"code": own})).await.0, 401, "a link works once");

    let unknown = home.run(&["login", "bob"]).expect_code(1);
    assert!(unknown.stderr.contains("`bob` is new here: say what they may do"), "{}", unknown.stderr);
    let printed = home.succeed(&["login", "bob", "--role", "approver"]);
    assert_eq!(printed.lines().count(), 1, "a link can be piped on: {printed}");
    let signed_in = api.post("/session", &json!({"code": code(&printed, &address)})).await;
    assert_eq!((signed_in.0, &signed_in.1["name"], &signed_in.1["role"]), (201, &json!("bob"), &json!("approver")), "{}", signed_in.1);
}

#[tokio::test]
async fn a_plan_is_rejected_and_another_cancelled_and_nothing_was_changed() {
    let home = Home::new();
    let _up = home.up(&["--bus", "memory"]);
    let api = home.api();
    let (one, other) = (api.ask(WISH).await, api.ask(WISH).await);
    api.request_when(&one, &["awaiting_approval"]).await;
    api.request_when(&other, &["awaiting_approval"]).await;
    home.succeed(&["reject", &one]);
    assert_eq!(api.request(&one).await["status"], "rejected");
    home.succeed(&["cancel", &other]);
    assert_eq!(api.request(&other).await["status"], "cancelled");
    let finished = home.run(&["cancel", &other]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("5109"), "{}", finished.stderr);
    assert!(!home.data_dir().join("demo/nas/opt/kuma").exists());
}

#[tokio::test]
async fn the_command_line_asks_shows_and_streams() {
    let home = Home::new();
    let _up = home.up(&["--bus", "memory"]);
    let told = home.succeed(&["request", "--yes", "How full are the disks on nas?"]);
    assert!(told.contains("completed"), "{told}");
    let json = home.succeed(&["-o", "json", "requests"]);
    let listed: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(listed["items"][0]["status"], "completed");
    for verb in [
        &["agents"][..],
        &["actions"],
        &["actions", "deploy_kuma"],
        &["costs"],
        &["question", "who-asks"],
        &["audit", "log"],
        &["dead-letters", "list"],
        &["token", "list"],
        &["key", "show"],
        &["doctor"],
        &["config", "dump"],
        &["explain", "5107"],
    ] {
        home.succeed(verb);
    }
    let token = home.succeed(&["token", "create", "mallory", "--role", "requester"]);
    let requester = home.api().with_token(token.trim());
    let id = requester.ask(WISH).await;
    let planned = requester.request_when(&id, &["awaiting_approval"]).await;
    let refused = requester.approve(&planned).await;
    assert_eq!((refused.0, &refused.1["code"]), (403, &json!(5701)), "{}", refused.1);
    assert!(refused.1["message"].as_str().expect("words").contains("approver"), "{}", refused.1);
}

#[test]
fn the_demo_plays_the_whole_story_and_exits_0() {
    let home = Home::new();
    let catalogue = Home::catalogue();
    let told = home.succeed(&["up", "--demo", "--listen", "127.0.0.1:0", "--playbooks", catalogue.to_str().expect("UTF-8")]);
    assert!(told.contains("Use port 3002") && told.contains("That is the story."), "{told}");
    home.assert_nothing_left();
}
