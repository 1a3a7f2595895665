//! The audit repository against the database: the branch holds exactly the recorded commits, each is as it was recorded, and
//! names heads that stand in their chains.
//!
//! A commit's id covers its parents, so recorded ids fix the order, too.

use std::collections::{HashMap, HashSet};

use chiffon_kernel::domain::audit::SYSTEM_CHAIN;
use chiffon_kernel::store;
use chiffon_protocol::Problem;
use git2::Oid;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{PAGE, Report, in_repository, oid};
use crate::audit_repo::{AuditRepository, Found, Walk, trailer};
use crate::store::found_commits;
use crate::store::git_outbox::{self, Recorded};
use crate::store::read::audit;
use crate::verbs::record::{self, AUDIT_HEAD, SYSTEM_HEAD};

/// Checks the repository, whose branch ended at `head` before the snapshot was taken.
pub(super) async fn run(
    connection: &mut PgConnection,
    repository: &AuditRepository,
    head: Option<Oid>,
    report: &mut Report,
) -> Result<(), Problem> {
    let walk = in_repository(repository, AuditRepository::check).await?;
    report.objects = walk.objects;
    if let Some((file, why)) = &walk.damaged_pack {
        let message = format!(
            "the git file {} is damaged, and nothing of the repository was read: {why}; fetch it from a backup or a clone",
            file.display()
        );
        report.broken(message, json!({"kind": "git_pack", "file": file}));
        return Ok(());
    }
    for damage in &walk.damages {
        let message = format!(
            "the git object {} ({}, in commit {}) is damaged: {}; fetch it from a backup or a clone",
            damage.object, damage.what, damage.commit, damage.why
        );
        report.broken(message, json!({"kind": "git_object", "object": damage.object.to_string(), "commit": damage.commit.to_string()}));
    }
    let records = recorded(connection).await?;
    // What a restore found on the branch was recorded by a database that is no more.
    let known: HashSet<Oid> = found_commits::list(connection).await?.iter().filter_map(|id| oid(id)).collect();
    branch(&walk, head, &records, &known, report);
    let on_branch: HashSet<Oid> = walk.commits.iter().map(|found| found.id).collect();
    let readable = walk.damages.is_empty();
    let mut good = 0;
    for batch in records.chunks(usize::try_from(PAGE).unwrap_or(1_000)) {
        let is_ours = |record: &&Recorded| oid(&record.commit_id).is_some_and(|id| on_branch.contains(&id) && !known.contains(&id));
        let present: Vec<&Recorded> = batch.iter().filter(is_ours).collect();
        if readable {
            good += contents(repository, &present, report).await?;
        }
        heads(connection, &present, report).await?;
    }
    report.commits = Some(good);
    Ok(())
}

async fn recorded(connection: &mut PgConnection) -> Result<Vec<Recorded>, store::Error> {
    let mut records: Vec<Recorded> = Vec::new();
    loop {
        let after = records.last().map_or(Uuid::nil(), |record| record.id);
        let page = git_outbox::list_recorded(connection, after, PAGE).await?;
        if page.is_empty() {
            return Ok(records);
        }
        records.extend(page);
    }
}

/// Whether the branch holds the recorded commits and no others.
fn branch(walk: &Walk, head: Option<Oid>, records: &[Recorded], known: &HashSet<Oid>, report: &mut Report) {
    let by_commit: HashMap<Oid, &Recorded> = records.iter().filter_map(|record| Some((oid(&record.commit_id)?, record))).collect();
    let on_branch: HashSet<Oid> = walk.commits.iter().map(|found| found.id).collect();
    // What came onto the branch after its head was read may be newer than the snapshot.
    let older = walk.commits.iter().skip_while(|found| head.is_some_and(|head| on_branch.contains(&head) && found.id != head));
    let strange: Vec<&Found> = older.filter(|found| !by_commit.contains_key(&found.id) && !known.contains(&found.id)).collect();
    if let Some(first) = strange.last() {
        let record = first.trailer("Record-Id").and_then(|id| records.iter().find(|record| record.id.to_string() == id));
        let instead = record.map_or_else(
            || "no record of the database belongs to it".to_owned(),
            |record| format!("the database has {} for its record {}", record.commit_id, record.id),
        );
        let message = format!(
            "the audit repository was rewritten from commit {} (\"{}\") on: {instead}; {} commits on the branch were never recorded",
            first.id,
            first.subject(),
            strange.len()
        );
        let details = json!({"kind": "commit", "commit": first.id.to_string(), "record_id": first.trailer("Record-Id"),
            "recorded": record.map(|record| &record.commit_id), "commits": strange.len()});
        report.broken(message, details);
    }
    let mut missing: Vec<&Recorded> =
        records.iter().filter(|record| record.settled && !oid(&record.commit_id).is_some_and(|id| on_branch.contains(&id))).collect();
    missing.sort_by_key(|record| (record.at, record.id));
    // After a rewrite the recorded ones are gone for that reason.
    if let Some(first) = missing.first().filter(|_| strange.is_empty()) {
        let message = format!(
            "the audit repository has lost {} commits: the first is {} of record {} (task {})",
            missing.len(),
            first.commit_id,
            first.id,
            first.task_id.unwrap_or_default()
        );
        let details = json!({"kind": "commit_missing", "commit": first.commit_id, "record_id": first.id, "commits": missing.len()});
        report.broken(message, details);
    }
}

