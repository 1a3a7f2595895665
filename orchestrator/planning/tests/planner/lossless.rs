//! Requests and changes of which a reading would lose or widen something: they are asked about, or planned whole.

use std::sync::Arc;

use chiffon_planning::planner::{Planned, Planner, Turn};
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::fleet::Fleet;
use serde_json::{Value, json};

use crate::invented::{self, hosts, planner, request};
use crate::story::shipped;

/// Machines, two of which are called like things that actions are about.
fn machines() -> Fleet {
    hosts(&["nas", "web1", "kuma", "backup"], &[("pis", &["pi01", "pi02"])])
}

fn planned(text: &str, catalogue: Catalogue, fleet: Fleet) -> Result<Value, String> {
    match planner().plan_now(&request(text, &Arc::new(catalogue), &Arc::new(fleet))) {
        Planned::Plan { draft, .. } => Ok(draft.steps.iter().map(|step| json!([step.action, step.parameters])).collect()),
        Planned::Question { text, .. } => Err(text),
        Planned::Impossible(problem) => Err(problem.message),
    }
}

#[test]
fn what_a_plan_would_lose_or_widen_is_not_planned() {
    for text in [
        // A word alone, or how something should be, is no thing to install.
        "make it blue",
        "make nas blue",
        "blue",
        "htop",
        "add it",
        // A second wish, of which only the host would be left.
        "install htop and reboot nas",
        "deploy kuma to nas and remove it from web1",
        // A second list on a second machine.
        "install htop on nas and curl on web1",
        "install htop on nas, curl on web1",
        "add the portals of nas to kuma on web1",
        // Values of something else.
        "install htop=3.2 on nas",
        "install htop version 3.2 on nas",
        "deploy kuma to nas with 4 GB of memory",
        "open port 80 on nas",
        // Rest is not removal.
        "stop kuma on nas",
    ] {
        let planned = planned(text, shipped(), hosts(&["nas", "web1"], &[]));
        assert!(planned.is_err(), "{text}: {planned:?}");
    }
    let more = planned("back up orders and customers on pluto", invented::catalogue(), invented::fleet());
    assert!(more.clone().is_err_and(|asked| asked.contains("customers")), "{more:?}");
}

#[test]
fn a_machine_that_is_called_like_a_thing_is_a_place_only_where_a_word_of_place_says_so() {
    for (text, expected) in [
        ("deploy kuma to nas", json!([["deploy_kuma", {"host": "nas"}]])),
        ("deploy kuma to kuma", json!([["deploy_kuma", {"host": "kuma"}]])),
        ("deploy kuma to nas and kuma", json!([["deploy_kuma", {"host": "nas"}], ["deploy_kuma", {"host": "kuma"}]])),
        ("remove kuma from nas", json!([["remove_kuma", {"host": "nas"}]])),
        ("stop and remove kuma from kuma", json!([["remove_kuma", {"host": "kuma"}]])),
        ("deploy kuma to nas instead of web1", json!([["deploy_kuma", {"host": "nas"}]])),
        ("add http://a.lan to kuma on nas", json!([["add_portals", {"host": "nas", "portals": [{"name": "a", "url": "http://a.lan"}]}]])),
        ("how full is kuma", json!([["disk_report", {"host": "kuma"}]])),
        ("install backup on backup", json!("asked")),
        ("remove kuma", json!("asked")),
    ] {
        match planned(text, shipped(), machines()) {
            Ok(steps) => assert_eq!(steps, expected, "{text}"),
            Err(asked) => assert_eq!(expected, json!("asked"), "{text}: {asked}"),
        }
    }
}

/// The steps after a change, or `None` where the plan stands.
async fn changed(first: &str, change: &str) -> Option<Value> {
    let mut input = request(first, &Arc::new(shipped()), &Arc::new(hosts(&["nas", "web1"], &[])));
    let planner = planner();
    let Planned::Plan { draft, planned_by } = planner.plan_now(&input) else { panic!("{first} is planned") };
    input.previous = Some(input.assembled(&draft, &planned_by).expect("a plan"));
    input.conversation.push(Turn { from_user: true, text: change.to_owned() });
    if planner.unchanged(&input).await.is_some() {
        return None;
    }
    match planner.plan_now(&input) {
        Planned::Plan { draft, .. } => Some(draft.steps.iter().map(|step| json!([step.action, step.parameters])).collect()),
        other => panic!("{first} / {change} is neither unchanged nor a plan: {other:?}"),
    }
}

const INSTALL: &str = "install htop and curl on nas";
const WATCH: &str = "add http://photos.lan and http://wiki.lan to kuma on nas";
const KUMA: &str = "deploy kuma to nas with our portals";
const WEB: &str = "run the container image nginx:1.27 as web on nas";

