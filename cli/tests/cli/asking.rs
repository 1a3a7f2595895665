//! What a person is asked, and what counts as their answer.

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use crate::server::{ID, Server, request};
use crate::terminal::{Terminal, command, until};

fn asked(server: &Server, path: &str) {
    until(path, || {
        let script = server.script();
        script.calls.iter().any(|(_, target, _)| target == path).then_some(()).ok_or_else(|| format!("{:?}", script.calls))
    });
}

fn completed() -> Value {
    let mut done = request("completed");
    done["tasks"] = json!([{"purpose": "apply", "title": "Deploy Kuma to nas", "status": "completed", "hosts": ["nas"], "attempt": 1, "changed": true}]);
    done
}

#[test]
fn what_was_typed_while_a_plan_was_made_does_not_answer_the_question_about_it() {
    let server = Server::start(request("planning"));
    server.script().after = vec![("reject", request("rejected")), ("approve", completed())];
    let mut terminal = Terminal::start(server.url(), &["request", "Deploy Kuma to nas"], "xterm");
    asked(&server, &format!("/request/{ID}"));
    terminal.press("y\ny\n");
    // The terminal echoes what it has taken in.
    until("the keys are taken in", || (terminal.screen().matches('y').count() >= 2).then_some(()).ok_or_else(|| terminal.screen()));
    server.script().request = request("awaiting_approval");
    terminal.until("Approve? y = yes");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(server.decisions(), ["reject"], "{screen}");
    assert_eq!(code, Some(3), "{screen}");
}

#[test]
fn approve_at_a_terminal_shows_the_plan_and_asks() {
    let server = Server::start(request("awaiting_approval"));
    server.script().after = vec![("approve", completed())];
    let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "xterm");
    terminal.until("Approve? y = yes");
    assert!(terminal.screen().contains("deploy_kuma") && server.decisions().is_empty(), "{}", terminal.screen());
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!((server.decisions(), code), (vec!["approve".to_owned()], Some(0)), "{screen}");
    assert_eq!(screen.matches("Plan 1:").count(), 1, "the plan is not told again after the run: {screen}");
}

#[test]
fn reject_at_a_terminal_shows_the_plan_and_asks_why() {
    for (typed, code, sent) in
        [("too early\n", 0, Some(json!("too early"))), ("y\n", 0, Some(Value::Null)), ("\n", 6, None), ("n\n", 6, None)]
    {
        let server = Server::start(request("awaiting_approval"));
        server.script().after = vec![("reject", request("rejected"))];
        let mut terminal = Terminal::start(server.url(), &["reject", "bc6173fd"], "xterm");
        terminal.until("Reject plan 1 of request bc6173fd? Say why");
        terminal.press(typed);
        let (ended, screen) = terminal.end();
        let comments: Vec<Value> =
            server.script().calls.iter().filter(|(_, path, _)| path == "/approve").map(|(.., body)| body["comment"].clone()).collect();
        assert_eq!((ended, comments), (Some(code), sent.into_iter().collect()), "{typed:?}: {screen}");
        assert!(screen.contains("[deploy: deploy_kuma, low]"), "the plan is shown: {screen}");
    }
    let server = Server::start(request("awaiting_approval"));
    server.script().after = vec![("reject", request("rejected"))];
    let (code, screen) = Terminal::start(server.url(), &["reject", "bc6173fd", "-y"], "xterm").end();
    assert_eq!((code, server.decisions()), (Some(0), vec!["reject".to_owned()]), "{screen}");
    assert!(!screen.contains("Say why"), "{screen}");
}

