//! Completion while somebody types: verbs and flags, and the ids, hosts, actions and questions of the Chiffon that answers. Where none answers at
//! once, nothing is offered and nothing is said.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Command, CommandFactory as _};
use clap_complete::CompletionCandidate;
use clap_complete::engine::ArgValueCompleter;
use clap_complete::env::{CompleteEnv, Shells};
use serde_json::Value;

use crate::args::{Args, Global, Output};
use crate::client::{Api, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style::short;
use crate::show::table::text;
use crate::verb::agents;

/// Under this variable the shell's function asks. Not one of the configuration's.
const VARIABLE: &str = "_CHIFFON_COMPLETE";
/// Whoever waits for a key waits no longer.
const WITHIN: Duration = Duration::from_millis(700);
/// So many requests are offered.
const OFFERED: &str = "50";

/// Answers the shell and ends, where it is the shell that asks.
pub fn answer() {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// Prints what a shell has to read once.
pub fn script(shell: clap_complete::Shell) -> Outcome {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer = shells.completer(&name).ok_or_else(|| Failure::usage(format!("there is no completion for {name}")))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "chiffon", "chiffon", "chiffon", &mut script)?;
    print!("{}", String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// What an argument stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A request in one of these states, or in any.
    Request(Option<&'static str>),
    Host,
    Action,
    Agent,
    Question,
}

/// The command line, with what is asked for its arguments.
fn command() -> Command {
    asking(Args::command(), &[])
}

fn asking(command: Command, path: &[String]) -> Command {
    let verbs: Vec<&str> = path.iter().map(String::as_str).collect();
    let command = command.mut_args(|arg| match kind(&verbs, arg.get_id().as_str()) {
        Some(kind) => arg.add(ArgValueCompleter::new(move |typed: &OsStr| offered(kind, typed))),
        None => arg,
    });
    command.mut_subcommands(|verb| {
        let path: Vec<String> = path.iter().cloned().chain([verb.get_name().to_owned()]).collect();
        asking(verb, &path)
    })
}

fn kind(verbs: &[&str], arg: &str) -> Option<Kind> {
    Some(match (verbs, arg) {
        (["approve" | "reject"], "id") => Kind::Request(Some("awaiting_approval")),
        (["revise"], "id") => Kind::Request(Some("awaiting_approval,needs_input")),
        (["resolve"], "id") => Kind::Request(Some("needs_attention,paused")),
        (["show" | "cancel" | "pause" | "resume" | "logs" | "why"] | ["audit", _] | ["standing", "give"], "id")
        | (["costs"], "request") => Kind::Request(None),
        (["agents", _], "id") => Kind::Agent,
        (["release" | "requests"], "host") | (["request"], "on") => Kind::Host,
        (["requests" | "request"], "action") | (["actions"], "name") => Kind::Action,
        (["question"], "name") => Kind::Question,
        _ => return None,
    })
}

fn offered(kind: Kind, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy().to_lowercase();
    chiffon_process::telemetry::install_tls_provider();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let asked = runtime.block_on(async { tokio::time::timeout(WITHIN, asked(kind)).await });
    runtime.shutdown_background();
    let Ok(Ok(words)) = asked else { return Vec::new() };
    words
        .into_iter()
        .filter(|(word, _)| word.to_lowercase().starts_with(&typed))
        .map(|(word, help)| CompletionCandidate::new(word).help(Some(help.into())))
        .collect()
}

/// The words, each with what it is.
async fn asked(kind: Kind) -> Result<Vec<(String, String)>, Failure> {
    let api = Api::new(&global(std::env::args_os().map(|word| word.to_string_lossy().into_owned())))?;
    Ok(match kind {
        Kind::Request(states) => {
            let mut query = vec![("limit", OFFERED.to_owned())];
            query.extend(states.map(|states| ("status", states.to_owned())));
            let listed = api.get("/requests", &query).await?;
            let told =
                |row: &Value| (short(&text(&row["request_id"])).to_owned(), format!("{}: {}", text(&row["status"]), text(&row["text"])));
            rows(&listed).map(told).collect()
        }
        Kind::Host => {
            let listed = api.get("/agents", &[]).await?;
            let mut hosts: Vec<(String, String)> =
                rows(&listed).flat_map(|agent| agents::hosts(agent).into_iter().map(|host| (host, text(&agent["agent_id"])))).collect();
            hosts.sort();
            hosts.dedup_by(|one, other| one.0 == other.0);
            hosts
        }
        Kind::Action => {
            let listed = api.get("/actions", &[]).await?;
            rows(&listed).map(|action| (text(&action["name"]), text(&action["title"]))).collect()
        }
        Kind::Agent => {
            let listed = api.get("/agents", &[]).await?;
            rows(&listed).map(|agent| (text(&agent["agent_id"]), text(&agent["agent_type"]))).collect()
        }
        Kind::Question => {
            let listed = api.get("/questions", &[]).await?;
            rows(&listed).map(|question| (text(&question["name"]), text(&question["title"]))).collect()
        }
    })
}

/// The flags that say where to ask, as far as they are typed.
fn global(words: impl Iterator<Item = String>) -> Global {
    let words: Vec<String> = words.collect();
    let said = |flag: &str| {
        words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix(flag)?.split_at_checked(1) {
            None => words.get(at + 1).cloned(),
            Some(("=", value)) => Some(value.to_owned()),
            Some(_) => None,
        })
    };
    let variable = chiffon_process::config::variable;
    Global {
        output: Output::Text,
        url: said("--url").or_else(|| variable("CHIFFON_URL")),
        data_dir: said("--data-dir").or_else(|| variable("CHIFFON_DATA_DIR")).map(PathBuf::from),
        config: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_argument_that_names_a_thing_of_the_running_chiffon_is_there_to_be_completed() {
        fn found(command: &Command, path: &[String], all: &mut Vec<String>) {
            let verbs: Vec<&str> = path.iter().map(String::as_str).collect();
            all.extend(
                command
                    .get_arguments()
                    .filter(|arg| kind(&verbs, arg.get_id().as_str()).is_some())
                    .map(|arg| format!("{} {}", verbs.join(" "), arg.get_id())),
            );
            for verb in command.get_subcommands() {
                found(verb, &[path, &[verb.get_name().to_owned()]].concat(), all);
            }
        }
        let mut all = Vec::new();
        found(&Args::command(), &[], &mut all);
        for needed in [
            "approve id",
            "show id",
            "audit log id",
            "agents pause id",
            "release host",
            "requests action",
            "actions name",
            "request action",
            "request on",
            "question name",
        ] {
            assert!(all.iter().any(|one| one == needed), "{needed} of {all:?}");
        }
        command().debug_assert();
    }

    #[test]
    fn where_to_ask_is_read_from_what_is_typed() {
        let words = |words: &[&str]| global(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(words(&["chiffon", "--url", "http://nas:1", "show"]).url.as_deref(), Some("http://nas:1"));
        assert_eq!(words(&["chiffon", "--data-dir=/x", "show"]).data_dir, Some(PathBuf::from("/x")));
    }
}
