//! Changes in words to plans of a catalogue that no code knows.

use std::sync::Arc;

use chiffon_planning::planner::{Planned, Planner, PlanningInput, Turn};
use chiffon_plans::domain::plan::PlanDocument;
use serde_json::{Value, json};

use crate::invented::{catalogue, fleet, planner, request};

fn plan(input: &PlanningInput) -> Result<PlanDocument, Planned> {
    let planned = planner().plan_now(input);
    let Planned::Plan { draft, planned_by } = &planned else { return Err(planned) };
    Ok(input.assembled(draft, planned_by).expect("accepted"))
}

fn revised(first: &str, change: &str) -> Result<PlanDocument, Planned> {
    let mut input = request(first, &Arc::new(catalogue()), &Arc::new(fleet()));
    let previous = plan(&input).unwrap_or_else(|other| panic!("{first}: {other:?}"));
    input.previous = Some(previous);
    input.conversation.push(Turn { from_user: true, text: change.to_owned() });
    plan(&input)
}

fn steps(plan: &PlanDocument) -> Value {
    plan.steps.iter().map(|step| json!([step.action(), step.hosts])).collect()
}

#[test]
fn a_change_in_words_changes_what_it_names_and_nothing_else() {
    let game = "start a valheim server on pluto for 6 players";
    for (first, change, parameter, value) in [
        (game, "use port 30000", "port", json!(30000)),
        (game, "make it 8 players", "players", json!(8)),
        (game, "play factorio instead", "game", json!("factorio")),
        (game, "difficulty should be peaceful", "difficulty", json!("peaceful")),
        (game, "let's host 10 friends", "players", json!(10)),
        ("back up the orders database on pluto", "keep it 30 days", "keep_days", json!(30)),
        ("back up the orders database on pluto", "with compress", "compress", json!(true)),
        ("create vpn peer bob on gate with full tunnel", "no full tunnel", "full_tunnel", json!(false)),
        ("create vpn peer bob on gate", "call it robert", "peer_name", json!("robert")),
        ("install the font inter on desk", "also install lora", "fonts", json!(["inter", "lora"])),
        ("install the font inter on desk", "add the fonts lora and roboto too", "fonts", json!(["inter", "lora", "roboto"])),
        ("renew the certificate of wiki.example.org on gate", "use staging", "staging", json!(true)),
    ] {
        match revised(first, change) {
            Ok(plan) => {
                assert_eq!(plan.steps.len(), 1, "{first} / {change}: {:?}", plan.steps);
                assert_eq!(plan.steps[0].parameters[parameter], value, "{first} / {change}");
            }
            Err(other) => panic!("{first} / {change}: {other:?}"),
        }
    }
}

#[test]
fn steps_move_to_other_hosts_are_added_and_dropped() {
    let both = "back up the orders database on pluto and then reboot desk";
    for (first, change, expected) in [
        ("how hot is pluto", "not on pluto, on desk", json!([["temperature_report", ["desk"]]])),
        ("how hot is pluto", "on desk instead", json!([["temperature_report", ["desk"]]])),
        ("how hot is pluto", "also on desk", json!([["temperature_report", ["pluto"]], ["temperature_report", ["desk"]]])),
        ("install the font inter on the laptops", "not on lap2", json!([["install_fonts", ["lap1"]]])),
        ("Set up a print queue on desk with our printers", "without the printers", json!([["set_up_print_queue", ["desk"]]])),
        (
            "set up a print queue on desk",
            "with our existing printers",
            json!([["find_printers", ["desk"]], ["set_up_print_queue", ["desk"]]]),
        ),
        (
            "Set up a print queue on desk with our printers",
            "on pluto instead",
            json!([["find_printers", ["pluto"]], ["set_up_print_queue", ["pluto"]]]),
        ),
        (both, "drop the second step", json!([["backup_database", ["pluto"]]])),
        (both, "skip the backup step", json!([["reboot_machine", ["desk"]]])),
        (
            "start valheim on pluto",
            "and open port 2456 udp in the firewall of gate",
            json!([["start_game_server", ["pluto"]], ["open_firewall_port", ["gate"]]]),
        ),
    ] {
        match revised(first, change) {
            Ok(plan) => assert_eq!(steps(&plan), expected, "{first} / {change}"),
            Err(other) => panic!("{first} / {change}: {other:?}"),
        }
    }
}

#[test]
fn a_change_that_is_not_understood_is_asked_about() {
    for change in ["make it purple", "hmm", "sooner"] {
        match revised("how hot is pluto", change) {
            Err(Planned::Question { text, .. }) => assert!(text.contains(change), "{text}"),
            other => panic!("{change}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn words_that_change_nothing_are_answered_and_no_round_is_needed() {
    for change in [
        "why?",
        "yes",
        "undo that",
        "never mind",
        "thanks!",
        "what does the first step do?",
        "go ahead",
        "make it purple",
        "should we use port 30000?",
        "use port 99999",
    ] {
        let mut input = request("start a valheim server on pluto", &Arc::new(catalogue()), &Arc::new(fleet()));
        input.previous = Some(plan(&input).expect("planned"));
        input.conversation.push(Turn { from_user: true, text: change.to_owned() });
        let answer = planner().unchanged(&input).await.unwrap_or_else(|| panic!("{change} changes the plan"));
        assert!(answer.contains("stands as it was shown"), "{change}: {answer}");
    }
    for change in ["use port 30000", "on desk instead", "could you use port 30000?"] {
        let mut input = request("start a valheim server on pluto", &Arc::new(catalogue()), &Arc::new(fleet()));
        input.previous = Some(plan(&input).expect("planned"));
        input.conversation.push(Turn { from_user: true, text: change.to_owned() });
        assert_eq!(planner().unchanged(&input).await, None, "{change}");
    }
}

#[test]
fn hosts_in_a_change_are_never_values() {
    for change in ["call it desk", "peer_name pluto"] {
        match revised("create vpn peer bob on gate", change) {
            Ok(plan) => assert_eq!(plan.steps[0].parameters["peer_name"], "bob", "{change}"),
            Err(Planned::Question { .. } | Planned::Impossible(_)) => {}
            Err(other) => panic!("{change}: {other:?}"),
        }
    }
}
