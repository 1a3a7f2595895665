//! What a request loses on its way to a plan, and what people answer when they are asked: nothing is dropped without a word.

use std::sync::Arc;

use chiffon_planning::planner::{Planned, Planner, Turn};
use chiffon_plans::domain::catalogue::Catalogue;
use serde_json::{Value, json};

use crate::invented::{action, hosts, planner, request};
use crate::story::shipped;

const BANNER: &str = r#"
name: set_banner
title: Set the banner
description: Writes what a machine says before it asks who is there.
examples: ["set the banner on alpha"]
agent_type: infrastructure
check: full
timeout_seconds: 60
target: {parameter: host}
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}, extra: {type: string, maxLength: 200, default: ""}, color: {enum: [red, green], default: red}, width: {type: integer, default: 80}}}
risk: low"#;

const REBOOT: &str = r#"
name: reboot_later
title: Reboot a machine
description: Restarts a machine at a time of the day.
examples: ["reboot alpha at 05:30"]
agent_type: infrastructure
check: none
timeout_seconds: 60
target: {parameter: host}
parameters: {type: object, required: [host, at], properties: {host: {type: string, format: inventory-host}, at: {type: string, pattern: "^[0-9]{2}:[0-9]{2}$"}}}
risk: medium"#;

/// What came of some turns: the steps, or what was said.
type Came = Result<(Value, Vec<String>), String>;

/// Says one thing after the other, as people do, and takes the last answer.
async fn said(turns: &[&str]) -> Came {
    let catalogue = Arc::new(Catalogue::new(shipped().iter().cloned().chain([action(BANNER), action(REBOOT)])));
    let fleet = Arc::new(hosts(&["nas", "web", "pi"], &[]));
    let planner = planner();
    let (first, rest) = turns.split_first().expect("a first turn");
    let mut input = request(first, &catalogue, &fleet);
    let mut rest = rest.iter();
    loop {
        let unchanged = if input.previous.is_some() { planner.unchanged(&input).await } else { None };
        let came = match unchanged {
            Some(text) => Err(text),
            None => match planner.plan_now(&input) {
                Planned::Plan { draft, planned_by } => {
                    input.previous = Some(input.assembled(&draft, &planned_by).expect("a plan"));
                    let steps = draft.steps.iter().map(|step| json!([step.action, step.parameters])).collect();
                    Ok((steps, draft.notes))
                }
                Planned::Question { text, .. } => Err(text),
                Planned::Impossible(problem) => Err(problem.message),
            },
        };
        if let Err(text) = &came {
            input.conversation.push(Turn { from_user: false, text: text.clone() });
        }
        let Some(next) = rest.next() else { return came };
        input.conversation.push(Turn { from_user: true, text: (*next).to_owned() });
    }
}

async fn planned(turns: &[&str]) -> (Value, Vec<String>) {
    said(turns).await.unwrap_or_else(|text| panic!("{turns:?} is planned: {text}"))
}

async fn asked(turns: &[&str]) -> String {
    match said(turns).await {
        Err(text) => text,
        Ok(plan) => panic!("{turns:?} is asked about: {plan:?}"),
    }
}

#[tokio::test]
async fn text_of_several_words_is_taken_whole_behind_its_name() {
    for (text, extra) in [
        ("set the banner on web with extra 🐙 hi there", "🐙 hi there"),
        ("set the banner on web with extra = goodbye world", "goodbye world"),
        ("set the banner on web with extra=goodbye cruel world", "goodbye cruel world"),
        ("set the banner on web with extra hi there", "hi there"),
        ("set the banner on web, extra to hello", "hello"),
        ("set the banner extra to hello world on web", "hello world"),
        ("set the banner on web with color red and extra hello big world and width 80", "hello big world"),
        ("set the banner on web with extra \"a, b and c\"", "a, b and c"),
        ("set the banner on web with extra the quick fox please", "the quick fox"),
        ("set the banner on web with extra meet at 5 pm", "meet at 5 pm"),
    ] {
        let (steps, notes) = planned(&[text]).await;
        assert_eq!((&steps[0][1]["extra"], notes.len()), (&json!(extra), 0), "{text}: {steps} {notes:?}");
    }
    let (steps, _) = planned(&["set the banner on web", "extra is come in out of the rain"]).await;
    assert_eq!(steps[0][1]["extra"], json!("come in out of the rain"));
}

