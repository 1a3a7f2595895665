//! Verbs about requests: asking, deciding, looking.

use clap::Subcommand;

use super::Most;

#[derive(Debug, Clone, clap::Args)]
pub struct Request {
    /// The change, in plain words, with or without quotes around them
    #[arg(required_unless_present = "action", num_args = 1..)]
    pub text: Vec<String>,
    /// Instead of words: an action by its name (`chiffon actions` lists them)
    #[arg(long, value_name = "NAME", conflicts_with = "text")]
    pub action: Option<String>,
    /// Where the action is to run: hosts and groups, with commas between them
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub on: Vec<String>,
    /// A parameter of the action, name=value; name:=JSON for what is no text, number or list
    #[arg(short, long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Approve the plan without asking, whatever it is
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

#[derive(Debug, Clone, clap::Args)]
pub struct Requests {
    /// Only those in this status: planning, needs_input, discovering, previewing, awaiting_approval, running, needs_attention, paused,
    /// completed, failed, cancelled, rejected or expired
    #[arg(long)]
    pub status: Option<String>,
    /// Only those whose words contain this
    #[arg(long)]
    pub text: Option<String>,
    /// Only those with a task for this host
    #[arg(long)]
    pub host: Option<String>,
    /// Only those with a task of this action
    #[arg(long)]
    pub action: Option<String>,
    /// Only those that this person or program asked for
    #[arg(long)]
    pub who: Option<String>,
    /// Only those that this began: a kind such as schedule, or schedule: and its id
    #[arg(long)]
    pub origin: Option<String>,
    /// Only those whose id begins or ends with this, four characters at least
    #[arg(long)]
    pub id: Option<String>,
    /// Only the one that came over AMQP by the message with this id
    #[arg(long)]
    pub message_id: Option<String>,
    /// Only those asked since then: a time such as 2026-11-29T05:00:00Z, or an age such as 30min, 12h or 7d
    #[arg(long)]
    pub since: Option<String>,
    #[command(flatten)]
    pub most: Most,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Approve {
    /// The request
    pub id: String,
    /// Approve without being asked
    #[arg(short, long)]
    pub yes: bool,
    /// Approve the plan with this hash (eight characters at least), which you have seen, without being asked; refused when the plan is another by now
    #[arg(long)]
    pub sha256: Option<String>,
    /// Leave these steps out, by their numbers in the plan or their ids, with commas between them; what depends on one can't be kept
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub without: Vec<String>,
    /// For the records
    #[arg(long)]
    pub comment: Option<String>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Reject {
    /// The request
    pub id: String,
    /// Reject without being asked
    #[arg(short, long)]
    pub yes: bool,
    /// Why, for the records and for who asked
    #[arg(long)]
    pub comment: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum StandingVerb {
    /// Stand for the steps of a plan that you have approved
    Give {
        /// The request whose plan it is
        id: String,
        /// For how long, such as 30d [default: as long as the policy allows]
        #[arg(long)]
        valid_for: Option<String>,
        /// For everybody's requests, not only those of whoever asked for this one
        #[arg(long, conflicts_with = "origin")]
        any: bool,
        /// For requests that something of this kind begins, such as schedule
        #[arg(long, value_name = "KIND")]
        origin: Vec<String>,
        /// For the records
        #[arg(long)]
        comment: Option<String>,
    },
    /// List standing approvals, newest first
    List {
        /// Only those that are valid, expired or withdrawn
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        most: Most,
    },
    /// Show one with the steps that it covers
    Show { id: String },
    /// Withdraw one: nothing begins under it any more, and what runs goes on
    Withdraw {
        id: String,
        /// For the records
        #[arg(long)]
        why: Option<String>,
    },
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
