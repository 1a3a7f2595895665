//! A plan for people: steps, parameters, risk, cost, and the dry run's diff.

use serde_json::Value;

use super::changed;
use super::errors::{Errors, hosts_of};
use super::style::{bold, diff_line, faint, short, status};
use super::text::{line, said, text};

/// Puts a line behind the others.
macro_rules! put {
    ($out:ident, $($words:tt)*) => { $out.push(format!($($words)*)) };
}

/// Whether two looks at a plan saw the same one.
pub fn is_same(one: &Value, other: &Value) -> bool {
    one["sha256"] == other["sha256"] && one["revision"] == other["revision"]
}

/// Prints the plan of a request as `GET /request/{id}` shows it.
pub fn print(request: &Value) {
    print_after(request, None);
}

/// Prints it to somebody who has seen the plan before: what is different is marked, what is the same is not told again.
pub fn print_after(request: &Value, before: Option<&Value>) {
    for line in lines(request, before, Diffs::Shown) {
        println!("{line}");
    }
}

/// Whether the diffs of previews are shown, or only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diffs {
    Shown,
    Counted,
}

/// What is printed of a plan.
pub fn lines(request: &Value, before: Option<&Value>, diffs: Diffs) -> Vec<String> {
    let mut out = Vec::new();
    put_plan(&mut out, request, before, diffs);
    out
}

/// What of it whoever looks may not approve, and how they approve the rest.
fn put_denied(out: &mut Vec<String>, request: &Value) {
    for denied in request["denied"].as_array().into_iter().flatten().filter(|denied| denied["call"] == "approve") {
        put!(out, "\n  {} {}", bold("You may not approve all of it:"), text(&denied["message"]));
        let out_of_it: Vec<String> = denied["leave_out"].as_array().into_iter().flatten().map(text).collect();
        if !out_of_it.is_empty() {
            let id = text(&request["request_id"]);
            put!(out, "  `chiffon approve {} --without {}` approves the rest.", short(&id), out_of_it.join(","));
        }
    }
}

fn put_plan(out: &mut Vec<String>, request: &Value, before: Option<&Value>, diffs: Diffs) {
    let plan = &request["plan"];
    if plan.is_null() {
        return;
    }
    if let Some(made) = changed::in_previews(request) {
        put!(out, "{}", bold(&made));
    }
    put!(out, "{} {}", bold(&format!("Plan {}:", text(&plan["revision"]))), text(&plan["summary"]));
    put!(out, "  {}", faint(&facts(plan)));
    for note in plan["notes"].as_array().into_iter().flatten() {
        put!(out, "  note: {}", text(note));
    }
    let steps = |plan: &Value| plan["steps"].as_array().cloned().unwrap_or_default();
    let earlier = before.filter(|before| !before.is_null()).map(steps);
    let mut errors = Errors::default();
    for (number, step) in steps(plan).iter().enumerate() {
        let change = match &earlier {
            None => Change::Shown,
            Some(steps) => Change::of(step, steps.iter().find(|earlier| earlier["step_id"] == step["step_id"])),
        };
        put_step(out, number + 1, step, &change, &left_out_by(plan, step), &mut errors, diffs);
    }
    let now = steps(plan);
    for gone in earlier.iter().flatten().filter(|earlier| now.iter().all(|step| step["step_id"] != earlier["step_id"])) {
        put!(out, "\n  {} {}", bold("no longer:"), text(&gone["title"]));
    }
    put_denied(out, request);
}

/// What a dry run already says against a plan without these steps, for the question about it.
pub fn doubt(request: &Value, left_out: &[String]) -> Option<String> {
    let steps = request["plan"]["steps"].as_array().into_iter().flatten().enumerate();
    let is_left_out = |step: &Value| left_out.iter().any(|out| step["step_id"] == out.as_str());
    let failed = steps.filter(|(_, step)| step["preview"]["status"] == "failed" && !is_left_out(step));
    let mut errors = Errors::default();
    let doubts: Vec<String> = failed
        .map(|(number, step)| {
            let why = said(&step["preview"]["error"]["message"]).map(|why| errors.reason(&why, &hosts_of(step)));
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!("The dry run of step {} failed{why}. The step itself will most likely be refused, too.", number + 1)
        })
        .collect();
    (!doubts.is_empty()).then(|| doubts.join("\n"))
}

