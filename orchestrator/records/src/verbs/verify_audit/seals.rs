//! Heads of ended requests, as the system chain keeps them, against the chains: the last row of a chain, or all of it, can't be
//! taken out or rewritten together with the request's own row.

use chiffon_kernel::domain::audit::Seal;
use chiffon_kernel::store;
use chiffon_protocol::canonical;
use serde_json::json;
use sqlx::PgConnection;

use super::Report;
use crate::store::read::audit;

const BATCH: usize = 1_000;

/// Checks seals, except those of chains that were found broken already.
pub(super) async fn run(connection: &mut PgConnection, seals: &[Seal], broken: &[String], report: &mut Report) -> Result<(), store::Error> {
    for batch in seals.chunks(BATCH) {
        let chains: Vec<String> = batch.iter().map(|seal| seal.chain.clone()).collect();
        let seqs: Vec<i64> = batch.iter().map(|seal| seal.seq).collect();
        let hashes = audit::hashes_at(&mut *connection, &chains, &seqs).await?;
        for (seal, hash) in batch.iter().zip(hashes) {
            if hash.as_deref().map(canonical::hex).as_deref() == Some(seal.head.as_str()) {
                report.seals += 1;
            } else if !broken.contains(&seal.chain) {
                report.broken(differs(seal, hash.is_some()), json!({"kind": "seal", "chain": seal.chain, "seq": seal.seq}));
            }
        }
    }
    Ok(())
}

fn differs(seal: &Seal, is_there: bool) -> String {
    let Seal { chain, seq, status, .. } = seal;
    if is_there {
        format!(
            "row {seq} of the audit chain {chain} is not the one that was sealed when the request was `{status}`: the chain was rewritten"
        )
    } else {
        format!(
            "the audit chain {chain} had {seq} rows when the request was `{status}`, and row {seq} is gone: its end, or all of it, was deleted"
        )
    }
}
