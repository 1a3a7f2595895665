//! Sentences that nobody wrote the code for.

use std::sync::Arc;

use chiffon_planning::planner::{Planned, Turn};
use chiffon_plans::domain::plan::Draft;
use chiffon_protocol::ErrorCode;
use serde_json::{Value, json};

use crate::invented::{catalogue, fleet, planner, request};

fn planned(text: &str) -> Planned {
    planner().plan_now(&request(text, &Arc::new(catalogue()), &Arc::new(fleet())))
}

fn steps_of(draft: &Draft) -> Value {
    draft.steps.iter().map(|step| json!([step.action, step.parameters])).collect()
}

fn one(action: &str, parameters: &Value) -> Value {
    json!([[action, parameters]])
}

/// Each sentence with the steps it must come to.
fn sentences() -> Vec<(&'static str, Value)> {
    [names_and_machines(), games_and_printers(), doors_and_watches()].concat()
}

fn names_and_machines() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Please add a DNS record for photos.lan pointing to 10.0.0.12 on gate",
            one("create_dns_record", &json!({"host": "gate", "name": "photos.lan", "address": "10.0.0.12"})),
        ),
        (
            "create a domain entry grafana.lan with ip 10.1.2.3 at gate",
            one("create_dns_record", &json!({"host": "gate", "name": "grafana.lan", "address": "10.1.2.3"})),
        ),
        (
            "On gate, register the dns name nas.lan -> 192.168.1.4 with a ttl of 60",
            one("create_dns_record", &json!({"host": "gate", "name": "nas.lan", "address": "192.168.1.4", "ttl_seconds": 60})),
        ),
        ("remove the dns record photos.lan from gate", one("delete_dns_record", &json!({"host": "gate", "name": "photos.lan"}))),
        ("get rid of the dns entry old.lan on gate", one("delete_dns_record", &json!({"host": "gate", "name": "old.lan"}))),
        ("back up the invoices database on pluto", one("backup_database", &json!({"host": "pluto", "database": "invoices"}))),
        (
            "make a backup of the db customers on pluto and keep it 30 days",
            one("backup_database", &json!({"host": "pluto", "database": "customers", "keep_days": 30})),
        ),
        (
            "Could you dump the postgres database shop on pluto with compress on?",
            one("backup_database", &json!({"host": "pluto", "database": "shop", "compress": true})),
        ),
        (
            "snapshot database stock on pluto, retention 14",
            one("backup_database", &json!({"host": "pluto", "database": "stock", "keep_days": 14})),
        ),
        ("restore the invoices database on pluto", one("restore_database", &json!({"host": "pluto", "database": "invoices"}))),
        ("let a new wireguard device called phone in: add it on gate", one("add_vpn_peer", &json!({"host": "gate", "peer_name": "phone"}))),
        ("set up a vpn client for alice-laptop on gate", one("add_vpn_peer", &json!({"host": "gate", "peer_name": "alice-laptop"}))),
        (
            "create vpn peer bob on gate with full tunnel",
            one("add_vpn_peer", &json!({"host": "gate", "peer_name": "bob", "full_tunnel": true})),
        ),
        ("revoke the vpn peer bob on gate", one("revoke_vpn_peer", &json!({"host": "gate", "peer_name": "bob"}))),
        ("delete the wireguard device phone from gate", one("revoke_vpn_peer", &json!({"host": "gate", "peer_name": "phone"}))),
    ]
}

fn games_and_printers() -> Vec<(&'static str, Value)> {
    vec![
        ("spin up a minecraft server on pluto", one("start_game_server", &json!({"host": "pluto", "game": "minecraft"}))),
        (
            "we want to play valheim tonight, launch it on pluto for 6 friends",
            one("start_game_server", &json!({"host": "pluto", "game": "valheim", "players": 6})),
        ),
        (
            "start factorio on pluto on port 30000 with 12 players, difficulty hard",
            one("start_game_server", &json!({"host": "pluto", "game": "factorio", "players": 12, "port": 30000, "difficulty": "hard"})),
        ),
        ("shut down the minecraft server on pluto", one("stop_game_server", &json!({"host": "pluto", "game": "minecraft"}))),
        ("turn the valheim server on pluto off", one("stop_game_server", &json!({"host": "pluto", "game": "valheim"}))),
        ("what printers can desk see?", one("find_printers", &json!({"host": "desk"}))),
        ("look for printers around desk", one("find_printers", &json!({"host": "desk"}))),
        (
            "Set up a print queue on desk with our existing printers",
            json!([["find_printers", {"host": "desk"}], ["set_up_print_queue", {"host": "desk", "printers": "${steps.find.outputs.found}"}]]),
        ),
        ("set up cups on desk", one("set_up_print_queue", &json!({"host": "desk"}))),
        (
            "create a print queue on desk without the printers and no duplex",
            one("set_up_print_queue", &json!({"host": "desk", "duplex": false})),
        ),
        (
            "install the fonts inter, lora and fira-code on desk",
            one("install_fonts", &json!({"host": "desk", "fonts": ["inter", "lora", "fira-code"]})),
        ),
        ("put the typeface roboto on lap1", one("install_fonts", &json!({"host": "lap1", "fonts": ["roboto"]}))),
        (
            "instal fonts roboto on the laptops",
            json!([["install_fonts", {"host": "lap1", "fonts": ["roboto"]}], ["install_fonts", {"host": "lap2", "fonts": ["roboto"]}]]),
        ),
    ]
}

