//! The command line: verbs, flags and their help. What a verb does stands in its own file.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::BusDriver;

/// Changes to your infrastructure in plain words: planned, previewed, approved by you, run once, and recorded.
#[derive(Debug, Parser)]
#[command(name = "chiffon", version, max_term_width = 110, subcommand_required = true, arg_required_else_help = true)]
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
    /// Where Chiffon listens [default: <data-dir>/url, else http://127.0.0.1:8080]
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
        /// Where to listen
        #[arg(long)]
        listen: Option<String>,
    },
    /// Run an agent
    Agent {
        #[arg(value_enum)]
        kind: AgentKind,
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
    Explain { code: u16 },
    /// Ask for a change in plain words; shows the plan, asks, and streams the run
    Request(Request),
    /// List requests, newest first
    Requests {
        /// Only those in this status
        #[arg(long)]
        status: Option<String>,
        /// Only those whose words contain this
        #[arg(long)]
        text: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show a request with its plan, previews, tasks and results
    Show { id: String },
    /// Approve the plan of a request, as it is now
    Approve {
        id: String,
        /// The hash you have seen; refused when the plan is another by now
        #[arg(long)]
        sha256: Option<String>,
        #[arg(long)]
        comment: Option<String>,
    },
    /// Reject the plan of a request
    Reject {
        id: String,
        #[arg(long)]
        comment: Option<String>,
    },
    /// Ask for a change of the plan, or answer a question, in words
    Revise { id: String, text: String },
    /// Cancel a request or a task
    Cancel { id: String },
    /// Decide about a task that is unknown or was interrupted; asks at a terminal
    Resolve(Resolve),
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
    Costs,
    /// The audit log
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Messages that could not be handled
    #[command(subcommand)]
    DeadLetters(DeadLetterVerb),
    /// Ask the database, read-only
    Sql {
        query: String,
        /// Another database than that of `chiffon up`
        #[arg(long)]
        database_url: Option<String>,
    },
    /// Access for people and programs
    #[command(subcommand)]
    Token(TokenVerb),
    /// Keys that sign messages
    #[command(subcommand)]
    Key(KeyVerb),
    /// Completions for a shell
    Completions { shell: clap_complete::Shell },
}

/// An installation that is not that of `chiffon up`.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// This database instead of that of `chiffon up`
    #[arg(long, hide_env_values = true)]
    pub database_url: Option<String>,
    /// The audit repository that belongs to it
    #[arg(long)]
    pub audit_repository: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Restore {
    /// What `chiffon backup` has written
    pub file: PathBuf,
    /// Only try it out: restore it into a temporary database, check all records, and leave nothing behind
    #[arg(long, conflicts_with = "replace")]
    pub verify: bool,
    /// Move the installation that is there aside
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Resolve {
    /// The task, or a request with exactly one such task
    pub id: String,
    #[command(flatten)]
    pub decision: Decision,
    /// How you know; needed for an unknown task, and for --done
    #[arg(long)]
    pub comment: Option<String>,
    /// You have looked: nothing of the attempt runs any more
    #[arg(long)]
    pub not_running: bool,
    /// The attempt that you have seen [default: the newest one]
    #[arg(long)]
    pub attempt: Option<i32>,
}

/// What a person decides: one of them, or none to be asked.
#[derive(Debug, Clone, clap::Args)]
pub struct Decision {
    /// Try it again, as a new attempt
    #[arg(long, group = "decided")]
    pub retry: bool,
    /// It is done: the steps after it go on
    #[arg(long, group = "decided")]
    pub done: bool,
    /// It is not done and will not be
    #[arg(long, group = "decided")]
    pub give_up: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Up {
    /// Where the API listens [default: 127.0.0.1:8080]
    #[arg(long)]
    pub listen: Option<String>,
    /// Use this database instead of a private one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Use this broker instead of a private one
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// Which broker
    #[arg(long, value_enum)]
    pub bus: Option<BusDriver>,
    /// The folder of actions [default: those of the source tree or the package]
    #[arg(long)]
    pub playbooks: Option<PathBuf>,
    /// The Ansible inventory [default: <data-dir>/inventory.yml; a demo host there when you have none]
    #[arg(long)]
    pub inventory: Option<PathBuf>,
    /// Play the whole story by itself on the demo host, then stop
    #[arg(long)]
    pub demo: bool,
}

#[derive(Debug, Subcommand)]
pub enum AgentsVerb {
    /// Have an agent take no more work; what it runs goes on
    Pause {
        id: String,
        /// Why, for whoever waits for it
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let a paused or drained agent take work again
    Resume {
        id: String,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Have an agent take no more work, finish what it runs, and end
    Drain {
        id: String,
        /// Why, for whoever waits for it
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AgentKind {
    /// Runs Ansible on the hosts of an inventory
    Infrastructure,
    /// Reports this machine, and works on it
    Desktop,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Request {
    /// The change, in plain words
    pub text: String,
    /// Approve the plan without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Only send it; do not wait for the plan
    #[arg(short, long, conflicts_with = "yes")]
    pub detach: bool,
    /// The most that planning it may cost, in US dollars
    #[arg(long)]
    pub max_cost_usd: Option<f64>,
    /// Higher goes first
    #[arg(long)]
    pub priority: Option<i32>,
}

#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Say whether the configuration can be used
    Check,
    /// Print each value and where it came from
    Dump,
}

#[derive(Debug, Subcommand)]
pub enum TopologyVerb {
    /// Declare what is missing
    Apply,
    /// Print it
    Show,
}

#[derive(Debug, Subcommand)]
pub enum ActionVerb {
    /// Say what is wrong with an action's folder
    Check { folder: PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Print the audit log of a request, or of the system
    Log { id: Option<String> },
    /// Check the hashes of the chain of a request, or of all
    Verify { id: Option<String> },
}

#[derive(Debug, Subcommand)]
pub enum DeadLetterVerb {
    /// Print them with reason, sender and time, newest first
    List {
        /// open, replayed, purged or all
        #[arg(long, default_value = "open")]
        state: String,
        /// Only those from this queue
        #[arg(long)]
        queue: Option<String>,
        /// Only those that were rejected with this code
        #[arg(long)]
        code: Option<u16>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Print one with its headers and its content
    Show { id: String },
    /// Send one to its queue again, or have its work offered again
    Replay { id: String },
    /// Throw the content of one away, or of all open ones that fit
    Purge {
        #[arg(required_unless_present_any = ["queue", "code", "sender", "all"], conflicts_with_all = ["queue", "code", "sender", "all"])]
        id: Option<String>,
        /// Those from this queue
        #[arg(long)]
        queue: Option<String>,
        /// Those that were rejected with this code
        #[arg(long)]
        code: Option<u16>,
        /// Those that carry this sender's signature
        #[arg(long)]
        sender: Option<String>,
        /// All of them
        #[arg(long, conflicts_with_all = ["queue", "code", "sender"])]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Make a token; it is printed once
    Create {
        /// Whose it is
        name: String,
        /// viewer, requester, operator, approver or admin
        #[arg(long)]
        role: String,
        /// It belongs to a program, which may never approve
        #[arg(long)]
        program: bool,
        /// Days until it expires
        #[arg(long)]
        days: Option<u32>,
    },
    /// List tokens
    List,
    /// Take a token back
    Revoke { id: String },
}

#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Print the public keys of this machine's processes
    Show {
        /// The secret key's file [default: all under the data directory]
        file: Option<PathBuf>,
    },
    /// Make a key
    New { file: PathBuf },
    /// Trust a public key, under which its owner may then ask over AMQP
    Trust {
        /// Whose it is
        name: String,
        /// As `chiffon key show` prints it
        public_key: String,
        /// viewer, requester, operator, approver or admin
        #[arg(long)]
        role: String,
        /// It belongs to a program, which may never approve
        #[arg(long)]
        program: bool,
        /// What it is for
        #[arg(long, default_value = "")]
        label: String,
    },
    /// List the keys under which people and programs ask over AMQP
    List,
    /// Take such a key back
    Revoke { id: String },
}
