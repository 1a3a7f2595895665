//! Verbs about who may do what: people, programs, keys and agents.

use std::path::PathBuf;

use clap::Subcommand;

use super::Most;

#[derive(Debug, clap::Args)]
pub struct Login {
    /// Somebody else's name; left out for yourself
    pub name: Option<String>,
    /// Where they are new, what they may do: viewer, requester, operator, approver or admin
    #[arg(long, requires = "name")]
    pub role: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Password {
    /// Somebody else's name; left out for yourself
    pub name: Option<String>,
    /// Take it away; they sign in another way then
    #[arg(long, conflicts_with = "role")]
    pub remove: bool,
    /// Where they are new, what they may do: viewer, requester, operator, approver or admin
    #[arg(long, requires = "name")]
    pub role: Option<String>,
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
    List {
        #[command(flatten)]
        most: Most,
    },
    /// Take a token back
    Revoke { id: String },
}

#[derive(Debug, Subcommand)]
pub enum GrantVerb {
    /// List what somebody may do: their role everywhere, and their grants
    List { name: String },
    /// Give somebody a role for some hosts, actions and risks
    Add {
        name: String,
        /// viewer, requester, operator, approver or admin
        role: String,
        /// Only this host, or hosts of this group
        #[arg(long)]
        host: Option<String>,
        /// Only this action, or those that begin so: deploy_*
        #[arg(long)]
        action: Option<String>,
        /// Nothing of greater risk: read_only, low, medium, high or destructive
        #[arg(long)]
        risk: Option<String>,
    },
    /// Take a grant back
    Remove {
        name: String,
        /// As `chiffon grant list` shows it
        id: String,
    },
    /// Give somebody another role everywhere
    Role { name: String, role: String },
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