/// Whether commits hold what was recorded; how many do.
async fn contents(repository: &AuditRepository, records: &[&Recorded], report: &mut Report) -> Result<u64, Problem> {
    let plans: Vec<_> = records
        .iter()
        .filter_map(|record| Some((oid(&record.commit_id)?, record.id, record::commit_plan(&record.payload, &record.author, record.at))))
        .collect();
    let differences = in_repository(repository, move |repository| {
        let mut found = Vec::with_capacity(plans.len());
        for (id, record_id, plan) in plans {
            let differs = match &plan {
                Some(plan) => repository.differs(id, plan)?,
                None => Some("its record, which can't be read,".to_owned()),
            };
            found.push((id, record_id, differs));
        }
        Ok(found)
    })
    .await?;
    let mut good = 0;
    for (id, record_id, differs) in differences {
        match differs {
            None => good += 1,
            Some(what) => report.broken(
                format!("commit {id} and its record {record_id} in the database differ: {what} is not the same in both"),
                json!({"kind": "record", "commit": id.to_string(), "record_id": record_id}),
            ),
        }
    }
    Ok(good)
}

/// Whether the heads that commits name stand in their chains.
async fn heads(connection: &mut PgConnection, records: &[&Recorded], report: &mut Report) -> Result<(), store::Error> {
    let (mut of_requests, mut of_system) = (Named::default(), Named::default());
    for record in records {
        let Some(plan) = record::commit_plan(&record.payload, &record.author, record.at) else { continue };
        if let Some(head) = trailer(&plan.message, AUDIT_HEAD).and_then(unhex) {
            of_requests.add(record, record.request_id.to_string(), 0, head);
        }
        let system = trailer(&plan.message, SYSTEM_HEAD).and_then(|value| value.split_once(' '));
        if let Some((seq, head)) = system.and_then(|(seq, head)| Some((seq.parse().ok()?, unhex(head)?))) {
            of_system.add(record, SYSTEM_CHAIN.to_owned(), seq, head);
        }
    }
    let there = audit::are_in_chains(&mut *connection, &of_requests.chains, &of_requests.hashes).await?;
    of_requests.tell(&there, report);
    let found = audit::hashes_at(connection, &of_system.chains, &of_system.seqs).await?;
    let there: Vec<bool> = found.iter().zip(&of_system.hashes).map(|(found, named)| found.as_ref() == Some(named)).collect();
    of_system.tell(&there, report);
    Ok(())
}

/// Heads of chains that commits name.
#[derive(Default)]
struct Named<'r> {
    records: Vec<&'r Recorded>,
    chains: Vec<String>,
    seqs: Vec<i64>,
    hashes: Vec<Vec<u8>>,
}

impl<'r> Named<'r> {
    fn add(&mut self, record: &'r Recorded, chain: String, seq: i64, hash: Vec<u8>) {
        self.records.push(record);
        self.chains.push(chain);
        self.seqs.push(seq);
        self.hashes.push(hash);
    }

    fn tell(&self, there: &[bool], report: &mut Report) {
        for ((record, chain), _) in self.records.iter().zip(&self.chains).zip(there).filter(|(_, there)| !**there) {
            report.broken(
                format!(
                    "commit {} names a head of the audit chain {chain} that the chain does not have: the chain was rewritten",
                    record.commit_id
                ),
                json!({"kind": "head", "chain": chain, "commit": record.commit_id, "record_id": record.id}),
            );
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
