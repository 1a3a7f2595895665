//! `chiffon up --demo`: plays the whole story by itself on the demo host, showing each step.

use std::process::Command;

use serde_json::{Value, json};

use crate::args::{Global, Output};
use crate::client::Api;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, Outcome};
use crate::run::sql;
use crate::show::style::bold;
use crate::show::table::text;
use crate::show::text::block;
use crate::show::{plan, request as show_request};
use crate::verb::follow;

const WISH: &str = "Deploy Kuma Uptime to nas and add our existing portals";
const CHANGE: &str = "Use port 3002";

/// Plays it; fails where the story does not go as told.
pub async fn run(api: &Api, data_dir: &DataDir) -> Outcome {
    chapter("Somebody asks", &format!("chiffon request \"{WISH}\""));
    let sent = api.post("/request", &json!({"text": WISH})).await?;
    let id = text(&sent["request_id"]);
    let planned = awaiting_approval(api, &id).await?;
    plan::print(&planned);
    show_request::print_wait(&planned);

    chapter("The plan is changed in words", &format!("chiffon revise {id} \"{CHANGE}\""));
    let body = json!({"request_id": id, "plan_sha256": planned["plan"]["sha256"], "decision": "revise", "comment": CHANGE});
    api.post("/approve", &body).await?;
    let revised = awaiting_approval(api, &id).await?;
    plan::print(&revised);

    chapter("A person approves exactly this plan, and it runs", &format!("chiffon approve {id}"));
    api.decide(&id, &text(&revised["plan"]["sha256"]), "approve", None).await?;
    follow::to_the_end(api, Output::Text, &id).await?;
    let done = api.request(&id).await?;
    if done["status"] != "completed" {
        return Err(Failure::failed(format!("the request ended {}; `chiffon why {id}` tells the story", text(&done["status"]))));
    }
    records(api, data_dir, &id).await
}

async fn awaiting_approval(api: &Api, id: &str) -> Result<Value, Failure> {
    let request = follow::until_person_or_end(api, id).await?;
    if request["status"] == "awaiting_approval" {
        return Ok(request);
    }
    show_request::print(&request);
    Err(Failure::failed(format!("no plan was made; the request is {}", text(&request["status"]))))
}

async fn records(api: &Api, data_dir: &DataDir, id: &str) -> Outcome {
    wait_for_commit(api, id).await?;
    let repository = data_dir.audit_repository();
    let repository = repository.display().to_string();
    chapter("Git has it", &format!("git -C {repository} log"));
    show(&["git", "-C", &repository, "log", "--max-count=2"])?;
    chapter("… line by line", &format!("git -C {repository} blame main -- hosts/nas/kuma.yml"));
    show(&["git", "-C", &repository, "blame", "main", "--", "hosts/nas/kuma.yml"])?;
    let query = format!("SELECT seq, at, actor, event FROM request_timeline WHERE request_id = '{id}'");
    chapter("Postgres has it", &format!("chiffon sql \"{query}\""));
    let global = Global { output: Output::Text, url: None, data_dir: Some(data_dir.root().to_owned()), config: None };
    sql::run(&global, &query, None).await?;
    chapter("That is the story.", "make up");
    Ok(Exit::Done)
}

async fn wait_for_commit(api: &Api, id: &str) -> Result<(), Failure> {
    for _ in 0..300 {
        let request = api.request(id).await?;
        if request["commits"].as_array().is_some_and(|commits| !commits.is_empty()) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Failure::failed("the commit did not appear in the audit repository within 30 s"))
}

fn chapter(title: &str, command: &str) {
    println!("\n{}\n$ {command}", bold(&format!("== {title}")));
}

fn show(command: &[&str]) -> Result<(), Failure> {
    let output = Command::new(command[0]).args(&command[1..]).output()?;
    print!("{}", block(&String::from_utf8_lossy(&output.stdout)));
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::failed(format!("{}: {}", command.join(" "), String::from_utf8_lossy(&output.stderr))))
}