#[test]
fn a_part_that_can_not_be_is_refused_before_anybody_is_asked_and_what_is_left_out_is_not_doubted() {
    let mut two = request("awaiting_approval");
    let mut second = two["plan"]["steps"][0].clone();
    (second["step_id"], second["title"], second["depends_on"]) = (json!("second"), json!("Add portals"), json!(["deploy"]));
    second["preview"] = json!({"status": "failed", "error": {"message": "no docker here"}});
    two["plan"]["steps"].as_array_mut().expect("steps").push(second);
    let server = Server::start(two);
    let (code, screen) = Terminal::start(server.url(), &["approve", "bc6173fd", "--without", "1"], "xterm").end();
    assert_eq!(code, Some(2), "{screen}");
    assert!(screen.contains("step 2 (Add portals) needs step 1") && !screen.contains("Approve"), "{screen}");
    let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd", "--without", "2"], "xterm");
    terminal.until("Approve without 2 (Add portals)? y = yes");
    assert!(!terminal.screen().contains("will most likely be refused"), "{}", terminal.screen());
    terminal.press("\n");
    assert_eq!(terminal.end().0, Some(6));
}

#[test]
fn an_empty_answer_decides_nothing_and_says_the_command_to_copy() {
    let server = Server::start(request("awaiting_approval"));
    let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "xterm");
    terminal.until("Approve? y = yes");
    terminal.press("\n");
    let (code, screen) = terminal.end();
    assert!(server.decisions().is_empty() && screen.contains("chiffon approve bc6173fd"), "{screen}");
    assert_eq!(code, Some(6));
}

#[test]
fn approve_without_a_terminal_needs_to_be_told_which_plan_or_any() {
    let server = Server::start(request("awaiting_approval"));
    server.script().after = vec![("approve", completed())];
    let run = |args: &[&str]| command(server.url(), args).output().expect("it runs");
    let refused = run(&["approve", "bc6173fd"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), server.decisions().len()), (Some(2), 0), "{said}");
    assert!(said.contains("chiffon approve bc6173fd --sha256 abababababab") && said.contains("--yes"), "{said}");
    assert_eq!(run(&["approve", "bc6173fd", "--sha256", "cdcdcdcdcdcd"]).status.code(), Some(1), "another plan");
    assert!(server.decisions().is_empty());
    assert_eq!(run(&["approve", "bc6173fd", "--sha256", "abababababab"]).status.code(), Some(0));
    server.script().request = request("awaiting_approval");
    assert_eq!(run(&["approve", "bc6173fd", "--yes"]).status.code(), Some(0));
    assert_eq!(server.decisions().len(), 2);
}

#[test]
fn what_waits_for_a_person_has_exit_codes_of_its_own() {
    for (status, expected) in [("needs_input", 5), ("awaiting_approval", 6), ("completed", 0), ("failed", 1), ("rejected", 3)] {
        let server = Server::start(request(status));
        let ended = command(server.url(), &["request", "Deploy Kuma to nas"]).output().expect("it runs");
        assert_eq!(ended.status.code(), Some(expected), "{status}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn who_may_not_approve_is_told_who_can_and_goes_on_watching() {
    let mut waiting = request("awaiting_approval");
    waiting["next"] = json!(["revise", "cancel"]);
    let server = Server::start(waiting);
    let mut terminal = Terminal::start(server.url(), &["request", "Deploy Kuma to nas"], "xterm");
    terminal.until("press Enter to watch");
    let screen = terminal.screen();
    assert!(screen.contains("role approver can: chiffon approve bc6173fd") && !screen.contains("Approve? y"), "{screen}");
    terminal.press("\n");
    terminal.until("Waiting for an approver");
    server.script().request = completed();
    let (code, screen) = terminal.end();
    assert_eq!((code, server.decisions().len()), (Some(0), 0), "{screen}");
}

#[test]
fn a_dry_run_that_failed_is_said_in_the_question() {
    let mut waiting = request("awaiting_approval");
    waiting["plan"]["steps"][0]["preview"] = json!({"status": "failed", "error": {"message": "no docker here"}});
    let server = Server::start(waiting);
    let terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "xterm");
    terminal.until("Approve? y = yes");
    let screen = terminal.screen().replace("\r\n", "\n");
    assert!(
        screen.contains("dry run of step 1 failed: no docker here. The step itself will most likely be refused, too.\nApprove?"),
        "{screen}"
    );
}

#[test]
fn hosts_that_are_off_alike_are_told_about_once_in_the_plan_and_once_in_the_question() {
    let mut waiting = request("awaiting_approval");
    let step = |host: &str| {
        let error = json!({"code": 5503, "message": format!("{host} can't be reached: refused. See that {host} is on")});
        json!({"step_id": host, "title": format!("Install on {host}"), "action": "install", "risk": "low", "hosts": [host],
               "preview": {"status": "failed", "error": error}})
    };
    waiting["plan"]["steps"] = json!([step("nas"), step("pi"), step("web")]);
    let server = Server::start(waiting);
    let terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "dumb");
    terminal.until("Approve? y = yes");
    let screen = terminal.screen().replace("\r\n", "\n");
    assert_eq!(screen.matches("can't be reached").count(), 2, "{screen}");
    assert_eq!(screen.matches("preview: failed the same as on nas").count(), 2, "{screen}");
    assert!(screen.contains("dry run of step 3 failed: the same as on nas. The step itself"), "{screen}");
}