#[tokio::test]
async fn a_parameter_that_is_named_without_a_value_is_asked_about() {
    for (text, parameter) in [
        ("set the banner on web with extra the", "extra"),
        ("set the banner on web with extra and width 60", "extra"),
        ("set the banner on web with color and width 60", "color"),
        ("deploy kuma to nas on port no", "port"),
    ] {
        let question = asked(&[text]).await;
        assert!(question.contains(&format!("Which `{parameter}`")), "{text}: {question}");
    }
    for text in ["deploy kuma to nas on the default port", "set the banner on web", "deploy kuma to nas with our portals"] {
        planned(&[text]).await;
    }
}

#[tokio::test]
async fn a_value_of_another_name_is_nobody_elses() {
    for (text, value) in [
        ("deploy kuma to nas with blub=3", "3"),
        ("set the banner on web with foo=green", "green"),
        ("set the banner on web with lines=60", "60"),
    ] {
        let question = asked(&[text]).await;
        assert!(question.contains(&format!("`{value}`")), "{text}: {question}");
    }
}

#[tokio::test]
async fn a_time_is_no_port_and_puts_off_what_can_not_wait() {
    for text in [
        "deploy kuma to nas at 5",
        "deploy kuma to nas around 17:00",
        "deploy kuma to nas by 6pm",
        "deploy kuma to nas at 6 pm",
        "deploy kuma to nas tonight",
        "deploy kuma to nas on friday",
        "deploy kuma to nas later",
        "deploy kuma to nas in 5 minutes",
    ] {
        let question = asked(&[text]).await;
        assert!(question.contains("puts it off"), "{text}: {question}");
    }
    let (steps, _) = planned(&["reboot nas at 05:30"]).await;
    assert_eq!(steps, json!([["reboot_later", {"host": "nas", "at": "05:30"}]]), "an action that can wait takes the time");
    let (steps, _) = planned(&["set the banner on web with width at 5"]).await;
    assert_eq!(steps[0][1]["width"], json!(5));
}

#[tokio::test]
async fn an_order_under_a_condition_is_never_read_as_a_report() {
    for verb in ["restart", "stop", "deploy", "install", "update", "remove"] {
        let text = format!("if the disk is full {verb} kuma on nas");
        let question = asked(&[&text]).await;
        assert!(question.contains("\"if\"") || question.contains("no action"), "{text}: {question}");
    }
    planned(&["how full is the disk of nas"]).await;
    assert!(!said(&["install python3 3.11 or later on web"]).await.is_err_and(|text| text.contains("puts it off")), "a version is no time");
}

#[tokio::test]
async fn what_goes_on_with_a_list_of_hosts_is_a_host_that_is_not_there_or_a_question() {
    for text in
        ["deploy kuma to nas and web2", "remove kuma from nas and nas7", "install htop on nas, web3", "set the banner on web and alpha"]
    {
        let refused = asked(&[text]).await;
        assert!(refused.contains("no inventory has a host or group `"), "{text}: {refused}");
    }
    let question = asked(&["deploy kuma to nas and grafana"]).await;
    assert!(question.contains("What is `grafana` for?"), "{question}");
}

