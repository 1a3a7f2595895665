//! Verbs about records: the audit log, messages that could not be handled, notifications and webhooks.

use std::path::PathBuf;

use clap::Subcommand;

/// How long a list may be.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Most {
    /// How many; what is left out is said [default: a screen full]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// All of them
    #[arg(long = "all", conflicts_with = "limit")]
    everything: bool,
}

impl Most {
    /// The most items, where `usual` is a screen full.
    pub fn limit(self, usual: usize) -> usize {
        if self.everything { usize::MAX } else { self.limit.map_or(usual, |limit| usize::try_from(limit).unwrap_or(usize::MAX)) }
    }
}

/// Which costs.
#[derive(Debug, Clone, clap::Args)]
pub struct Costs {
    /// Only calls since then: a time such as 2026-11-29T05:00:00Z, or an age such as 12h or 30d [default: 92d]
    #[arg(long)]
    pub since: Option<String>,
    /// Only calls made for this request
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Print the audit log of a request, or of the system
    Log {
        id: Option<String>,
        /// Newest first, in place of oldest first as they are linked
        #[arg(long)]
        newest: bool,
        #[command(flatten)]
        most: Most,
    },
    /// Check the hashes of the chain of a request, or of all
    Verify { id: Option<String> },
}

/// A question about what was.
#[derive(Debug, Clone, clap::Args)]
pub struct Question {
    /// Its name
    pub name: Option<String>,
    /// From when on: a time such as 2026-11-29T05:00:00Z, or an age such as 12h or 7d [default: 30d before the end]
    #[arg(long, requires = "name")]
    pub since: Option<String>,
    /// Before when [default: now]
    #[arg(long, requires = "name")]
    pub until: Option<String>,
    /// As a file for a spreadsheet
    #[arg(long, requires = "name", conflicts_with = "output")]
    pub csv: bool,
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
        /// Only those that carry this sender's signature
        #[arg(long)]
        sender: Option<String>,
        #[command(flatten)]
        most: Most,
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
pub enum NotifyVerb {
    /// Print notifications with how they were delivered, newest first
    List {
        /// pending, sent, withdrawn or given_up; all when not given
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        most: Most,
    },
    /// Send a message to a channel now, and say how that went
    Test { channel: String },
    /// Have a notification tried again that was given up
    Retry { id: String },
}

#[derive(Debug, Subcommand)]
pub enum WebhookVerb {
    /// Say what a call with this body would ask; nothing is asked
    Try {
        /// The webhook's name
        name: String,
        /// A file with the body as JSON; `-` for standard input
        body: PathBuf,
    },
}