#[test]
fn a_revision_marks_what_is_different() {
    let mut revised = request("awaiting_approval");
    revised["plan"]["steps"][0]["parameters"]["port"] = json!(3002);
    revised["plan"]["revision"] = json!(2);
    revised["plan"]["sha256"] = json!("cd".repeat(32));
    let server = Server::start(request("awaiting_approval"));
    server.script().after = vec![("revise", revised)];
    let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "dumb");
    terminal.until("Approve? y = yes");
    terminal.press("use port 3002\n");
    terminal.until("before: 3001");
    let screen = terminal.screen();
    assert!(screen.contains("1. changed: Deploy Kuma to nas") && screen.contains("port = 3002"), "{screen}");
    assert!(!screen.contains('\u{1b}'), "a dumb terminal gets no colours: {screen:?}");
}

#[test]
fn words_that_change_nothing_are_answered_and_the_plan_is_not_shown_again() {
    let mut answered = request("awaiting_approval");
    let messages = answered["messages"].as_array().cloned().unwrap_or_default();
    let answer = json!({"from": "chiffon", "text": "99999 is greater than the maximum. Plan 1 stands as it was shown."});
    answered["messages"] = messages.into_iter().chain([answer]).collect();
    let server = Server::start(request("awaiting_approval"));
    server.script().after = vec![("revise", answered)];
    let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "dumb");
    terminal.until("Approve? y = yes");
    terminal.press("use port 99999\n");
    terminal.until("99999 is greater than the maximum. Plan 1 stands as it was shown.");
    assert_eq!(terminal.screen().matches("sha256").count(), 1, "{}", terminal.screen());
}

