//! All records are found whole, or what is not is named: each way to change one is tried, and undone (RELIABILITY 21 and 22).

use std::path::{Path, PathBuf};
use std::time::Duration;

use chiffon_harness::site::{Site, id, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::chores::Chore as _;
use chiffon_protocol::message::Outcome;
use chiffon_protocol::topology::RESULTS;
use chiffon_records::audit_repo::AuditRepository;
use chiffon_records::chores::git_scribe::GitScribe;
use chiffon_records::chores::log_sealer::LogSealer;
use chiffon_records::verbs::verify_audit::{self, Report};
use serde_json::{Value, json};
use uuid::Uuid;

const LINES: u64 = 250;

/// Two requests that have ended, each with a log of [`LINES`] lines, sealed and committed.
struct Records {
    site: Site,
    folder: tempfile::TempDir,
    repository: AuditRepository,
    requests: [Uuid; 2],
}

impl Records {
    async fn make() -> Self {
        let site = Site::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let repository = AuditRepository::open_or_create(&folder.path().join("audit.git")).expect("a repository");
        let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
        let requests = [finished(&site, &mut agent).await, finished(&site, &mut agent).await];
        let sealer = LogSealer::new(site.app.context.kernel.clone());
        assert_eq!(sealer.tick().await.expect("it seals").done, 2);
        assert_eq!(sealer.tick().await.expect("it looks again").done, 0);
        let scribe = GitScribe::new(site.app.context.kernel.clone(), repository.clone());
        assert_eq!(scribe.settle_open().await.expect("it commits"), 2);
        // Only somebody who owns the database can do this.
        sqlx::query("ALTER TABLE audit_log DISABLE TRIGGER ALL").execute(site.app.pool()).await.expect("an owner");
        Self { site, folder, repository, requests }
    }

    async fn verify(&self) -> Report {
        verify_audit::all(&self.site.app.context.store, Some(&self.repository)).await.expect("it looks")
    }

    async fn sql(&self, statement: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(self.site.app.pool())
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Does something, looks, and undoes it; the details of what was found first, and its words.
    async fn after(&self, change: &str, undo: &str) -> (Value, String) {
        self.sql(change).await;
        let report = self.verify().await;
        self.sql(undo).await;
        let first = report.problems.first().unwrap_or_else(|| panic!("nothing was found after: {change}"));
        (first.details.clone(), first.message.clone())
    }

    /// The same for rows that are taken out and put back.
    async fn without(&self, table: &str, which: &str) -> (Value, String) {
        let change = format!("CREATE TABLE kept AS SELECT * FROM {table} WHERE {which}; DELETE FROM {table} WHERE {which}");
        self.after(&change, &format!("INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept")).await
    }
}

async fn finished(site: &Site, agent: &mut WireAgent) -> Uuid {
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(site).await;
    agent.progress(&work, 50, &(1..=LINES).collect::<Vec<_>>()).await;
    let mut result = agent.result(&work, Outcome::Succeeded);
    result.last_seq = LINES;
    agent.say(RESULTS, result).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!(site.app.status(request_id).await, "completed");
    request_id
}

#[tokio::test]
async fn whole_records_are_found_whole() {
    let records = Records::make().await;
    let report = records.verify().await;
    assert_eq!(report.problems, []);
    assert_eq!((report.chains, report.logs, report.commits), (3, 2, Some(2)), "{report:?}");
    assert!(report.seals >= 2, "each end is sealed, and each later row again: {report:?}");
    let one = verify_audit::one(&records.site.app.context.store, &records.requests[0].to_string()).await.expect("it looks");
    let one = one.expect("the chain is there");
    assert!(one.is_whole() && one.chains == 1 && one.logs == 1 && one.seals >= 1, "{one:?}");
}

#[tokio::test]
async fn a_changed_byte_in_any_row_is_found_where_it_stands() {
    let records = Records::make().await;
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT chain, seq FROM audit_log ORDER BY chain, seq").fetch_all(records.site.app.pool()).await.expect("rows");
    assert!(rows.len() > 10);
    for (chain, seq) in rows {
        for (change, undo) in [
            ("actor = actor || '!'", "actor = left(actor, -1)"),
            ("event = event || '!'", "event = left(event, -1)"),
            ("at = at + interval '1 microsecond'", "at = at - interval '1 microsecond'"),
            ("data = data || '{\"added\": 1}'", "data = data - 'added'"),
            ("hash = set_byte(hash, 7, get_byte(hash, 7) # 1)", "hash = set_byte(hash, 7, get_byte(hash, 7) # 1)"),
        ] {
            let update = |set: &str| format!("UPDATE audit_log SET {set} WHERE chain = '{chain}' AND seq = {seq}");
            let (details, message) = records.after(&update(change), &update(undo)).await;
            assert_eq!((&details["chain"], &details["seq"]), (&json!(chain), &json!(seq)), "{change}: {message}");
        }
    }
    assert!(records.verify().await.is_whole());
}

#[tokio::test]
async fn deleted_rows_are_found_also_at_the_end_of_a_chain_and_whole_chains() {
    let records = Records::make().await;
    let chain = records.requests[0].to_string();
    let last = records.site.app.number("SELECT audit_seq FROM streams WHERE id = $1", records.requests[0]).await;
    for seq in 1..=last {
        let (details, message) = records.without("audit_log", &format!("chain = '{chain}' AND seq = {seq}")).await;
        assert_eq!((&details["chain"], &details["seq"]), (&json!(chain), &json!(seq)), "{message}");
    }
    let (details, message) = records.without("audit_log", &format!("chain = '{chain}'")).await;
    assert_eq!((&details["chain"], &details["seq"]), (&json!(chain), &json!(1)), "{message}");

    // Together with what the request's own row says of its chain, only the seal tells.
    let shorten = format!(
        "CREATE TABLE kept AS SELECT * FROM audit_log WHERE chain = '{chain}' AND seq = {last};
        CREATE TABLE head AS SELECT audit_seq, audit_head FROM streams WHERE id = '{chain}';
        DELETE FROM audit_log WHERE chain = '{chain}' AND seq = {last};
        UPDATE streams SET audit_seq = {last} - 1, audit_head = (SELECT prev_hash FROM kept) WHERE id = '{chain}'"
    );
    let undo = format!(
        "INSERT INTO audit_log SELECT * FROM kept; UPDATE streams SET audit_seq = h.audit_seq, audit_head = h.audit_head FROM head h
        WHERE id = '{chain}'; DROP TABLE kept; DROP TABLE head"
    );
    let (details, message) = records.after(&shorten, &undo).await;
    assert_eq!((&details["kind"], &details["chain"], &details["seq"]), (&json!("seal"), &json!(chain), &json!(last)), "{message}");
    let empty = format!(
        "CREATE TABLE kept AS SELECT * FROM audit_log WHERE chain = '{chain}';
        CREATE TABLE head AS SELECT audit_seq, audit_head FROM streams WHERE id = '{chain}';
        DELETE FROM audit_log WHERE chain = '{chain}'; UPDATE streams SET audit_seq = 0, audit_head = NULL WHERE id = '{chain}'"
    );
    let (details, message) = records.after(&empty, &undo).await;
    assert_eq!((&details["kind"], &details["chain"]), (&json!("seal"), &json!(chain)), "{message}");

    // The end of the system chain is vouched for by the commits.
    let shorten = "CREATE TABLE kept AS SELECT * FROM audit_log WHERE chain = 'system';
        CREATE TABLE head AS SELECT * FROM audit_heads;
        DELETE FROM audit_log WHERE chain = 'system' AND seq > 1;
        UPDATE audit_heads SET seq = 1, head = (SELECT hash FROM audit_log WHERE chain = 'system')";
    let undo = "DELETE FROM audit_log WHERE chain = 'system'; INSERT INTO audit_log SELECT * FROM kept;
        UPDATE audit_heads a SET seq = h.seq, head = h.head FROM head h; DROP TABLE kept; DROP TABLE head";
    let (details, message) = records.after(shorten, undo).await;
    assert_eq!((&details["kind"], &details["chain"]), (&json!("head"), &json!("system")), "{message}");
    assert!(records.verify().await.is_whole());
}

#[tokio::test]
async fn a_changed_or_missing_log_line_is_found_and_an_expired_log_is_no_damage() {
    let records = Records::make().await;
    let task_id = id(&records.site.task(records.requests[0], "web").await);
    let changed = |set: &str| format!("UPDATE execution_logs SET {set} WHERE task_id = '{task_id}' AND seq = 117");
    for (change, undo) in [
        ("text = text || '!'", "text = left(text, -1)"),
        ("kind = kind || '!'", "kind = left(kind, -1)"),
        ("diff = '+x'", "diff = NULL"),
        ("host = NULL", "host = 'nas'"),
    ] {
        let (details, message) = records.after(&changed(change), &changed(undo)).await;
        assert_eq!((&details["kind"], &details["task_id"]), (&json!("log"), &json!(task_id)), "{message}");
        assert_eq!((&details["from"], &details["to"]), (&json!(101), &json!(200)), "{message}");
    }
    for seq in [1, 117, LINES] {
        let (details, message) = records.without("execution_logs", &format!("task_id = '{task_id}' AND seq = {seq}")).await;
        assert_eq!(details["from"], json!(seq), "{message}");
    }
    // Expired: the partition of its time is gone, and there are newer ones.
    records.sql(&format!("DELETE FROM execution_logs WHERE task_id = '{task_id}'")).await;
    records.sql("CREATE TABLE execution_logs_later PARTITION OF execution_logs FOR VALUES FROM ('2999-01-01') TO ('2999-02-01')").await;
    let report = records.verify().await;
    assert_eq!((report.problems.as_slice(), report.logs, report.logs_expired), (&[][..], 1, 1), "{report:?}");
}

#[tokio::test]
async fn lines_that_come_after_their_seal_are_sealed_again() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.progress(&work, 50, &[1, 2]).await;
    let mut result = agent.result(&work, Outcome::Succeeded);
    result.last_seq = 3;
    agent.say(RESULTS, result).await;
    site.turn().await;
    let sealer = LogSealer::new(site.app.context.kernel.clone());
    assert_eq!(sealer.tick().await.expect("it looks").done, 0, "a line is still on its way");
    site.app.clock.advance(Duration::from_hours(2));
    assert_eq!(sealer.tick().await.expect("it seals").done, 1, "not for ever");
    agent.progress(&work, 50, &[3]).await;
    site.turn().await;
    agent.hear_all().await;
    assert_eq!(sealer.tick().await.expect("it seals").done, 1);
    assert_eq!(site.audited(request_id, "log.sealed").await, 2);
    let report = verify_audit::all(&site.app.context.store, None).await.expect("it looks");
    assert_eq!((report.problems.as_slice(), report.logs, report.commits), (&[][..], 1, None), "{report:?}");
}

fn git(repository: &Path, args: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["-c", "user.name=eve", "-c", "user.email=eve@localhost"])
        .args(args)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn object_files(repository: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(repository.join("objects")).expect("objects").flatten();
    let folders = folders.filter(|folder| folder.file_name().len() == 2);
    folders.flat_map(|folder| std::fs::read_dir(folder.path()).expect("objects").flatten()).map(|file| file.path()).collect()
}

#[tokio::test]
async fn a_rewritten_repository_is_found_commit_by_commit_and_byte_by_byte() {
    let records = Records::make().await;
    let path = records.repository.path().to_owned();
    let main = |id: &str| git(&path, &["update-ref", "refs/heads/main", id]);
    let (second, first) = (git(&path, &["rev-parse", "main"]), git(&path, &["rev-parse", "main~1"]));
    let tree = git(&path, &["rev-parse", "main^{tree}"]);

    // The newest commit with another message, and the one before it.
    let message = git(&path, &["log", "-1", "--format=%B", "main"]);
    main(&git(&path, &["commit-tree", &tree, "-p", &first, "-m", &message.replace("completed", "failed")]));
    let found = records.verify().await;
    assert_eq!((found.found, &found.problems[0].details["recorded"]), (1, &json!(second)), "{found:?}");
    let message = git(&path, &["log", "-1", "--format=%B", "main~1"]);
    let other = git(&path, &["commit-tree", &format!("{first}^{{tree}}"), "-m", &message]);
    main(&git(&path, &["commit-tree", &tree, "-p", &other, "-m", "x"]));
    let found = records.verify().await;
    assert_eq!((&found.problems[0].details["commit"], &found.problems[0].details["recorded"]), (&json!(other), &json!(first)), "{found:?}");
    // One that nobody recorded, on top; and one taken away.
    let forged = git(&path, &["commit-tree", &tree, "-p", &second, "-m", "infra: nothing"]);
    main(&forged);
    let found = records.verify().await;
    assert_eq!((found.found, &found.problems[0].details["commit"]), (1, &json!(forged)), "{found:?}");
    main(&first);
    let found = records.verify().await;
    assert_eq!(
        (&found.problems[0].details["kind"], &found.problems[0].details["commit"]),
        (&json!("commit_missing"), &json!(second)),
        "{found:?}"
    );
    main(&second);

    let reached = git(&path, &["rev-list", "--objects", "main"]);
    let reached: Vec<&str> = reached.lines().filter_map(|line| line.split(' ').next()).collect();
    let mut flipped = 0;
    for file in object_files(&path) {
        let name = format!(
            "{}{}",
            file.parent().expect("a folder").file_name().expect("a name").display(),
            file.file_name().expect("a name").display()
        );
        if !reached.contains(&name.as_str()) {
            continue;
        }
        let good = std::fs::read(&file).expect("it reads");
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        std::fs::remove_file(&file).expect("it goes");
        std::fs::write(&file, bad).expect("it is written");
        let found = records.verify().await;
        assert_eq!(found.problems[0].details["object"], json!(name), "{found:?}");
        std::fs::write(&file, good).expect("it is written");
        flipped += 1;
    }
    assert!(flipped >= 10, "{flipped} objects");

    // The record in the database is changed instead.
    let change = |from: &str, to: &str| format!("UPDATE git_outbox SET payload = replace(payload::text, '{from}', '{to}')::jsonb");
    let (details, message) = records.after(&change("Outcome", "Outgrow"), &change("Outgrow", "Outcome")).await;
    assert_eq!(details["kind"], "record", "{message}");
    assert!(records.verify().await.is_whole());
    drop(records.folder);
}
