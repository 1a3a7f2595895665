//! `chiffon actions`: what Chiffon can do.

use serde_json::Value;

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::called::CHIFFON;
use crate::show::plan;
use crate::show::style::bold;
use crate::show::table::{self, text};
use crate::show::text::{block, line};

/// Lists actions, or shows one.
pub async fn run(api: &Api, output: Output, name: Option<&str>) -> Outcome {
    match name {
        Some(name) => show(api, output, name).await,
        None => list(api, output).await,
    }
}

async fn list(api: &Api, output: Output) -> Outcome {
    let listed = api.get("/actions", &[]).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed)
            .map(|action| {
                let example = action["examples"].as_array().and_then(|examples| examples.first()).map(text).unwrap_or_default();
                vec![text(&action["name"]), text(&action["risk"]).replace('_', "-"), text(&action["title"]), example]
            })
            .collect();
        table::print(
            &["ACTION", "RISK", "WHAT", "FOR EXAMPLE"],
            table,
            &format!("No actions: no connected agent offers one (`{CHIFFON} agents`)."),
        );
        for left_out in listed["not_offered"].as_array().into_iter().flatten() {
            let (name, agent) = (text(&left_out["name"]), text(&left_out["agent_id"]));
            say!("Not offered: {name} by {agent} (error {}): {}", text(&left_out["code"]), text(&left_out["reason"]));
        }
    }
    Ok(Exit::Done)
}

/// The flags with which it is asked for: its hosts, and what must be given.
fn typed(action: &Value) -> String {
    let target = &action["target"]["parameter"];
    let on = if target.is_string() { " --on HOST" } else { "" };
    let required = action["parameters"]["required"].as_array().into_iter().flatten().filter(|name| *name != target);
    let has_default = |name: &&Value| !action["parameters"]["properties"][name.as_str().unwrap_or_default()]["default"].is_null();
    let flags: Vec<String> = required.filter(|name| !has_default(name)).map(|name| format!(" -p {}=…", text(name))).collect();
    format!("{on}{}", flags.concat())
}

async fn show(api: &Api, output: Output, name: &str) -> Outcome {
    let action = api.get(&format!("/actions/{name}"), &[]).await?;
    if table::json(output, &action) {
        return Ok(Exit::Done);
    }
    println!("{}  {}", bold(&text(&action["name"])), text(&action["title"]));
    println!("{}\n", block(action["description"].as_str().unwrap_or_default()));
    println!("risk {}, repeatable {}, check mode {}", text(&action["risk"]), text(&action["repeatable"]), text(&action["check"]));
    if let Some(code) = plan::own_code(&action) {
        println!("{code}");
    }
    println!("\nParameters");
    for (parameter, schema) in action["parameters"]["properties"].as_object().into_iter().flatten() {
        let required = action["parameters"]["required"].as_array().is_some_and(|names| names.iter().any(|name| name == parameter));
        let default = if schema["default"].is_null() { String::new() } else { format!(", default {}", text(&schema["default"])) };
        println!(
            "  {}: {}{default}{}  {}",
            line(parameter),
            text(&schema["type"]),
            if required { ", required" } else { "" },
            text(&schema["description"])
        );
    }
    println!("\nWithout words\n  {CHIFFON} request --action {name}{}", typed(&action));
    println!("\nFor example");
    for example in action["examples"].as_array().into_iter().flatten() {
        println!("  {CHIFFON} request \"{}\"", text(example));
    }
    Ok(Exit::Done)
}