fn doors_and_watches() -> Vec<(&'static str, Value)> {
    vec![
        ("kick the vpn peer carol off gate", one("revoke_vpn_peer", &json!({"host": "gate", "peer_name": "carol"}))),
        ("kill the valheim server on pluto", one("stop_game_server", &json!({"host": "pluto", "game": "valheim"}))),
        ("save a copy of the orders db on pluto", one("backup_database", &json!({"host": "pluto", "database": "orders"}))),
        (
            "share our printers from desk via cups",
            json!([["find_printers", {"host": "desk"}], ["set_up_print_queue", {"host": "desk", "printers": "${steps.find.outputs.found}"}]]),
        ),
        (
            "allow udp 1194 through the firewall on gate",
            one("open_firewall_port", &json!({"host": "gate", "port": 1194, "protocol": "udp"})),
        ),
        ("please power cycle desk", one("reboot_machine", &json!({"host": ["desk"]}))),
        ("list printers on lap1 and lap2", json!([["find_printers", {"host": "lap1"}], ["find_printers", {"host": "lap2"}]])),
        (
            "open port 51820 udp in the firewall on gate",
            one("open_firewall_port", &json!({"host": "gate", "port": 51820, "protocol": "udp"})),
        ),
        ("firewall on gate: open 443", one("open_firewall_port", &json!({"host": "gate", "port": 443}))),
        ("reboot pluto and desk", one("reboot_machine", &json!({"host": ["pluto", "desk"]}))),
        ("restart the machine lap2 in 10 minutes", one("reboot_machine", &json!({"host": ["lap2"], "delay_minutes": 10}))),
        ("reboot all hosts except gate", one("reboot_machine", &json!({"host": ["desk", "lap1", "lap2", "pluto"]}))),
        ("how hot is desk right now?", one("temperature_report", &json!({"host": "desk"}))),
        ("show me the sensors of pluto", one("temperature_report", &json!({"host": "pluto"}))),
        (
            "renew the tls cert of shop.example.org on gate, mail admin@example.org",
            one("renew_certificate", &json!({"host": "gate", "domain": "shop.example.org", "contact": "admin@example.org"})),
        ),
        (
            "Get a fresh certificate for wiki.example.org on gate",
            one("renew_certificate", &json!({"host": "gate", "domain": "wiki.example.org"})),
        ),
        (
            "watch https://wiki.example.org and http://10.0.0.5:8080/ from gate every 10 minutes",
            one(
                "watch_pages",
                &json!({"host": "gate", "pages": [{"url": "https://wiki.example.org", "name": "wiki"}, {"url": "http://10.0.0.5:8080/", "name": "10"}], "every_minutes": 10}),
            ),
        ),
        (
            "back up the orders database on pluto and then reboot it",
            json!([["backup_database", {"host": "pluto", "database": "orders"}], ["reboot_machine", {"host": ["pluto"]}]]),
        ),
        (
            "start a valheim server on pluto and open port 2456 udp in the firewall of gate",
            json!([["start_game_server", {"host": "pluto", "game": "valheim"}], ["open_firewall_port", {"host": "gate", "port": 2456, "protocol": "udp"}]]),
        ),
        (
            "install the font inter on desk, then show the temperatures of pluto",
            json!([["install_fonts", {"host": "desk", "fonts": ["inter"]}], ["temperature_report", {"host": "pluto"}]]),
        ),
    ]
}