#[test]
fn words_that_are_answered_with_a_question_lead_into_the_same_conversation() {
    let mut asks = request("needs_input");
    asks["messages"] = json!([{"from": "ada", "text": "Deploy Kuma"}, {"from": "chiffon", "text": "To which host?"}]);
    let server = Server::start(asks.clone());
    let (code, said) = {
        let ended = command(server.url(), &["revise", "bc6173fd", "use port 3002"]).output().expect("it runs");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    assert!(code == Some(5) && said.contains("chiffon revise bc6173fd \"your words\""), "nobody can be asked here: {said}");
    let mut terminal = Terminal::start(server.url(), &["revise", "bc6173fd", "use port 3002"], "dumb");
    terminal.until("Your answer");
    server.script().request = request("awaiting_approval");
    server.script().after = vec![("reject", request("rejected"))];
    terminal.press("nas\n");
    terminal.until("Approve? y = yes");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!((code, server.decisions()), (Some(3), vec!["reject".to_owned()]), "{screen}");
    let words = server.script().calls.iter().filter_map(|(_, _, body)| body["text"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(words, ["use port 3002", "use port 3002", "nas"]);
}

#[test]
fn who_approves_what_waits_for_an_answer_is_told_how_to_answer() {
    let mut asks = request("needs_input");
    asks["plan"] = Value::Null;
    let server = Server::start(asks);
    for args in [&["approve", "bc6173fd"][..], &["approve", "bc6173fd", "--yes"], &["reject", "bc6173fd"]] {
        let ended = command(server.url(), args).output().expect("it runs");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(said.contains("waits for an answer") && said.contains("chiffon revise bc6173fd \"your words\""), "{args:?}: {said}");
        assert_eq!(ended.status.code(), Some(1), "{args:?}");
    }
}

#[test]
fn ctrl_c_says_that_the_request_goes_on_and_how_to_look_at_it() {
    let server = Server::start(request("planning"));
    let terminal = Terminal::start(server.url(), &["request", "Deploy Kuma to nas"], "xterm");
    asked(&server, &format!("/request/{ID}"));
    kill(terminal.pid(), Signal::SIGINT).expect("it runs");
    let (code, screen) = terminal.end();
    assert!(screen.contains("That ends nothing: `chiffon show bc6173fd`"), "{screen}");
    assert_eq!(code, Some(130), "{screen}");
}

#[test]
fn a_plan_that_is_made_again_after_its_approval_is_shown_and_asked_about() {
    let server = Server::start(request("awaiting_approval"));
    // What was before is told again by the stream.
    server.script().events = vec![("request", json!({"status": "awaiting_approval"}))];
    server.script().after = vec![("approve", request("running"))];
    let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "xterm");
    terminal.until("Approve? y = yes");
    terminal.press("y\n");
    until("the run is watched", || {
        let script = server.script();
        let since = script.calls.iter().skip_while(|(method, ..)| method != "POST");
        let looks = since.filter(|(method, ..)| method == "GET").count();
        (looks >= 2).then_some(()).ok_or_else(|| format!("{:?}", script.calls))
    });
    server.script().after = vec![("approve", completed())];
    server.script().request = again();
    terminal.until("Plan 2:");
    terminal.until_again("Approve? y = yes", 2);
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!((server.decisions(), code), (vec!["approve".to_owned(); 2], Some(0)), "{screen}");
    let hashes =
        server.script().calls.iter().filter_map(|(_, _, body)| body["plan_sha256"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(hashes, ["ab".repeat(32), "cd".repeat(32)], "each answer is about the plan that was shown");
}

fn again() -> Value {
    let mut again = request("awaiting_approval");
    again["plan"]["revision"] = json!(2);
    again["plan"]["sha256"] = json!("cd".repeat(32));
    again
}

#[test]
fn a_plan_that_was_made_again_while_its_question_stood_is_shown_and_asked_about() {
    for (typed, decision) in [("y\n", "approve"), ("use port 3002\n", "revise"), ("n\n", "reject")] {
        let server = Server::start(request("awaiting_approval"));
        server.script().after = vec![(decision, again())];
        server.script().refusal = Some(json!({"code": 5107, "message": "nas has been changed since this plan was previewed"}));
        let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "xterm");
        terminal.until("Approve? y = yes");
        terminal.press(typed);
        terminal.until_again("Approve? y = yes", 2);
        assert!(terminal.screen().contains("nas has been changed since") && terminal.screen().contains("Plan 2:"), "{}", terminal.screen());
        server.script().after = vec![("approve", completed())];
        terminal.press("y\n");
        let (code, screen) = terminal.end();
        assert_eq!((server.decisions(), code), (vec![decision.to_owned(), "approve".to_owned()], Some(0)), "{screen}");
    }
}

#[test]
fn a_refusal_that_has_another_reason_ends_the_talk() {
    let server = Server::start(request("awaiting_approval"));
    server.script().refusal = Some(json!({"code": 5105, "message": "the policy wants somebody else"}));
    let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "xterm");
    terminal.until("Approve? y = yes");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(1) && screen.contains("the policy wants somebody else"), "{screen}");
}

#[test]
fn what_is_over_is_said_to_be_with_where_to_look_by_every_verb() {
    let verbs: [&[&str]; 10] = [
        &["approve", "bc6173fd"],
        &["approve", "bc6173fd", "--yes"],
        &["approve", "bc6173fd", "--sha256", "cdcdcdcdcdcd"],
        &["reject", "bc6173fd"],
        &["revise", "bc6173fd", "use port 3002"],
        &["cancel", "bc6173fd"],
        &["pause", "bc6173fd"],
        &["resume", "bc6173fd"],
        &["resolve", "bc6173fd"],
        &["resolve", "bc6173fd", "--give-up"],
    ];
    for (number, verb) in verbs.iter().enumerate() {
        let status = ["completed", "cancelled", "rejected", "failed", "expired"][number % 5];
        let mut over = request(status);
        over["finished_at"] = json!("2026-11-21T03:39:54.631245Z");
        let server = Server::start(over);
        server.script().refusal = Some(json!({"code": 5108, "message": "it runs once"}));
        let ended = command(server.url(), verb).output().expect("it runs");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{verb:?}: {said}");
        let words = format!("request bc6173fd is over: it is {status} since 2026-11-21 03:39:54 UTC");
        assert!(said.contains(&words) && said.contains("`chiffon why bc6173fd`"), "{verb:?}: {said}");
        assert!(!said.contains("--sha256") && !said.contains("runs once"), "no advice that can't be followed: {said}");
    }
}

#[test]
fn what_ended_while_its_question_stood_is_said_to_be_over() {
    let server = Server::start(request("awaiting_approval"));
    server.script().after = vec![("approve", request("cancelled"))];
    server.script().refusal = Some(json!({"code": 5109, "message": "ask again"}));
    let mut terminal = Terminal::start(server.url(), &["approve", "bc6173fd"], "xterm");
    terminal.until("Approve? y = yes");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(1) && screen.contains("request bc6173fd is over: it is cancelled"), "{screen}");
}

