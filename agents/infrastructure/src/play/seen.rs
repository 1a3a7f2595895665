//! What a play has said, as its outcome is judged by.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_protocol::message::Written;
use serde_json::Value;

use super::granted::{Beyond, Plays};
use super::outputs::PutOut;
use super::preview::Previewing;
use super::progress::Listed;
use super::variables;

/// A task that failed on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) host: String,
    pub(super) task: String,
    /// `ACTION/playbook.yml:12`.
    pub(super) place: String,
    pub(super) message: String,
}

/// The numbers of one host at a play's end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct HostStats {
    pub(super) ok: u64,
    pub(super) changed: u64,
    pub(super) skipped: u64,
    pub(super) failures: u64,
    pub(super) unreachable: u64,
    pub(super) rescued: u64,
    pub(super) ignored: u64,
}

/// What a play has said.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) stats: Option<BTreeMap<String, HostStats>>,
    /// All that failed, ignored and rescued failures among them: the statistics tell which counted.
    pub(super) failures: Vec<Failure>,
    pub(super) unreachable: BTreeMap<String, String>,
    /// Tasks that changed a host, in order.
    pub(super) changed: Vec<(String, String)>,
    /// What they wrote, in order, by host.
    pub(super) written: Vec<(String, Written)>,
    /// In check mode: those that ran for real all the same and changed a host, in order.
    pub(super) made: Vec<(String, String)>,
    pub(super) outputs: PutOut,
    pub(super) warnings: Vec<String>,
    pub(super) current_task: String,
    /// Where it acts without a grant.
    pub(super) beyond: Option<Beyond>,
    /// Plays that did not run on all that they name.
    pub(super) plays: Plays,
    /// Hosts on which a task began.
    pub(super) begun: BTreeSet<String>,
    /// By host, of a play that was stopped or died: the task that had begun there and had not said how it ended.
    pub(super) under_way: BTreeMap<String, String>,
    /// By host, of a play that was stopped: what it has started there and whose end was not seen.
    pub(super) may_still_run: BTreeMap<String, Vec<String>>,
    /// Hosts for which a play was ended because of others.
    pub(super) unended: BTreeSet<String>,
    pub(super) errors: String,
    /// The host variables that it found.
    pub(super) variables: variables::Told,
    pub(super) previewing: Previewing,
    /// Tasks of the playbook that never began.
    pub(super) unstarted: Vec<Listed>,
}

/// Reads the numbers of one host.
pub(super) fn host_stats(stats: &Value) -> HostStats {
    let number = |key: &str| stats.get(key).and_then(Value::as_u64).unwrap_or(0);
    HostStats {
        ok: number("ok"),
        changed: number("changed"),
        skipped: number("skipped"),
        failures: number("failures"),
        unreachable: number("unreachable"),
        rescued: number("rescued"),
        ignored: number("ignored"),
    }
}