#[tokio::test]
async fn what_is_asked_about_may_be_left_out() {
    let plain = planned(&["deploy kuma to nas"]).await;
    for (text, answer) in [
        ("deploy kuma to nas and grafana", "leave it out"),
        ("deploy kuma to nas with blub=3", "please leave it out"),
        ("deploy kuma to nas and grafana", "without it"),
        ("deploy kuma to nas and grafana", "Leave grafana out."),
    ] {
        assert_eq!(planned(&[text, answer]).await, plain, "{text} / {answer}");
    }
    let (steps, _) = planned(&["deploy kuma to web", "use port 3003 and the name kuma2", "leave it out"]).await;
    assert_eq!(steps[0][1]["port"], json!(3003));
}

#[tokio::test]
async fn one_of_the_actions_that_are_offered_is_taken_by_number_by_title_and_by_name() {
    for (answer, expected) in [
        ("the first one", "deploy_kuma"),
        ("1", "deploy_kuma"),
        ("Deploy Kuma", "deploy_kuma"),
        ("the second one", "discover_portals"),
        ("add_portals", "discover_portals"),
    ] {
        let (steps, _) = planned(&["kuma on web", answer]).await;
        assert_eq!(steps[0][0], json!(expected), "{answer}: {steps}");
    }
}

#[tokio::test]
async fn a_host_is_an_answer_with_an_excuse_too() {
    for answer in ["web", "I meant web", "web, sorry", "oops, on web of course", "Web."] {
        let (steps, notes) = planned(&["remove kuma", answer]).await;
        assert_eq!((&steps[0][1]["host"], notes.len()), (&json!("web"), 0), "{answer}: {steps} {notes:?}");
    }
    let (steps, _) = planned(&["install something on web", "htop"]).await;
    assert_eq!(steps, json!([["install_packages", {"host": "web", "packages": ["htop"]}]]));
}

#[tokio::test]
async fn a_no_changes_nothing_and_says_how_a_plan_is_dropped() {
    for no in ["no", "Nope.", "cancel", "cancel it please", "stop", "reject"] {
        let answer = asked(&["deploy kuma to web", no]).await;
        assert!(answer.contains("stands as it was shown") && answer.contains("reject it or cancel"), "{no}: {answer}");
    }
}

#[tokio::test]
async fn who_never_minds_changes_nothing_after_a_question_either() {
    for words in ["never mind", "forget it", "leave it"] {
        let answer = asked(&["deploy kuma to web", "use port 3003 and the name kuma2", words]).await;
        assert!(answer.contains("stands as it was shown"), "{words}: {answer}");
    }
}

