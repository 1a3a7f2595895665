//! Names of hosts: the machine that was named, or a question.

use std::sync::Arc;

use chiffon_planning::planner::{Planned, Turn};
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::fleet::Fleet;
use serde_json::json;

use crate::invented::{action, hosts, planner, request};

fn greetings() -> Arc<Catalogue> {
    let yaml = r#"
name: write_greeting
title: Write the greeting
description: What people read when they log in.
examples: ["write the greeting on depot"]
agent_type: infrastructure
check: full
timeout_seconds: 120
target: {parameter: host}
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}}}
risk: low"#;
    Arc::new(Catalogue::new([action(yaml)]))
}

/// Two sites with a `shop` and a `till` each, two machines whose names differ in case, a row of sensors, and one in no group.
fn sites() -> Arc<Fleet> {
    let fleet = hosts(
        &["Cellar", "cellar", "attic"],
        &[
            ("north", &["shop.north.example.org", "till.north.example.org", "press"]),
            ("south", &["shop.south.example.org", "till.south.example.org"]),
            ("sensors", &["eye01.lan", "eye02.lan", "eye03.lan", "eye04.lan"]),
            ("racks", &["rack-a", "rack-b", "rack-c", "rack-d"]),
            ("press", &["press", "fold", "cut"]),
            ("v6", &["2001:db8::7", "192.168.7.1"]),
        ],
    );
    let mut groups = fleet.groups().clone();
    groups.insert("ungrouped".to_owned(), ["attic".to_owned()].into());
    Arc::new(Fleet::new(groups))
}

fn planned(words: &str) -> Planned {
    planner().plan_now(&request(&format!("write the greeting on {words}"), &greetings(), &sites()))
}

fn hosts_of(planned: &Planned) -> Option<Vec<String>> {
    let Planned::Plan { draft, .. } = planned else { return None };
    let host = |step: &chiffon_plans::domain::plan::DraftStep| step.parameters["host"].as_str().map(str::to_owned);
    draft.steps.iter().map(host).collect()
}