/// How a step differs from the one of the plan before.
enum Change<'p> {
    /// There was none before to compare with.
    Shown,
    /// It is new.
    New,
    /// Nothing of it is different, its dry run neither.
    Same,
    /// It was this.
    Was(&'p Value),
}

impl<'p> Change<'p> {
    fn of(step: &Value, before: Option<&'p Value>) -> Self {
        let Some(before) = before else { return Self::New };
        let told = |step: &Value| {
            let preview = ["status", "changes", "warnings", "not_previewed", "error"].map(|name| step["preview"][name].clone());
            let own = [
                "title",
                "action",
                "action_sha256",
                "parameters",
                "hosts",
                "depends_on",
                "risk",
                "irreversible",
                "when",
                "on_failure",
                "retry",
            ];
            (own.map(|name| step[name].clone()), preview)
        };
        if told(step) == told(before) { Self::Same } else { Self::Was(before) }
    }
}

fn facts(plan: &Value) -> String {
    let by = &plan["planned_by"];
    let made = match (by["provider"].as_str(), by["model"].as_str()) {
        (Some(provider), Some(model)) => format!("planned by {} ({})", line(provider), line(model)),
        (Some("offline"), None) => "planned offline, from the catalogue alone".to_owned(),
        (Some("direct"), None) => "planned as asked, without a planner".to_owned(),
        (Some(provider), None) => format!("planned by {}", line(provider)),
        _ => String::new(),
    };
    format!(
        "risk {}, about {:.0} s, {:.2} USD, {made}, sha256 {}",
        words(&plan["risk"]),
        plan["estimated_seconds"].as_f64().unwrap_or(0.0),
        plan["estimated_cost_usd"].as_f64().unwrap_or(0.0),
        said(&plan["sha256"]).map_or_else(|| "not yet".to_owned(), |hash| hash.chars().take(12).collect()),
    )
}

/// Who has approved the plan without this step.
fn left_out_by(plan: &Value, step: &Value) -> Vec<String> {
    let is_out = |approval: &&Value| {
        approval["decision"] == "approve" && approval["left_out"].as_array().is_some_and(|left_out| left_out.contains(&step["step_id"]))
    };
    plan["approvals"].as_array().into_iter().flatten().filter(is_out).map(|approval| text(&approval["by"])).collect()
}

fn put_step(
    out: &mut Vec<String>,
    number: usize,
    step: &Value,
    change: &Change,
    left_out_by: &[String],
    errors: &mut Errors,
    diffs: Diffs,
) {
    let after: Vec<String> = step["depends_on"].as_array().into_iter().flatten().map(text).collect();
    let after = if after.is_empty() { String::new() } else { format!(", after {}", after.join(", ")) };
    let mark = match change {
        Change::Shown => "",
        Change::New => "new: ",
        Change::Same => "as before: ",
        Change::Was(_) => "changed: ",
    };
    put!(
        out,
        "\n  {number}. {mark}{} {}",
        bold(&text(&step["title"])),
        faint(&format!("[{}: {}, {}{after}]", text(&step["step_id"]), text(&step["action"]), words(&step["risk"])))
    );
    if !left_out_by.is_empty() {
        put!(out, "     {}", bold(&format!("left out in the approval of {}", left_out_by.join(", "))));
    }
    if matches!(change, Change::Same) {
        return;
    }
    for (name, value) in step["parameters"].as_object().into_iter().flatten() {
        if is_found_empty(step, name) {
            put!(out, "     {}: nothing was found when it was looked up", line(name));
        } else {
            put_parameter(out, name, value);
        }
        if let Change::Was(before) = change
            && before["parameters"][name] != *value
        {
            let was = if before["parameters"][name].is_null() { "not said".to_owned() } else { text(&before["parameters"][name]) };
            put!(out, "       {}", bold(&format!("before: {was}")));
        }
    }
    for asked in asks(step) {
        put!(out, "     {}", bold(&asked));
    }
    if let Some(why) = said(&step["irreversible"]) {
        put!(out, "     can't be taken back: {why}");
    }
    if let Some(versions) = runs_with(step) {
        put!(out, "     {}", faint(&versions));
    }
    if let Some(code) = own_code(step) {
        put!(out, "     {}", bold(&code));
    }
    put_preview(out, step, errors, diffs);
}

