//! `chiffon restore --verify`: puts a backup into a private database and a temporary folder, checks all records there, and leaves
//! nothing behind.

use std::path::Path;

use chiffon_kernel::store::{self, Store};
use chiffon_nodes::PostgresNode;
use chiffon_process::{Clock as _, SystemClock};
use chiffon_protocol::Problem;
use chiffon_protocol::key::KeyPair;
use chiffon_records::audit_repo::AuditRepository;
use chiffon_records::verbs::verify_audit::{self, Report};
use chiffon_requests::verbs::after_restore;
use serde_json::json;

use super::make::store_options;
use super::manifest::{AUDIT, DATABASE, FILES, Manifest, Part, damaged, failed};
use super::programs;
use crate::args::Global;
use crate::exit::{Exit, Failure, Outcome};
use crate::run::up;
use crate::show::table;
use crate::verb::audit::print_report;

/// Checks an unpacked backup.
pub async fn run(global: &Global, unpacked: &Path, manifest: &Manifest) -> Outcome {
    let node = PostgresNode::start_temporary().await.map_err(|error| up::node_failure(&error))?;
    let checked = in_database(&node, unpacked, manifest).await;
    node.stop().await;
    let (report, newer) = checked?;
    keys(unpacked, manifest)?;
    let whole = report.is_whole();
    let shown = json!({
        "ok": whole, "made_at": manifest.made_at, "version": manifest.version, "schema": manifest.schema, "parts": manifest.parts.len(),
        "newer_commits": newer, "rows": report.rows, "chains": report.chains, "seals": report.seals, "logs": report.logs,
        "logs_expired": report.logs_expired, "commits": report.commits, "objects": report.objects, "found": report.found,
        "problems": report.problems,
    });
    if !table::json(global.output, &shown) {
        println!(
            "Made at {} by Chiffon {}; each of its {} parts is what its manifest says.",
            manifest.made_at,
            manifest.version,
            manifest.parts.len()
        );
        if newer > 0 {
            println!("The audit repository has {newer} commits that were made after the database's moment.");
        }
        print_report(&shown, whole);
    }
    Ok(if whole { Exit::Done } else { Exit::Failed })
}

async fn in_database(node: &PostgresNode, unpacked: &Path, manifest: &Manifest) -> Result<(Report, usize), Failure> {
    node.create_database("chiffon").await.map_err(|error| up::node_failure(&error))?;
    let url = node.url("chiffon");
    let store = fill(&url, unpacked, manifest).await?;
    let repository = repository(unpacked, &unpacked.join("audit.git"), manifest)?;
    let mut transaction = store.begin().await.map_err(Problem::from)?;
    let newer = after_restore::find_commits(&mut transaction, &repository, SystemClock.now()).await?;
    store::commit(transaction).await.map_err(Problem::from)?;
    let report = verify_audit::all(&store, Some(&repository)).await?;
    store.close().await;
    Ok((report, newer.len()))
}

/// Fills an empty database, and brings it to what this version needs.
pub async fn fill(url: &str, unpacked: &Path, manifest: &Manifest) -> Result<Store, Failure> {
    let store = Store::new(&store_options(url)).map_err(Problem::from)?;
    let mut connection = store.acquire().await.map_err(Problem::from)?;
    chiffon_orchestrator::store::backup::make_reader(&mut connection).await.map_err(Problem::from)?;
    let server = chiffon_orchestrator::store::backup::server(&mut connection).await.map_err(Problem::from)?;
    let server = u32::try_from(server).unwrap_or_default().max(manifest.server);
    programs::load(url, server, &unpacked.join(DATABASE)).await?;
    chiffon_orchestrator::store::backup::grant_reader(&mut connection).await.map_err(Problem::from)?;
    drop(connection);
    store.migrate().await.map_err(Problem::from)?;
    Ok(store)
}

/// Makes the audit repository, empty when nothing was committed.
pub fn repository(unpacked: &Path, path: &Path, manifest: &Manifest) -> Result<AuditRepository, Failure> {
    let made = match manifest.audit_head {
        Some(_) => AuditRepository::from_bundle(&unpacked.join(AUDIT), path),
        None => AuditRepository::open_or_create(path),
    };
    made.map_err(|error| failed("the audit repository can't be made", error))
}

/// The keys that messages are signed with; the one of host variables is any text.
fn keys(unpacked: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let signs = |part: &&Part| {
        let name = Path::new(&part.name).file_name().is_some_and(|name| name == "orchestrator.key" || name == "agent.key");
        part.name.starts_with(FILES) && name
    };
    for part in manifest.parts.iter().filter(signs) {
        let text = std::fs::read_to_string(unpacked.join(&part.name))?;
        if KeyPair::from_secret_text(text.trim()).is_none() {
            return Err(damaged(format!("{} holds no key", part.name)));
        }
    }
    Ok(())
}