#[test]
fn one_of_several_machines_is_asked_about_in_a_request_and_in_a_change() {
    let fleet = || hosts(&["nas", "web.alpha.lan", "web.beta.lan"], &[("pis", &["pi01", "pi02"])]);
    for text in ["install htop on the first pis", "install htop on one of the pis", "install htop on any of my pis", "install htop on web"]
    {
        let planned = planned(text, shipped(), fleet());
        assert!(planned.clone().is_err_and(|asked| asked.contains("There are: ")), "{text}: {planned:?}");
    }
    assert_eq!(planned("install htop on all pis", shipped(), fleet()), planned("install htop on the pis", shipped(), fleet()));
    for change in ["on web instead", "also on web", "on the first pis instead", "one of the pis"] {
        let mut input = request("install htop on nas", &Arc::new(shipped()), &Arc::new(fleet()));
        let planner = planner();
        let Planned::Plan { draft, planned_by } = planner.plan_now(&input) else { panic!("it is planned") };
        input.previous = Some(input.assembled(&draft, &planned_by).expect("a plan"));
        input.conversation.push(Turn { from_user: true, text: change.to_owned() });
        match planner.plan_now(&input) {
            Planned::Question { text, .. } => assert!(text.contains("There are: "), "{change}: {text}"),
            other => panic!("{change}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn words_without_a_place_in_a_plan_leave_it_standing() {
    for first in [INSTALL, WATCH, KUMA, WEB, "remove kuma from nas", "how full are the disks on nas", "find the portals on nas"] {
        for change in
            ["make it blue", "make it faster", "paint it blue", "blue", "make it 2 of them", "call it web1", "never mind", "sooner"]
        {
            assert_eq!(changed(first, change).await, None, "{first} / {change}");
        }
    }
    for (first, change) in
        [(INSTALL, "without htop and curl"), (INSTALL, "replace htop with HTOP!"), (WEB, "make it 2"), (WATCH, "drop http://other.lan")]
    {
        assert_eq!(changed(first, change).await, None, "{first} / {change}");
    }
}

#[tokio::test]
async fn what_is_left_out_by_a_name_that_the_plan_does_not_have_changes_nothing() {
    for change in ["don't monitor jellyfin", "without jellyfin", "leave out the wiki", "use port 3002 and leave out the wiki"] {
        assert_eq!(changed(KUMA, change).await, None, "{change}");
    }
}

#[tokio::test]
async fn what_is_doubted_put_off_told_or_conditional_sets_no_switch_in_a_change() {
    for change in [
        "I doubt the data should be purged",
        "delete the data tomorrow",
        "delete the data, but not now",
        "maybe purge the data",
        "they said delete the data",
        "if it is old delete the data",
        "delete the data in 2 days",
    ] {
        assert_eq!(changed("remove kuma from nas but keep the data", change).await, None, "{change}");
    }
}

#[test]
fn a_host_that_is_left_out_is_not_meant_because_it_is_the_only_one() {
    for text in ["deploy kuma to everything except nas", "deploy kuma but not on nas"] {
        planned(text, shipped(), hosts(&["nas"], &[])).expect_err(text);
    }
}

#[tokio::test]
async fn a_change_of_which_a_part_found_no_place_changes_nothing() {
    for change in ["use port 3003 and the name kuma2", "make it faster and use port 3003", "use port 3003 for the boss"] {
        assert_eq!(changed(KUMA, change).await, None, "{change}");
    }
    assert!(changed(KUMA, "please use port 3003 instead").await.is_some());
}

#[tokio::test]
async fn a_value_is_taken_out_replaced_or_added_and_the_others_stay() {
    for (first, change, parameter, expected) in [
        (INSTALL, "not htop", "packages", json!(["curl"])),
        (INSTALL, "without curl", "packages", json!(["htop"])),
        (INSTALL, "drop htop", "packages", json!(["curl"])),
        (INSTALL, "replace htop with btop", "packages", json!(["btop", "curl"])),
        (INSTALL, "use btop instead of htop", "packages", json!(["btop", "curl"])),
        (INSTALL, "also install jq", "packages", json!(["htop", "curl", "jq"])),
        (WATCH, "without http://photos.lan", "portals", json!(["http://wiki.lan"])),
        (WATCH, "remove wiki", "portals", json!(["http://photos.lan"])),
        (WATCH, "also http://more.lan", "portals", json!(["http://photos.lan", "http://wiki.lan", "http://more.lan"])),
        (WATCH, "https://x.lan instead", "portals", json!(["https://x.lan"])),
        (KUMA, "remove the portals", "portals", Value::Null),
        (WEB, "call it blue", "name", json!("blue")),
        (WEB, "replace web with blue", "name", json!("blue")),
    ] {
        let steps = changed(first, change).await.unwrap_or_else(|| panic!("{first} / {change} changes nothing"));
        assert_eq!(steps.as_array().map(Vec::len), Some(1), "{first} / {change}: {steps}");
        let value = &steps[0][1][parameter];
        let urls = value
            .as_array()
            .filter(|items| items.iter().all(Value::is_object))
            .map(|items| items.iter().map(|item| item["url"].clone()).collect());
        assert_eq!(urls.unwrap_or_else(|| value.clone()), expected, "{first} / {change}");
    }
}