/// What becomes of a step beside being done once all before it is.
fn asks(step: &Value) -> Vec<String> {
    let when = said(&step["when"]).map(|when| format!("runs only if {when} is neither false, null, 0 nor empty; what follows goes on"));
    let on_failure = match step["on_failure"].as_str() {
        Some("continue") => Some("where it fails: what follows goes on, and the run does not fail for it".to_owned()),
        Some("skip") => Some("where it fails: what follows is skipped, and the run does not fail for it".to_owned()),
        _ => None,
    };
    let retry = &step["retry"];
    let number = |name: &str| retry[name].as_u64();
    let retry = number("max_attempts").map(|most| {
        let (first, longest) = (number("initial_delay_seconds").unwrap_or(0), number("max_delay_seconds").unwrap_or(0));
        let on: Vec<String> = retry["on"].as_array().into_iter().flatten().map(text).collect();
        format!("where it fails ({}): tried up to {most} times, with pauses of {first} s up to {longest} s", on.join(", "))
    });
    when.into_iter().chain(retry).chain(on_failure).collect()
}

/// What no content hash covers, by its versions.
fn runs_with(step: &Value) -> Option<String> {
    let versions = step["runs_with"].as_object().filter(|versions| !versions.is_empty())?;
    let named: Vec<String> = versions.iter().map(|(name, version)| format!("{} {}", line(name), text(version))).collect();
    Some(format!("runs with {}", named.join(", ")))
}

/// What no scan can look into, of an action or a step.
pub fn own_code(of: &Value) -> Option<String> {
    let files = of["own_code"].as_array().filter(|files| !files.is_empty())?;
    let named: Vec<String> = files.iter().map(text).collect();
    Some(format!("runs code of its own on the agent's machine or the hosts, in previews, too: {}", named.join(", ")))
}

/// Whether a value was looked up for the plan, and there is none of it.
fn is_found_empty(step: &Value, name: &str) -> bool {
    let is_empty = step["parameters"][name].as_array().is_some_and(Vec::is_empty);
    is_empty && !step["frozen_references"][name].is_null()
}

fn put_parameter(out: &mut Vec<String>, name: &str, value: &Value) {
    let name = line(name);
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            put!(out, "     {name}:");
            for item in items {
                let fields: Vec<String> =
                    item.as_object().into_iter().flatten().map(|(key, value)| format!("{}={}", line(key), text(value))).collect();
                put!(out, "       - {}", fields.join(", "));
            }
        }
        other => {
            let shown = other.as_str().map_or_else(|| text(other), super::text::block);
            for (index, line) in shown.lines().enumerate() {
                put!(out, "     {}{line}", if index == 0 { format!("{name} = ") } else { "       ".to_owned() });
            }
        }
    }
}