#[test]
fn a_task_that_is_decided_is_not_asked_about() {
    let server = Server::start(request("running"));
    server.script().anything = json!({"items": [], "request_id": ID, "task_id": ID, "status": "completed"});
    let ended = command(server.url(), &["resolve", ID]).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(1) && said.contains("it is `completed`") && !said.contains("--retry"), "{said}");
}

#[test]
fn cancel_says_what_had_already_happened() {
    let server = Server::start(request("running"));
    let task = |title: &str, status: &str| json!({"title": title, "status": status});
    server.script().anything =
        json!({"items": [{"request_id": ID}], "stopped": [task("Two", "cancelled")], "stopping": [], "done": [task("One", "completed")]});
    let ended = command(server.url(), &["cancel", "bc6173fd"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(said.contains("Stopped:\n  cancelled Two") && said.contains("Had already happened:\n  completed One"), "{said}");
}

/// A server that knows one action, and a request that it makes of everything.
fn with_action() -> Server {
    let server = Server::start(request("completed"));
    server.script().anything = json!({"request_id": ID, "items": [{
        "request_id": ID, "name": "restart_container", "title": "Restart a container", "target": {"parameter": "host"},
        "parameters": {"type": "object", "required": ["host", "container"], "properties": {
            "host": {"type": "string"}, "container": {"type": "string"}, "wait_seconds": {"type": "integer"},
            "ports": {"type": "array", "items": {"type": "integer"}}, "portal": {"type": "object"}}}}]});
    server
}

fn sent(server: &Server) -> Vec<Value> {
    let script = server.script();
    script.calls.iter().filter(|(method, path, _)| method == "POST" && path == "/request").map(|(.., body)| body.clone()).collect()
}

#[test]
fn an_action_is_asked_for_by_its_name_with_values_of_their_types() {
    let server = with_action();
    let args = ["request", "--action", "restart_container", "--on", "nas,web", "-p", "container=8080", "-p", "wait_seconds=30"];
    let more = ["-p", "ports=80", "-p", "ports=443", "--parameter", "portal:={\"name\": \"x\"}", "--priority", "5"];
    let ended = command(server.url(), &[&args[..], &more[..]].concat()).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let parameters = json!({"container": "8080", "wait_seconds": 30, "ports": [80, 443], "portal": {"name": "x"}});
    let action = json!({"name": "restart_container", "hosts": ["nas", "web"], "parameters": parameters});
    assert_eq!(sent(&server), [json!({"action": action, "priority": 5})]);
}

#[test]
fn an_action_that_nobody_knows_or_that_is_called_wrongly_is_refused_by_the_answer_or_at_once() {
    let server = with_action();
    let problem =
        "`restart_contaner` can't be asked for like this: `name`: there is no action `restart_contaner`; did you mean `restart_container`?";
    server.script().refusal = Some(json!({"code": 5147, "message": problem}));
    let refused = command(server.url(), &["request", "--action", "restart_contaner", "-p", "size=3"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("did you mean `restart_container`?") && said.contains("chiffon explain 5147"), "{said}");

    for (args, told) in [
        (&["request", "--action", "restart_container", "-p", "kuma"][..], "write `-p name=value`"),
        (&["request", "--action", "restart_container", "-p", "ports:=x"], "is no JSON"),
        (&["request", "--on", "nas", "restart", "kuma"], "--action"),
        (&["request", "--action", "restart_container", "restart", "kuma"], "cannot be used with"),
        (&["request"], "required"),
    ] {
        let server = with_action();
        let refused = command(server.url(), args).output().expect("it runs");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!((refused.status.code(), sent(&server).len()), (Some(2), 0), "{args:?}: {said}");
        assert!(said.contains(told), "{args:?}: {said}");
    }
}

#[test]
fn an_action_says_how_it_is_asked_for_without_words() {
    let server = with_action();
    let shown = server.script().anything["items"][0].clone();
    server.script().anything = shown;
    let ended = command(server.url(), &["actions", "restart_container"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(said.contains("request --action restart_container --on HOST -p container=…"), "{said}");
}

#[test]
fn a_plan_is_approved_without_the_steps_that_are_named() {
    let mut two = request("awaiting_approval");
    let mut second = two["plan"]["steps"][0].clone();
    second["step_id"] = json!("second");
    second["title"] = json!("Add portals to Kuma");
    two["plan"]["steps"].as_array_mut().expect("steps").push(second);
    let server = Server::start(two.clone());
    server.script().after = vec![("approve", completed())];
    let run = |args: &[&str]| command(server.url(), args).output().expect("it runs");
    let refused = run(&["approve", "bc6173fd", "--yes", "--without", "3"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), server.decisions().len()), (Some(2), 0), "{said}");
    assert!(said.contains("the plan has no step `3`"), "{said}");
    let asked = run(&["approve", "bc6173fd", "--without", "2"]);
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(said.contains("abababababab --without second` approves") && said.contains("--yes --without second`"), "{said}");
    let ended = run(&["approve", "bc6173fd", "--yes", "--without", "2"]);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("Left out: 2 (Add portals to Kuma)"), "{said}");
    let approved: Vec<Value> =
        server.script().calls.iter().filter(|(_, path, _)| path == "/approve").map(|(.., body)| body["left_out"].clone()).collect();
    assert_eq!(approved, [json!(["second"])]);
}

#[test]
fn who_may_approve_a_part_only_is_told_which_and_how() {
    let mut denied = request("awaiting_approval");
    denied["denied"] = json!([{"call": "approve", "permission": "requests.approve", "message": "`vera` may not approve `deploy` on nas",
        "steps": [], "people": ["ann"], "leave_out": ["deploy", "report"]}]);
    let server = Server::start(denied);
    let ended = command(server.url(), &["show", "bc6173fd"]).output().expect("it runs");
    let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(shown.contains("You may not approve all of it: `vera` may not approve `deploy` on nas"), "{shown}");
    assert!(shown.contains("`chiffon approve bc6173fd --without deploy,report` approves the rest"), "{shown}");
}

#[test]
fn a_step_that_somebody_has_left_out_is_shown_as_such_and_the_next_approver_is_told_the_part() {
    let mut waiting = request("awaiting_approval");
    waiting["plan"]["approvals"] = json!([{"by": "ann", "decision": "approve", "left_out": ["deploy"]}]);
    let server = Server::start(waiting);
    let run = |args: &[&str]| command(server.url(), args).output().expect("it runs");
    let shown = String::from_utf8_lossy(&run(&["show", "bc6173fd"]).stdout).into_owned();
    assert!(shown.contains("left out in the approval of ann"), "{shown}");
    let said = String::from_utf8_lossy(&run(&["approve", "bc6173fd", "--yes"]).stderr).into_owned();
    assert!(said.contains("who runs: chiffon approve bc6173fd --without deploy"), "{said}");
}
