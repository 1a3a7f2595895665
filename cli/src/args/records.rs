//! Verbs about records: the audit log, and messages that could not be handled.

use clap::Subcommand;

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