#[test]
fn sentences_it_has_never_seen_become_the_right_steps() {
    let planner = planner();
    let (catalogue, fleet) = (Arc::new(catalogue()), Arc::new(fleet()));
    let mut wrong = Vec::new();
    for (text, expected) in sentences() {
        match planner.plan_now(&request(text, &catalogue, &fleet)) {
            Planned::Plan { draft, .. } if steps_of(&draft) == expected => {}
            Planned::Plan { draft, .. } => wrong.push(format!("{text}\n    got  {}\n    want {expected}", steps_of(&draft))),
            other => wrong.push(format!("{text}\n    got  {other:?}\n    want {expected}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {} sentences:\n{}", wrong.len(), sentences().len(), wrong.join("\n"));
}

#[test]
fn what_no_action_does_is_not_planned() {
    let mut wrong = Vec::new();
    for text in [
        "order a pizza for tonight",
        "make me a sandwich",
        "what is the weather in Berlin?",
        "deploy nextcloud to pluto",
        "install a kitchen sink on desk",
        "format the disk of pluto",
        "translate this sentence to French",
        "remove pluto",
        "delete the minecraft world on pluto",
        "don't reboot pluto",
        "never revoke the vpn peer bob on gate",
        "wipe everything on desk",
        "hello there",
        "delete everything on gate",
        "monitor https://a.example.org on gate",
        "shutdown pluto",
        "stop watching https://a.example.org on gate",
        "clean the printers on desk",
    ] {
        match planned(text) {
            Planned::Impossible(problem) if problem.code == ErrorCode::CannotPlan => {
                assert!(problem.message.len() > 20, "{text}: {problem}");
            }
            Planned::Question { .. } => {}
            other => wrong.push(format!("{text}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_that_removes_is_planned_unless_the_words_ask_for_it_and_name_the_host() {
    let destructive = ["delete_dns_record", "restore_database", "revoke_vpn_peer"];
    for text in [
        "delete the dns record photos.lan",
        "revoke the vpn peer bob",
        "photos.lan dns record on gate",
        "the vpn peer bob on gate",
        "orders database on pluto",
        "check the dns record photos.lan on gate",
        "show the vpn peer bob on gate",
        "back up the orders database on pluto and restore the shop database",
        "is the vpn peer bob on gate revoked?",
    ] {
        if let Planned::Plan { draft, .. } = planned(text) {
            let found = draft.steps.iter().find(|step| destructive.contains(&step.action.as_str()));
            assert!(found.is_none(), "{text}: {found:?}");
        }
    }
}

#[test]
fn what_is_missing_is_asked_for_by_its_name_with_the_choices() {
    for (text, parameter, choice) in [
        ("back up the orders database", "`host`", "pluto"),
        ("start a game server on pluto", "`game`", "valheim"),
        ("add a vpn peer on gate", "`peer_name`", ""),
        ("delete the dns record photos.lan", "`host`", "gate"),
    ] {
        match planned(text) {
            Planned::Question { text: question, .. } => {
                assert!(question.contains(parameter) && question.contains(choice), "{text}: {question}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn an_answer_completes_the_request() {
    let (catalogue, fleet) = (Arc::new(catalogue()), Arc::new(fleet()));
    let planner = planner();
    for (first, answer, parameter, value) in [
        ("back up the orders database", "pluto", "host", json!("pluto")),
        ("start a game server on pluto", "valheim please", "game", json!("valheim")),
        ("add a vpn peer on gate", "tablet", "peer_name", json!("tablet")),
        ("open a firewall port on gate", "8443", "port", json!(8443)),
    ] {
        let mut input = request(first, &catalogue, &fleet);
        let Planned::Question { text, .. } = planner.plan_now(&input) else { panic!("{first}: no question") };
        input.conversation.push(Turn { from_user: false, text });
        input.conversation.push(Turn { from_user: true, text: answer.to_owned() });
        match planner.plan_now(&input) {
            Planned::Plan { draft, .. } => assert_eq!(draft.steps[0].parameters[parameter], value, "{first}"),
            other => panic!("{first}: {other:?}"),
        }
    }
}

#[test]
fn a_host_that_nobody_knows_is_an_error_that_lists_those_that_are() {
    for text in ["reboot mars", "back up the orders database on mars", "set up cups on the server mars"] {
        match planned(text) {
            Planned::Impossible(problem) if text != "reboot mars" => {
                assert_eq!(problem.code, ErrorCode::HostNotInInventory, "{text}: {problem}");
                assert!(problem.message.contains("mars") && problem.message.contains("pluto"), "{problem}");
            }
            Planned::Question { .. } | Planned::Impossible(_) => {}
            other @ Planned::Plan { .. } => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_value_against_the_schema_is_named_with_its_rule() {
    match planned("open port 99999 in the firewall on gate") {
        Planned::Impossible(problem) => {
            assert_eq!(problem.code, ErrorCode::InvalidParameters);
            assert!(problem.message.contains("`port`") && problem.message.contains("65535"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_that_were_not_used_are_said() {
    match planned("back up the orders database on pluto before tuesday") {
        Planned::Plan { draft, .. } => assert!(draft.notes.iter().any(|note| note.contains("not used: tuesday")), "{:?}", draft.notes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_comes_after_then_waits_for_what_came_before() {
    let Planned::Plan { draft, .. } = planned("back up the orders database on pluto and then reboot it") else { panic!("no plan") };
    assert_eq!(draft.steps[1].depends_on, ["backup"]);
    let Planned::Plan { draft, .. } = planned("start a valheim server on pluto and open port 2456 udp in the firewall of gate") else {
        panic!("no plan")
    };
    assert!(draft.steps.iter().all(|step| step.depends_on.is_empty()));
}