#[test]
fn a_name_is_the_machine_that_it_names() {
    let mut wrong = Vec::new();
    for (words, expected) in [
        ("Cellar", vec!["Cellar"]),
        ("cellar", vec!["cellar"]),
        ("ATTIC", vec!["attic"]),
        ("shop.north.example.org", vec!["shop.north.example.org"]),
        ("SHOP.south.example.org", vec!["shop.south.example.org"]),
        ("eye02", vec!["eye02.lan"]),
        ("north shop", vec!["shop.north.example.org"]),
        ("the shop machine of south", vec!["shop.south.example.org"]),
        ("till in south", vec!["till.south.example.org"]),
        ("eye01 through eye03", vec!["eye01.lan", "eye02.lan", "eye03.lan"]),
        ("eye02.lan to eye04.lan", vec!["eye02.lan", "eye03.lan", "eye04.lan"]),
        ("eye01 - eye03", vec!["eye01.lan", "eye02.lan", "eye03.lan"]),
        ("rack-a to rack-c", vec!["rack-a", "rack-b", "rack-c"]),
        ("eye01.lan ... eye03.lan", vec!["eye01.lan", "eye02.lan", "eye03.lan"]),
        ("eye01 … eye03", vec!["eye01.lan", "eye02.lan", "eye03.lan"]),
        ("eye01..eye03", vec!["eye01.lan", "eye02.lan", "eye03.lan"]),
        ("eye02-eye04", vec!["eye02.lan", "eye03.lan", "eye04.lan"]),
        ("eye01 – eye03", vec!["eye01.lan", "eye02.lan", "eye03.lan"]),
        ("eye01 up to eye03", vec!["eye01.lan", "eye02.lan", "eye03.lan"]),
        ("all sensors except eye02-eye04", vec!["eye01.lan"]),
        (
            "all hosts except eye01 to eye04 and racks and v6 and north and south and press",
            vec!["Cellar", "attic", "cellar", "cut", "fold"],
        ),
        ("all racks except those from rack-a to rack-c", vec!["rack-d"]),
        ("press and south except the ones in south", vec!["press"]),
        ("the group press", vec!["cut", "fold", "press"]),
        ("the press group", vec!["cut", "fold", "press"]),
        ("all of press", vec!["cut", "fold", "press"]),
        ("the press machines", vec!["cut", "fold", "press"]),
        ("the press machine", vec!["press"]),
        ("eye01, eye03", vec!["eye01.lan", "eye03.lan"]),
        ("ungrouped", vec!["attic"]),
        ("press", vec!["press"]),
        ("south", vec!["shop.south.example.org", "till.south.example.org"]),
        ("all sensors except eye02 and eye03", vec!["eye01.lan", "eye04.lan"]),
        ("192.168.7.1", vec!["192.168.7.1"]),
        ("all", vec!["all"]),
        ("2001:db8::7", vec!["2001:db8::7"]),
    ] {
        let outcome = planned(words);
        let mut found = hosts_of(&outcome);
        if let Some(found) = &mut found {
            found.sort();
        }
        if found.as_deref().is_none_or(|found| found != expected) {
            wrong.push(format!("{words}: {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_that_fits_several_is_asked_back_with_the_choices() {
    for (words, choices) in [
        ("shop", ["shop.north.example.org", "shop.south.example.org"]),
        ("till", ["till.north.example.org", "till.south.example.org"]),
        ("CELLAR", ["Cellar", "cellar"]),
        ("eye01 through attic", ["eye01.lan", "attic"]),
        ("eye01 or eye02", ["eye01.lan", "eye02.lan"]),
        ("eye02 and up", ["eye02.lan", "eye04.lan"]),
        ("eye02 onwards", ["eye02.lan", "eye03.lan"]),
        ("rack-b and following", ["rack-b", "rack-d"]),
        ("all hosts except shop", ["shop.north.example.org", "shop.south.example.org"]),
    ] {
        match planned(words) {
            Planned::Question { text, .. } => assert!(choices.iter().all(|choice| text.contains(choice)), "{words}: {text}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[test]
fn an_answer_says_which_one_by_name_by_site_or_by_its_place() {
    for (answer, expected) in [
        ("shop.south.example.org", "shop.south.example.org"),
        ("south", "shop.south.example.org"),
        ("the second one", "shop.south.example.org"),
        ("the first", "shop.north.example.org"),
    ] {
        let planner = planner();
        let mut input = request("write the greeting on shop", &greetings(), &sites());
        let Planned::Question { text, .. } = planner.plan_now(&input) else { panic!("no question") };
        input.conversation.push(Turn { from_user: false, text });
        input.conversation.push(Turn { from_user: true, text: answer.to_owned() });
        let outcome = planner.plan_now(&input);
        assert_eq!(hosts_of(&outcome), Some(vec![expected.to_owned()]), "{answer}: {outcome:?}");
    }
}

#[test]
fn what_is_left_out_without_a_name_is_asked_about() {
    for words in [
        "all hosts except those over there",
        "all hosts except the one with the printer",
        "every host but the old ones",
        "all sensors except some",
        "all sensors except the first",
        "all sensors but whatever is on eye01.lan",
    ] {
        let outcome = planned(words);
        assert!(!matches!(outcome, Planned::Plan { .. }), "{words}: {outcome:?}");
    }
}

#[test]
fn a_direction_that_the_action_does_not_have_is_asked_about() {
    for (words, named) in [
        ("write the greeting from eye01 to eye03", ["eye01.lan", "eye02.lan"]),
        ("write the greeting from attic to rack-a", ["attic", "rack-a"]),
    ] {
        match planner().plan_now(&request(words, &greetings(), &sites())) {
            Planned::Question { text, .. } => assert!(named.iter().all(|name| text.contains(name)), "{words}: {text}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[test]
fn a_host_with_the_name_of_a_group_is_said_to_be_the_host() {
    let Planned::Plan { draft, .. } = planned("press") else { panic!("no plan") };
    assert!(draft.notes.iter().any(|note| note.contains("group of that name") && note.contains("fold")), "{:?}", draft.notes);
    assert_eq!(draft.steps[0].parameters["host"], json!("press"));
}
