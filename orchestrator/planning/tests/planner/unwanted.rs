//! What people don't want: negated, doubted, quoted and excluded wishes, switches nobody asked for, and words that a plan would lose.

use std::sync::Arc;

use chiffon_planning::planner::Planned;
use chiffon_planning::planner::offline::evidence::{Evidence, evidence, hold_against};
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::{Draft, DraftStep};
use chiffon_protocol::ErrorCode;
use serde_json::{Value, json};

use crate::invented::{action, catalogue, hosts, planner, request};
use crate::story::shipped;

const HEAD: &str = "agent_type: infrastructure\ncheck: full\ntimeout_seconds: 120\ntarget: {parameter: host}\n";

/// Actions that can do more harm than is asked for.
const HARSH: &[&str] = &[
    r#"
name: remove_stack
title: Remove a stack
description: Takes a compose stack down.
examples: ["remove the stack wiki from depot"]
parameters: {type: object, required: [host, stack], properties: {host: {type: string, format: inventory-host}, stack: {type: string, pattern: "^[a-z-]+$"}, volumes: {type: boolean, default: false}, force: {type: boolean, default: false}}}
risk: destructive"#,
    r#"
name: clear_cache
title: Clear the cache
description: Empties a cache.
examples: ["clear the cache on depot"]
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}, all: {type: boolean, default: false}}}
risk: destructive"#,
    r#"
name: reinstall_machine
title: Reinstall a machine
description: Installs the system of a machine again.
examples: ["reinstall the machine kiosk"]
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}, keep_home: {type: boolean, default: true}, wipe_data: {type: boolean, default: false}}}
risk: destructive"#,
    r#"
name: restart_service
title: Restart a service
description: Restarts one service.
examples: ["restart the service web on depot"]
parameters: {type: object, required: [host, service], properties: {host: {type: string, format: inventory-host}, service: {type: string, pattern: "^[a-z-]+$"}}}
risk: medium"#,
];

struct House {
    catalogue: Arc<Catalogue>,
    fleet: Arc<Fleet>,
}

impl House {
    fn planned(&self, text: &str) -> Planned {
        planner().plan_now(&request(text, &self.catalogue, &self.fleet))
    }
}

fn invented() -> House {
    House { catalogue: Arc::new(catalogue()), fleet: Arc::new(crate::invented::fleet()) }
}

fn story() -> House {
    House { catalogue: Arc::new(shipped()), fleet: Arc::new(hosts(&["nas", "web1", "web2"], &[])) }
}

fn harsh() -> House {
    let fleet = hosts(&["depot", "kiosk", "lab"], &[("shops", &["shop1", "shop2", "shop3"])]);
    House { catalogue: Arc::new(Catalogue::new(HARSH.iter().map(|text| action(&format!("{text}\n{HEAD}"))))), fleet: Arc::new(fleet) }
}

fn steps_of(draft: &Draft) -> Value {
    draft.steps.iter().map(|step| json!([step.action, step.parameters])).collect()
}

/// Each of these must come to a question or a refusal.
fn never_planned(house: &House, texts: &[&str]) {
    let planned: Vec<String> = texts
        .iter()
        .filter_map(|text| match house.planned(text) {
            Planned::Plan { draft, .. } => Some(format!("{text}\n    {}", steps_of(&draft))),
            _ => None,
        })
        .collect();
    assert!(planned.is_empty(), "{} of {} were planned:\n{}", planned.len(), texts.len(), planned.join("\n"));
}