fn put_preview(out: &mut Vec<String>, step: &Value, errors: &mut Errors, diffs: Diffs) {
    let (preview, is_read_only) = (&step["preview"], step["risk"] == "read_only");
    if let Some(attempt) = preview["after_attempt"].as_u64() {
        put!(out, "     made again after attempt {attempt} was cut off. {}", text(&preview["text"]));
    }
    match preview["status"].as_str() {
        Some("done") => {}
        // What only reads has no preview, and its risk says so.
        Some("none") if is_read_only => return,
        Some(other) => {
            let error = said(&preview["error"]["message"]).map(|error| errors.reason(&error, &hosts_of(step)));
            let reason = error.or_else(|| said(&preview["text"])).unwrap_or_default();
            put!(out, "     preview: {} {reason}", status(&line(other)));
            // One host was off: what the others would do was seen, and is shown.
            if preview["changes"].as_array().is_none_or(Vec::is_empty) && preview["not_previewed"].as_array().is_none_or(Vec::is_empty) {
                return;
            }
        }
        None => return,
    }
    let changes = preview["changes"].as_array().map_or(&[][..], Vec::as_slice);
    let predicted = changes.iter().filter(|change| change["done"] != true).count();
    let coverage = preview["coverage"].as_f64().unwrap_or(0.0) * 100.0;
    put!(
        out,
        "     preview: {} change{} ({coverage:.0} % of the play could be previewed)",
        predicted,
        if predicted == 1 { "" } else { "s" }
    );
    for change in changes {
        let hosts: Vec<String> = change["hosts"].as_array().into_iter().flatten().map(text).collect();
        let (mark, done) = if change["done"] == true { ("!", ": done already, it ran for real") } else { ("~", "") };
        put!(out, "       {mark} {} ({}){done}", text(&change["name"]), hosts.join(", "));
        let diff = change["diff"].as_str().into_iter().flat_map(str::lines);
        if diffs == Diffs::Shown {
            out.extend(diff.map(|line| format!("         {}", diff_line(line))));
            continue;
        }
        let hidden = diff.count();
        if hidden > 0 {
            put!(out, "         {}", faint(&format!("{hidden} line{} of diff", if hidden == 1 { "" } else { "s" })));
        }
    }
    for skipped in preview["not_previewed"].as_array().into_iter().flatten() {
        put!(out, "       ? {} (not previewed)", text(skipped));
    }
    for warning in preview["warnings"].as_array().into_iter().flatten() {
        // A play speaks of what it would have done as if it had.
        put!(out, "       ! in the dry run: {}", text(warning));
    }
}

fn words(value: &Value) -> String {
    text(value).replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn versions_are_shown_where_a_step_has_them_and_as_plain_text() {
        let step = json!({"runs_with": {"ansible-core": "2.14.18", "community.docker": "3.4.7\u{1b}[2J"}});
        let shown = runs_with(&step).expect("it has them");
        assert!(shown.starts_with("runs with ansible-core 2.14.18, community.docker 3.4.7") && !shown.contains('\u{1b}'), "{shown}");
        assert_eq!(runs_with(&json!({"runs_with": {}})), None);
        assert_eq!(runs_with(&json!({})), None);
    }

    #[test]
    fn a_discovery_that_found_nothing_is_mentioned_and_an_empty_list_that_was_asked_for_is_shown() {
        let step = json!({"parameters": {"portals": [], "names": []}, "frozen_references": {"portals": "${steps.look.outputs.portals}"}});
        assert!(is_found_empty(&step, "portals") && !is_found_empty(&step, "names"));
    }

    #[test]
    fn what_a_step_asks_of_its_run_is_said_in_words() {
        let retry = json!({"max_attempts": 5, "initial_delay_seconds": 1, "max_delay_seconds": 60, "jitter": true, "on": ["transient"]});
        let step = json!({"when": "${steps.one.outputs.due}", "on_failure": "skip", "retry": retry});
        assert_eq!(
            asks(&step),
            [
                "runs only if ${steps.one.outputs.due} is neither false, null, 0 nor empty; what follows goes on",
                "where it fails (transient): tried up to 5 times, with pauses of 1 s up to 60 s",
                "where it fails: what follows is skipped, and the run does not fail for it",
            ]
        );
        assert!(asks(&json!({})).is_empty() && asks(&json!({"on_failure": "abort"})).is_empty());
    }

    #[test]
    fn code_that_an_action_brings_along_is_said_and_none_is_not() {
        let step = json!({"own_code": ["act/library/x.py", "plugins/filter/y.py\u{1b}[2J"]});
        let shown = own_code(&step).expect("it has some");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("in previews, too: act/library/x.py"), "{shown}");
        assert_eq!((own_code(&json!({"own_code": []})), own_code(&json!({}))), (None, None));
    }
}
