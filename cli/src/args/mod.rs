//! The command line: verbs, flags and their help. What a verb does stands in its own file.

mod access;
mod machine;
#[cfg(test)]
mod page;
mod records;
mod request;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub use access::{AgentsVerb, GrantVerb, KeyVerb, Login, Password, TokenVerb};
pub use machine::{ActionVerb, ConfigVerb, Place, Restore, TopologyVerb, Up};
pub use records::{AuditVerb, Costs, DeadLetterVerb, Most, NotifyVerb, Question, WebhookVerb};
pub use request::{Approve, Decision, Reject, Request, Requests, Resolve, StandingVerb};

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 called wrongly, 3 rejected, cancelled or expired, 4 nobody answers, 5 an answer is needed, \
    6 an approval is needed, 130 left with Ctrl-C";

/// Changes to your infrastructure in plain words: planned, previewed, approved by you, run once, and recorded.
#[derive(Debug, Parser)]
#[command(name = "chiffon", version, max_term_width = 110, subcommand_required = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags that every verb takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// How data is printed on standard output
    #[arg(short, long, value_enum, global = true, default_value = "text")]
    pub output: Output,
    /// The running Chiffon that client verbs ask; several, with commas, are tried in turn [default: <data-dir>/url, else
    /// http://127.0.0.1:8080]
    #[arg(long, global = true, env = "CHIFFON_URL")]
    pub url: Option<String>,
    /// The data directory [default: /var/lib/chiffon as root, else $XDG_DATA_HOME/chiffon]
    #[arg(long, global = true, env = "CHIFFON_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// A configuration file on top of /etc/chiffon/chiffon.toml
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run everything on this machine: database, broker, orchestrator and agents
    Up(Up),
    /// Run an orchestrator on an existing database and broker
    Serve {
        /// The address and port on which this process listens, such as 127.0.0.1:8080
        #[arg(long)]
        listen: Option<String>,
    },
    /// Run an agent
    Agent {
        #[arg(value_parser = machine::kinds())]
        kind: String,
    },
    /// Bring the database to what this version needs
    Migrate,
    /// Put the database, the audit repository, keys and configuration into one file, while Chiffon runs
    Backup {
        /// The file, or a folder in which it is named by the time
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Make an installation of a backup, in an empty place, or try a backup out
    Restore(Restore),
    /// Check this machine and say what to fix
    Doctor,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Declare exchanges and queues on the broker
    #[command(subcommand)]
    Topology(TopologyVerb),
    /// Say what an error code means and what to do
    Explain { code: String },
    /// Ask for a change in plain words, or for an action by its name; shows the plan, asks, and streams the run
    Request(Request),
    /// Inbox, requests, fleet and queue on a full screen; decide there, too
    Watch,
    /// List requests, newest first
    Requests(Requests),
    /// Show a request with its plan, previews, tasks and results
    Show { id: String },
    /// Show the plan of a request, ask, and run it
    Approve(Approve),
    /// Stand for what you have approved, so that the same steps run without a second word
    #[command(subcommand)]
    Standing(StandingVerb),
    /// Show the plan of a request, ask why, and reject it
    Reject(Reject),
    /// Ask for a change of the plan, or answer a question, in words
    Revise {
        /// The request
        id: String,
        /// The words, with or without quotes around them
        #[arg(required = true, num_args = 1..)]
        text: Vec<String>,
    },
    /// Cancel a request or a task
    Cancel {
        /// Either
        id: String,
    },
    /// Decide about a task that is unknown or was interrupted; asks at a terminal
    Resolve(Resolve),
    /// Give a host back that is reserved because something of a stopped run may still run there; without a host, list those
    Release {
        host: Option<String>,
        /// How you know that nothing of it runs any more
        #[arg(long, requires = "host")]
        comment: Option<String>,
    },
    /// Begin nothing more of a request; what runs goes on
    Pause {
        id: String,
        /// For the records
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let a paused request go on
    Resume {
        id: String,
        /// For the records
        #[arg(long)]
        reason: Option<String>,
    },
    /// Print the log of a request or a task
    Logs {
        id: String,
        /// Go on until it ends
        #[arg(short, long)]
        follow: bool,
    },
    /// List agents and what they have free, or pause, resume or drain one
    Agents {
        #[command(subcommand)]
        verb: Option<AgentsVerb>,
    },
    /// List actions, or show one
    Actions { name: Option<String> },
    /// Work on actions
    #[command(subcommand)]
    Action(ActionVerb),
    /// Tell the story of a failure or a wait
    Why { id: String },
    /// What models have cost
    Costs(Costs),
    /// Ask about what was: which hosts fail, who approves, where the time goes; without a name, list the questions
    Question(Question),
    /// The audit log
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Messages that could not be handled
    #[command(subcommand)]
    DeadLetters(DeadLetterVerb),
    /// List the channels by which people are told what needs them, or see and try what they tell
    Notify {
        #[command(subcommand)]
        verb: Option<NotifyVerb>,
    },
    /// List the webhooks by which programs ask for something, or see what a call would ask
    Webhook {
        #[command(subcommand)]
        verb: Option<WebhookVerb>,
    },
    /// Ask the database, read-only
    Sql {
        query: String,
        /// Another database than that of `chiffon up`
        #[arg(long)]
        database_url: Option<String>,
    },
    /// Print a link that signs a browser in, once
    Login(Login),
    /// Set a password, yours or somebody else's; it is asked for, or read from standard input
    Password(Password),
    /// List people and programs, and what they may do
    People,
    /// Access for people and programs
    #[command(subcommand)]
    Token(TokenVerb),
    /// What somebody may do, everywhere and for some hosts, actions and risks
    #[command(subcommand)]
    Grant(GrantVerb),
    /// Keys that sign messages
    #[command(subcommand)]
    Key(KeyVerb),
    /// Write pages for `man`, one for each verb
    Man {
        /// The folder
        #[arg(long)]
        dir: PathBuf,
    },
    /// Print what a shell reads to complete verbs, flags, ids, hosts and actions, such as `source <(chiffon completions bash)`
    Completions { shell: clap_complete::Shell },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Each list of the API with the verb that prints it.
    const LISTS: [(&str, &[&str]); 7] = [
        ("/requests", &["requests"]),
        ("/audit", &["audit", "log"]),
        ("/audit/verify", &["audit", "verify"]),
        ("/costs", &["costs"]),
        ("/dead-letters", &["dead-letters", "list"]),
        ("/standing-approvals", &["standing", "list"]),
        ("/tokens", &["token", "list"]),
    ];

    /// The option of a filter that has another name.
    fn option(path: &str, parameter: &str) -> String {
        match (path, parameter) {
            // Whose chain it is.
            ("/audit" | "/audit/verify", "chain") => "id".to_owned(),
            ("/costs", "request_id") => "request".to_owned(),
            _ => parameter.to_owned(),
        }
    }

    #[test]
    fn each_filter_of_a_list_of_the_api_has_its_option() {
        let document: serde_json::Value = serde_json::from_str(include_str!("../../../web/openapi.json")).expect("JSON");
        for (path, verbs) in LISTS {
            let parameters = document["paths"][path]["get"]["parameters"].as_array().expect(path);
            let names = parameters.iter().filter(|parameter| parameter["in"] == "query").filter_map(|parameter| parameter["name"].as_str());
            let all = Args::command();
            let command = verbs.iter().fold(&all, |command, verb| command.find_subcommand(verb).expect(verb));
            let options: Vec<&str> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
            // A cursor is followed.
            for name in names.filter(|name| *name != "cursor") {
                assert!(
                    options.contains(&option(path, name).as_str()),
                    "{path}?{name}= has no option of `{}`: {options:?}",
                    verbs.join(" ")
                );
            }
        }
    }
}