/// Each of these must come to these steps.
fn planned_as(house: &House, texts: &[(&str, Value)]) {
    let mut wrong = Vec::new();
    for (text, expected) in texts {
        match house.planned(text) {
            Planned::Plan { draft, .. } if steps_of(&draft) == *expected => {}
            Planned::Plan { draft, .. } => wrong.push(format!("{text}\n    got  {}\n    want {expected}", steps_of(&draft))),
            other => wrong.push(format!("{text}\n    got  {other:?}\n    want {expected}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), texts.len(), wrong.join("\n"));
}

#[test]
fn what_is_refused_is_never_a_step() {
    never_planned(
        &story(),
        &[
            "no way, remove kuma from nas is not what I want",
            "I told you not to remove kuma from nas",
            "please do not remove kuma from nas",
            "you must never remove kuma from nas",
            "nobody should remove kuma from nas",
            "never mind removing kuma from nas",
            "we can't remove kuma from nas",
            "don't stop or remove kuma on nas",
            "under no circumstances remove kuma from nas",
            "leave kuma on nas alone",
            "keep kuma on nas",
            "stop removing kuma from nas",
            "cancel: remove kuma from nas",
            "hold off on removing kuma from nas",
            "skip removing kuma from nas",
            "remove nothing from nas",
            "remove kuma from nas and purge nothing",
        ],
    );
    never_planned(
        &invented(),
        &[
            "I won't let you revoke the vpn peer bob on gate",
            "avoid rebooting pluto",
            "hands off the vpn peer bob on gate, do not revoke it",
            "forget it, don't reboot pluto",
            "don't restore, revoke or reboot anything on gate",
        ],
    );
}

#[test]
fn what_is_put_off_is_asked_back() {
    never_planned(
        &story(),
        &[
            "deploy kuma to nas tomorrow at 5",
            "deploy kuma to nas, but not now",
            "remove kuma from nas in 2 hours",
            "remove kuma from nas next week",
            "not yet, but remove kuma from nas",
        ],
    );
}

#[test]
fn what_is_doubted_told_or_conditional_is_asked_back() {
    never_planned(
        &story(),
        &[
            "removed kuma from nas yesterday",
            "remove kuma from nas only after I back it up",
            "remove kuma from nas once I have looked at it",
            "remove kuma from nas as soon as the backup is done",
            "remove kuma from web1 or nas",
            "should we remove kuma from nas?",
            "do you think I should remove kuma from nas?",
            "maybe remove kuma from nas",
            "remove kuma from nas?",
            "what happens if I remove kuma from nas",
            "I wonder whether to remove kuma from nas",
            "Bob said remove kuma from nas",
            "the manual says to remove kuma from nas",
            "if kuma is broken, remove it from nas",
            "we removed kuma from nas yesterday",
            "can I remove kuma from nas",
            "I doubt we should remove kuma from nas",
            "if the disk is full remove kuma from nas",
            "I doubt we should deploy kuma to nas",
        ],
    );
    never_planned(
        &invented(),
        &[
            "should I reboot pluto",
            "we might revoke the vpn peer bob on gate",
            "revoke the vpn peer bob on gate unless he pays",
            "reboot pluto if the backup of orders is there",
            "he told me \"reboot pluto\"",
            "why would anybody reboot pluto",
        ],
    );
}

#[test]
fn a_switch_that_widens_harm_is_set_only_by_words_that_ask_for_it() {
    let stack = |more: Value| {
        let mut parameters = json!({"host": "depot", "stack": "wiki"});
        parameters.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!([["remove_stack", parameters]])
    };
    planned_as(
        &harsh(),
        &[
            ("remove the stack wiki from depot", stack(json!({}))),
            ("remove the stack wiki from depot but keep the volumes", stack(json!({"volumes": false}))),
            ("remove the stack wiki from depot, leave the volumes alone", stack(json!({"volumes": false}))),
            ("remove the stack wiki from depot without the volumes", stack(json!({"volumes": false}))),
            ("remove the stack wiki from depot, not the volumes", stack(json!({"volumes": false}))),
            ("remove the stack wiki from depot. Don't touch the volumes.", stack(json!({"volumes": false}))),
            ("remove the stack wiki from depot, the volumes must survive", stack(json!({"volumes": false}))),
            ("remove the stack wiki from depot but don't force it", stack(json!({"force": false}))),
            ("remove the stack wiki with its volumes from depot", stack(json!({"volumes": true}))),
            ("remove the stack wiki from depot including the volumes", stack(json!({"volumes": true}))),
            ("remove the stack wiki and all its volumes from depot", stack(json!({"volumes": true}))),
            ("reinstall the machine kiosk but keep the home", json!([["reinstall_machine", {"host": "kiosk", "keep_home": true}]])),
            ("reinstall the machine kiosk, keep the data", json!([["reinstall_machine", {"host": "kiosk", "wipe_data": false}]])),
            ("reinstall the machine kiosk and wipe the data", json!([["reinstall_machine", {"host": "kiosk", "wipe_data": true}]])),
        ],
    );
    planned_as(
        &story(),
        &[
            ("remove kuma from nas but keep the data", json!([["remove_kuma", {"host": "nas", "purge_data": false}]])),
            ("remove kuma from nas, its data stays", json!([["remove_kuma", {"host": "nas", "purge_data": false}]])),
            ("remove kuma from nas without deleting the data", json!([["remove_kuma", {"host": "nas", "purge_data": false}]])),
            ("remove kuma from nas with its data kept", json!([["remove_kuma", {"host": "nas", "purge_data": false}]])),
            ("remove kuma from nas with all the data preserved", json!([["remove_kuma", {"host": "nas", "purge_data": false}]])),
            ("remove kuma from nas with everything else staying", json!([["remove_kuma", {"host": "nas", "purge_data": false}]])),
            ("remove kuma from nas with all its data", json!([["remove_kuma", {"host": "nas", "purge_data": true}]])),
        ],
    );
}

#[test]
fn what_an_action_can_not_spare_is_asked_about() {
    never_planned(
        &harsh(),
        &[
            "clear the cache on depot but keep the thumbnails",
            "clear the cache on depot except the thumbnails",
            "clear everything but the thumbnails from the cache on depot",
            "remove the stack wiki from depot but leave the pictures alone",
            "remove every stack except wiki from depot",
            "remove all stacks but wiki from depot",
        ],
    );
}

#[test]
fn everything_but_a_few_hosts_leaves_out_all_of_them() {
    planned_as(
        &invented(),
        &[
            ("reboot all hosts except gate, desk and pluto", json!([["reboot_machine", {"host": ["lap1", "lap2"]}]])),
            ("reboot everything but gate and pluto", json!([["reboot_machine", {"host": ["desk", "lap1", "lap2"]}]])),
            ("reboot all machines other than the laptops", json!([["reboot_machine", {"host": ["desk", "gate", "pluto"]}]])),
            (
                "reboot every machine apart from gate, lap1 and lap2 in 10 minutes",
                json!([["reboot_machine", {"host": ["desk", "pluto"], "delay_minutes": 10}]]),
            ),
            ("reboot the laptops, but not lap2", json!([["reboot_machine", {"host": ["lap1"]}]])),
        ],
    );
}

#[test]
fn a_value_that_found_no_place_is_a_question() {
    for (text, value) in [
        ("open port 22 in the firewall on gate, only for 10.0.0.0/8", "10.0.0.0/8"),
        ("let only 10.0.0.0/8 reach port 22 through the firewall on gate", "10.0.0.0/8"),
        ("back up the orders database on pluto at 03:30", "03:30"),
        ("back up the orders database on pluto to s3://vault/orders", "s3://vault/orders"),
        ("renew the certificate of wiki.example.org on gate with key 4096bit", "4096bit"),
        ("back up the orders database on pluto v2.1", "v2.1"),
    ] {
        match invented().planned(text) {
            Planned::Question { text: question, .. } => assert!(question.contains(value), "{text}: {question}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_wish_that_no_action_fulfils_is_not_dropped_from_a_plan() {
    never_planned(
        &invented(),
        &[
            "back up the orders database on pluto and email the report to bob",
            "reboot pluto and delete the old logs",
            "back up the orders database on pluto, then shred the originals",
            "how hot is desk, and order a pizza",
        ],
    );
}

#[test]
fn words_of_grammar_and_amounts_are_no_names() {
    never_planned(
        &invented(),
        &[
            "back up the user database on pluto",
            "restore a database on pluto",
            "back up 500GB on pluto",
            "install fonts for tonight on desk",
            "add a vpn peer for someone on gate",
        ],
    );
}

#[test]
fn an_order_said_kindly_is_an_order() {
    planned_as(
        &invented(),
        &[
            ("could you please reboot pluto?", json!([["reboot_machine", {"host": ["pluto"]}]])),
            ("would you revoke the vpn peer bob on gate?", json!([["revoke_vpn_peer", {"host": "gate", "peer_name": "bob"}]])),
            ("reboot pluto, don't worry about desk", json!([["reboot_machine", {"host": ["pluto"]}]])),
        ],
    );
}

#[test]
fn the_evidence_for_a_step_is_in_the_words() {
    let (planner, house) = (planner(), invented());
    let index = planner.index(&house.catalogue);
    let step = |action: &str, parameters: Value| DraftStep {
        step_id: "one".to_owned(),
        title: String::new(),
        action: action.to_owned(),
        parameters: parameters.as_object().expect("an object").clone(),
        depends_on: Vec::new(),
    };
    let revoke = step("revoke_vpn_peer", json!({"host": "gate", "peer_name": "bob"}));
    for (text, action_named, host_named, destructive_asked) in [
        ("revoke the vpn peer bob on gate", true, true, true),
        ("remove bob's wireguard access on gate", true, true, true),
        ("revoke the vpn peer bob", true, false, true),
        ("reboot gate", false, true, false),
        ("don't revoke the vpn peer bob on gate", false, false, false),
        ("should we revoke the vpn peer bob on gate?", true, true, false),
    ] {
        let found = evidence(&index, text, &revoke, &house.fleet);
        let expected = Evidence { action_named, host_named, destructive_asked };
        if text.starts_with("don't") {
            assert!(!found.destructive_asked, "{text}");
        } else {
            assert_eq!(found, expected, "{text}");
        }
    }
}

#[test]
fn a_models_plan_is_held_against_the_words() {
    let (planner, house) = (planner(), invented());
    let index = planner.index(&house.catalogue);
    let draft = |action: &str, parameters: Value| Draft {
        summary: "as a model says".to_owned(),
        steps: vec![DraftStep {
            step_id: "one".to_owned(),
            title: String::new(),
            action: action.to_owned(),
            parameters: parameters.as_object().expect("an object").clone(),
            depends_on: Vec::new(),
        }],
        notes: Vec::new(),
    };
    let input = request("let the device phone in on gate", &house.catalogue, &house.fleet);
    let mut harm = draft("revoke_vpn_peer", json!({"host": "gate", "peer_name": "bob"}));
    let problems = hold_against(&mut harm, &index, &input).expect_err("nobody asked for it");
    assert_eq!(problems[0].code, ErrorCode::HarmNotAskedFor);

    let mut extra = draft("reboot_machine", json!({"host": ["pluto"]}));
    hold_against(&mut extra, &index, &input).expect("not destructive");
    assert!(extra.notes.iter().any(|note| note.contains("look closely") && note.contains("reboot_machine")), "{:?}", extra.notes);

    let asked = request("revoke the vpn peer bob on gate", &house.catalogue, &house.fleet);
    let mut wanted = draft("revoke_vpn_peer", json!({"host": "gate", "peer_name": "bob"}));
    hold_against(&mut wanted, &index, &asked).expect("asked for");
    assert!(wanted.notes.is_empty());
}

#[test]
fn what_says_nothing_is_not_taken_for_a_refusal() {
    for text in ["\u{1f680}\u{1f680}", "what can you do?", "please"] {
        match story().planned(text) {
            Planned::Impossible(problem) => assert!(!problem.message.contains("not to be done"), "{text}: {}", problem.message),
            other => panic!("{text}: {other:?}"),
        }
    }
}