#[tokio::test]
async fn a_yes_or_a_no_is_the_value_of_a_parameter_that_is_asked_for() {
    let confirm = "name: open_gate\ntitle: Open the gate\ndescription: Opens a gate.\nexamples: [open the gate on alpha]\nagent_type: infrastructure\n\
                   check: full\ntimeout_seconds: 60\ntarget: {parameter: host}\nrisk: low\nparameters: {type: object, required: [host, ring], \
                   properties: {host: {type: string, format: inventory-host}, ring: {enum: [\"yes\", \"no\"]}}}";
    let catalogue = Arc::new(Catalogue::new([action(confirm)]));
    let mut input = request("open the gate on web", &catalogue, &Arc::new(hosts(&["web"], &[])));
    let Planned::Question { text, .. } = planner().plan_now(&input) else { panic!("it asks") };
    input.conversation.extend([Turn { from_user: false, text }, Turn { from_user: true, text: "no".to_owned() }]);
    match planner().plan_now(&input) {
        Planned::Plan { draft, .. } => assert_eq!(draft.steps[0].parameters["ring"], json!("no")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn half_of_a_swap_changes_nothing() {
    let answer = asked(&["install htop on web", "btop instead of htop and the name kuma2"]).await;
    assert!(answer.contains("What is \"kuma2\" for?") && answer.contains("stands as it was shown"), "{answer}");
    let (steps, _) = planned(&["install htop on web", "btop instead of htop"]).await;
    assert_eq!(steps[0][1]["packages"], json!(["btop"]));
}

#[tokio::test]
async fn what_was_not_wanted_is_said_again_with_each_change_and_where_a_change_takes_it_up() {
    let keep = "remove kuma from nas but keep the data";
    let (_, notes) = planned(&[keep, "not on nas, on web"]).await;
    assert_eq!(notes, ["understood as not wanted: \"keep the data\"", "understood as not wanted: \"not on nas\""]);
    let (steps, notes) = planned(&[keep, "purge the data"]).await;
    assert_eq!(steps[0][1]["purge_data"], json!(true));
    assert_eq!(notes, ["this change takes up what was not wanted before: \"keep the data\""]);
}

#[tokio::test]
async fn a_refused_change_is_no_part_of_the_plans_that_follow() {
    let (_, notes) = planned(&["set the banner on web", "extra: good night, moon; don't touch", "width 40"]).await;
    assert_eq!(notes, Vec::<String>::new());
}

#[tokio::test]
async fn a_host_is_left_out_of_a_plan_in_every_way_of_saying_so() {
    for words in ["leave out web", "leave web out", "skip web", "drop web please", "exclude web", "without web", "not on web", "remove web"]
    {
        let (steps, _) = planned(&["set the banner on web and pi", words]).await;
        assert_eq!((steps.as_array().map(Vec::len), &steps[0][1]["host"]), (Some(1), &json!("pi")), "{words}: {steps}");
    }
    let (steps, _) = planned(&["set the banner on web, then install htop on web", "leave out the second one"]).await;
    assert_eq!((steps.as_array().map(Vec::len), &steps[0][0]), (Some(1), &json!("set_banner")), "{steps}");
}

#[tokio::test]
async fn one_of_what_was_found_for_a_plan_is_left_out_by_its_name() {
    let catalogue = Arc::new(shipped());
    let mut input = request("deploy kuma to nas with our portals", &catalogue, &Arc::new(hosts(&["nas"], &[])));
    let planner = planner();
    let Planned::Plan { draft, planned_by } = planner.plan_now(&input) else { panic!("it is planned") };
    let mut plan = input.assembled(&draft, &planned_by).expect("a plan");
    let deploy = plan.steps.iter_mut().find(|step| step.action() == "deploy_kuma").expect("it deploys");
    let portal = |name: &str| json!({"name": name, "url": format!("http://{name}.lan"), "source": "discovered"});
    let reference = deploy.parameters.insert("portals".to_owned(), json!([portal("wiki"), portal("photos")]));
    deploy.frozen_references.insert("portals".to_owned(), reference.expect("a reference"));
    input.previous = Some(plan);
    input.conversation.push(Turn { from_user: true, text: "leave out the wiki".to_owned() });
    assert_eq!(planner.unchanged(&input).await, None);
    let Planned::Plan { draft, .. } = planner.plan_now(&input) else { panic!("it is planned: {:?}", planner.plan_now(&input)) };
    let deploy = draft.steps.iter().find(|step| step.action == "deploy_kuma").expect("it deploys");
    assert_eq!(deploy.parameters["portals"], json!([portal("photos")]));
    input.conversation.push(Turn { from_user: true, text: "leave out the bistro".to_owned() });
    assert!(planner.unchanged(&input).await.is_some_and(|answer| answer.contains("bistro")), "it was not found");
}

#[tokio::test]
async fn half_of_what_is_said_is_never_taken() {
    for change in ["make the width 40 and the color 1,5", "width 40 and 1,5 times the other", "color purple and width 60"] {
        let answer = asked(&["set the banner on web", change]).await;
        assert!(answer.contains("stands as it was shown"), "{change}: {answer}");
    }
    let question = asked(&["set the banner on web and pi, no, only on web"]).await;
    assert!(question.contains("\"no,\""), "{question}");
}

#[tokio::test]
async fn a_host_of_an_example_is_no_host_here() {
    let catalogue = Arc::new(Catalogue::new(shipped().iter().cloned().chain([action(BANNER)])));
    let fleet = Arc::new(hosts(&["solo"], &[]));
    for text in [
        "how full are the disks on nas",
        "how full are the disks on the nas and on solo",
        "set the banner on alpha",
        "deploy kuma to nas",
        "remove kuma from nas",
        "install htop on nas",
        "set the banner on solo and alpha",
    ] {
        match planner().plan_now(&request(text, &catalogue, &fleet)) {
            Planned::Impossible(problem) => assert!(problem.message.contains("no inventory has a host or group"), "{text}: {problem:?}"),
            Planned::Question { text: question, .. } => assert!(question.contains("What is `"), "{text}: {question}"),
            plan @ Planned::Plan { .. } => panic!("{text}: {plan:?}"),
        }
    }
}

#[tokio::test]
async fn slang_and_signs_are_no_values() {
    for text in [
        "could you pls install htop and git on web 🙂 thx",
        "pls install htop + git on web",
        "can u install htop, git on web asap",
        "plz quickly install htop & git on web",
    ] {
        let (steps, notes) = planned(&[text]).await;
        assert_eq!(steps, json!([["install_packages", {"host": "web", "packages": ["htop", "git"]}]]), "{text}");
        assert_eq!(notes.len(), 0, "{text}: {notes:?}");
    }
}

#[tokio::test]
async fn a_new_sentence_that_is_whole_answers_any_question_and_a_bare_yes_or_no_none() {
    let removed = json!([["remove_kuma", {"host": "web"}]]);
    for turns in [
        &["remvoe kuma form web", "I meant: remove kuma from web"][..],
        &["remove kuma from web tonight", "now"],
        &["remove kuma from web tonight", "hmm no", "do it now"],
        &["frob the web", "y", "remove kuma from web"],
    ] {
        assert_eq!(planned(turns).await.0, removed, "{turns:?}");
    }
    asked(&["remove kuma and keep the data", "remove kuma from web with its data"]).await;
    assert!(said(&["water the plants", "the first one"]).await.is_ok(), "an example that is offered");
    let demo = "install docker.io and docker-compose on web";
    assert_eq!(planned(&[demo]).await.0, json!([["install_packages", {"host": "web", "packages": ["docker.io", "docker-compose"]}]]));
}

#[tokio::test]
async fn an_example_names_a_host_that_is_there() {
    for text in ["frobnicate the fleet", "kuma on web", "make nas blue", "water the plants"] {
        let said = asked(&[text]).await;
        assert!(!said.contains("alpha"), "{text}: {said}");
    }
    let shipped_only = Arc::new(shipped());
    match planner().plan_now(&request("deploy whoami", &shipped_only, &Arc::new(hosts(&["web"], &[])))) {
        Planned::Impossible(problem) => assert!(!problem.message.contains("on nas") && !problem.message.contains("to nas"), "{problem:?}"),
        Planned::Question { text, .. } => assert!(!text.contains("nas"), "{text}"),
        plan @ Planned::Plan { .. } => panic!("{plan:?}"),
    }
    let catalogue = Arc::new(Catalogue::new([action(BANNER), action(REBOOT)]));
    for (fleet, expected) in [(hosts(&["pi"], &[]), "set the banner on pi"), (hosts(&["alpha", "beta"], &[]), "set the banner on alpha")] {
        match planner().plan_now(&request("water the plants", &catalogue, &Arc::new(fleet))) {
            Planned::Impossible(problem) => assert!(problem.message.contains(expected), "{}", problem.message),
            other => panic!("{other:?}"),
        }
    }
    match planner().plan_now(&request("water the plants", &catalogue, &Arc::new(hosts(&[], &[])))) {
        Planned::Impossible(problem) => assert!(problem.message.contains("chiffon actions"), "{}", problem.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_monitor_is_called_like_the_host_of_its_address() {
    let (steps, _) = planned(&["add http://u@photos.lan:3000/x to kuma on nas"]).await;
    assert_eq!(steps[0][1]["portals"], json!([{"name": "photos", "url": "http://u@photos.lan:3000/x"}]));
}
