//! A plan for people: steps, parameters, risk, cost, and the dry run's diff.

use serde_json::Value;

use super::style::{bold, diff_line, faint, status};
use super::table::text;

/// Prints the plan of a request as `GET /request/{id}` shows it.
pub fn print(request: &Value) {
    let plan = &request["plan"];
    if plan.is_null() {
        return;
    }
    println!("{} {}", bold(&format!("Plan {}:", text(&plan["revision"]))), text(&plan["summary"]));
    println!("  {}", faint(&facts(plan)));
    for note in plan["notes"].as_array().into_iter().flatten() {
        println!("  note: {}", text(note));
    }
    for (number, step) in plan["steps"].as_array().into_iter().flatten().enumerate() {
        print_step(number + 1, step);
    }
}

fn facts(plan: &Value) -> String {
    let by = &plan["planned_by"];
    let made = match (by["provider"].as_str(), by["model"].as_str()) {
        (Some(provider), Some(model)) => format!("planned by {provider} ({model})"),
        (Some("offline"), None) => "planned offline, from the catalogue alone".to_owned(),
        (Some(provider), None) => format!("planned by {provider}"),
        _ => String::new(),
    };
    format!(
        "risk {}, about {:.0} s, {:.2} USD, {made}, sha256 {}",
        words(&plan["risk"]),
        plan["estimated_seconds"].as_f64().unwrap_or(0.0),
        plan["estimated_cost_usd"].as_f64().unwrap_or(0.0),
        plan["sha256"].as_str().map_or("not yet", |hash| &hash[..hash.len().min(12)]),
    )
}

fn print_step(number: usize, step: &Value) {
    let after: Vec<String> = step["depends_on"].as_array().into_iter().flatten().map(text).collect();
    let after = if after.is_empty() { String::new() } else { format!(", after {}", after.join(", ")) };
    println!(
        "\n  {number}. {} {}",
        bold(&text(&step["title"])),
        faint(&format!("[{}: {}, {}{after}]", text(&step["step_id"]), text(&step["action"]), words(&step["risk"])))
    );
    for (name, value) in step["parameters"].as_object().into_iter().flatten() {
        print_parameter(name, value);
    }
    if let Some(why) = step["irreversible"].as_str() {
        println!("     can't be taken back: {why}");
    }
    print_preview(&step["preview"], step["risk"] == "read_only");
}

fn print_parameter(name: &str, value: &Value) {
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            println!("     {name}:");
            for item in items {
                let fields: Vec<String> =
                    item.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", text(value))).collect();
                println!("       - {}", fields.join(", "));
            }
        }
        other => {
            let shown = text(other);
            for (index, line) in shown.lines().enumerate() {
                println!("     {}{line}", if index == 0 { format!("{name} = ") } else { "       ".to_owned() });
            }
        }
    }
}

fn print_preview(preview: &Value, is_read_only: bool) {
    if let Some(attempt) = preview["after_attempt"].as_u64() {
        println!("     made again after attempt {attempt} was cut off. {}", text(&preview["text"]));
    }
    match preview["status"].as_str() {
        Some("done") => {}
        // What only reads has no preview, and its risk says so.
        Some("none") if is_read_only => return,
        Some(other) => {
            let reason = preview["error"]["message"].as_str().or(preview["text"].as_str()).unwrap_or_default();
            println!("     preview: {} {reason}", status(other));
            return;
        }
        None => return,
    }
    let changes = preview["changes"].as_array().map_or(&[][..], Vec::as_slice);
    let coverage = preview["coverage"].as_f64().unwrap_or(0.0) * 100.0;
    println!(
        "     preview: {} change{} ({coverage:.0} % of the play could be previewed)",
        changes.len(),
        if changes.len() == 1 { "" } else { "s" }
    );
    for change in changes {
        let hosts: Vec<String> = change["hosts"].as_array().into_iter().flatten().map(text).collect();
        println!("       ~ {} ({})", text(&change["name"]), hosts.join(", "));
        for line in change["diff"].as_str().into_iter().flat_map(str::lines) {
            println!("         {}", diff_line(line));
        }
    }
    for skipped in preview["not_previewed"].as_array().into_iter().flatten() {
        println!("       ? {} (can't be previewed)", text(skipped));
    }
    for warning in preview["warnings"].as_array().into_iter().flatten() {
        println!("       ! {}", text(warning));
    }
}

fn words(value: &Value) -> String {
    text(value).replace('_', "-")
}
