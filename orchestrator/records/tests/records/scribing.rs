//! The audit repository: each record one commit, whatever dies between writing it and settling it (RELIABILITY 22).

use std::path::Path;
use std::time::Duration;

use chiffon_harness::site::{Site, step};
use chiffon_harness::wire::WireAgent;
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::store::leases;
use chiffon_process::Clock as _;
use chiffon_protocol::message::Outcome;
use chiffon_protocol::shown::is_deceptive;
use chiffon_protocol::topology::RESULTS;
use chiffon_records::audit_repo::{AuditRepository, RepositoryError, trailer};
use chiffon_records::chores::git_scribe::{GitScribe, LEASE};
use chiffon_records::store::git_outbox::{self, Made};
use chiffon_records::verbs::{record, verify_audit};
use chiffon_requests::store::messages as store_messages;
use uuid::Uuid;

async fn one_finished_task(site: &Site) -> Uuid {
    let mut agent = WireAgent::start(site, "infra-1", &site.keys[0]).await;
    let request_id = site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(site).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    request_id
}

fn scribe(site: &Site, folder: &Path) -> (GitScribe, AuditRepository) {
    let repository = AuditRepository::open_or_create(folder).expect("a repository");
    (GitScribe::new(site.app.context.kernel.clone(), repository.clone()), repository)
}

fn messages(folder: &Path) -> Vec<String> {
    let repository = AuditRepository::open_existing(folder).expect("a repository");
    repository.list_until(|_| false).expect("they read").into_iter().map(|found| found.message).collect()
}

fn made(record_id: Uuid, commit: &str) -> Made {
    Made { id: record_id, payload: None, commit_id: commit.to_owned() }
}

async fn forget_that_it_was_settled(site: &Site, request_id: Uuid) {
    let sql = "UPDATE git_outbox SET settled_at = NULL WHERE request_id = $1";
    sqlx::query(sql).bind(request_id).execute(site.app.pool()).await.expect("it is forgotten");
}

#[tokio::test]
async fn a_record_becomes_one_commit_with_its_trailers_and_names_it_in_the_task() {
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, repository) = scribe(&site, &folder.path().join("audit.git"));
    assert_eq!(scribe.settle_open().await.expect("it settles"), 1);
    assert_eq!(scribe.settle_open().await.expect("it looks again"), 0);
    let messages = messages(repository.path());
    assert_eq!(messages.len(), 1);
    for part in ["infra(", &format!("Request-Id: {request_id}"), "Outcome: completed", "Agent: infra-1", "Audit-Head: ", "Record-Id: "] {
        assert!(messages[0].contains(part), "no `{part}` in:\n{}", messages[0]);
    }
    let named = site.task(request_id, "web").await["commit_id"].as_str().map(str::to_owned);
    assert_eq!(named, repository.head().expect("it reads").map(|id| id.to_string()));
}

#[tokio::test]
async fn many_records_are_committed_in_one_look_in_their_order_and_the_rest_at_once_after_it() {
    use futures::FutureExt as _;
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let more = "INSERT INTO git_outbox (id, request_id, task_id, payload, author, at)
        SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, request_id, task_id, payload, author, at + n * interval '1 second'
        FROM git_outbox, generate_series(1, 69) n";
    sqlx::query(more).execute(site.app.pool()).await.expect("stored");
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, repository) = scribe(&site, &folder.path().join("audit.git"));
    site.app.context.wakes.git_scribe.notified().now_or_never();
    assert_eq!(scribe.settle_open().await.expect("it settles"), 64);
    assert!(site.app.context.wakes.git_scribe.notified().now_or_never().is_some(), "it does not wait while there is work");
    assert_eq!(scribe.settle_open().await.expect("it settles"), 6);
    assert!(site.app.context.wakes.git_scribe.notified().now_or_never().is_none());
    let told: Vec<String> = messages(repository.path());
    let number = |message: &String| trailer(message, "Record-Id")?.strip_prefix("00000000-0000-0000-0000-")?.parse::<u32>().ok();
    let newest_first: Vec<u32> = told.iter().filter_map(number).collect();
    assert_eq!(newest_first, (1..70).rev().collect::<Vec<u32>>());
    let settled = "SELECT count(*) FROM git_outbox WHERE request_id = $1 AND settled_at IS NOT NULL";
    assert_eq!(site.app.number(settled, request_id).await, 70);
}

#[tokio::test]
async fn a_record_is_settled_beside_somebody_who_holds_its_request_and_then_wants_its_task() {
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, _) = scribe(&site, &folder.path().join("audit.git"));
    let mut other = site.app.pool().begin().await.expect("a transaction");
    sqlx::query("SELECT FROM requests WHERE id = $1 FOR UPDATE").bind(request_id).execute(&mut *other).await.expect("it is held");
    let go_on = async {
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND $1::uuid IS NOT NULL";
        while site.app.number(waits, request_id).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sqlx::query("UPDATE tasks SET message = 'ended' WHERE request_id = $1").bind(request_id).execute(&mut *other).await?;
        other.commit().await
    };
    let (settled, went_on) = tokio::join!(scribe.settle_open(), go_on);
    went_on.expect("nobody is in its way");
    assert_eq!(settled.expect("it waits for its turn"), 1);
}

#[tokio::test]
async fn what_would_act_in_a_terminal_is_written_out_in_everything_that_is_committed() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut plan = step("web", "web", &[]);
    plan["title"] = "Set up \u{1b}[2J\u{202e}web\u{200b}\u{9b}".into();
    site.approved(&[plan]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    agent.finish(&work, Outcome::Succeeded).await;
    site.turn().await;
    agent.hear_all().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, repository) = scribe(&site, &folder.path().join("audit.git"));
    scribe.settle_open().await.expect("it settles");
    let message = messages(repository.path()).remove(0);
    assert!(message.contains(r"Set up \u{1b}[2J\u{202e}web\u{200b}\u{9b}"), "{message}");
    let show =
        std::process::Command::new("git").arg("-C").arg(repository.path()).args(["show", "--no-color", "main"]).output().expect("git runs");
    let shown = String::from_utf8(show.stdout).expect("UTF-8");
    assert!(shown.contains("plan.json") && shown.contains(r"\u202eweb\u200b\u009b"), "{shown}");
    assert!(!shown.chars().any(|c| c != '\n' && is_deceptive(c)), "{shown:?}");
}

#[tokio::test]
async fn a_commit_and_its_page_have_the_words_of_each_revision_and_who_said_them() {
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let eve = site.app.person("eve", Role::Approver).await;
    let mut connection = site.app.context.store.acquire().await.expect("the database answers");
    let now = site.app.clock.now();
    let asker: Uuid = sqlx::query_scalar("SELECT principal_id FROM requests").fetch_one(site.app.pool()).await.expect("somebody asked");
    for (who, text) in [(asker, "set up web"), (eve.id, "wait, only\nweb, and not today")] {
        let turn = store_messages::Turn { request_id, principal_id: Some(who), text: text.to_owned(), round: 2 };
        store_messages::add(&mut connection, &[turn], now).await.expect("it is said");
    }
    let began = "UPDATE requests SET origin_kind = 'schedule', origin_id = 'nightly'";
    sqlx::query(began).execute(site.app.pool()).await.expect("a schedule began it");
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, repository) = scribe(&site, &folder.path().join("audit.git"));
    scribe.settle_open().await.expect("it settles");
    let message = messages(repository.path()).remove(0);
    assert!(message.contains("Then eve: wait, only web, and not today"), "{message}");
    let page: String =
        sqlx::query_scalar("SELECT f.value FROM git_outbox g, jsonb_each_text(g.payload -> 'files') f WHERE f.key LIKE '%request.md'")
            .fetch_one(site.app.pool())
            .await
            .expect("a page");
    assert!(page.contains("**eve**, ") && page.contains("> wait, only\n> web, and not today"), "{page}");
    assert!(page.contains("\n- Origin: schedule nightly\n"), "{page}");
}

#[tokio::test]
async fn a_commit_names_the_standing_approval_under_which_it_was_run() {
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let stood = "WITH stood AS (
            INSERT INTO standing_approvals (id, steps_sha256, scope, given_by, given_at, expires_at, request_id, plan_id, plan_sha256)
            SELECT $1, repeat('a', 64), 'any', principal_id, at, at + interval '1 day', $1, plan_id, plan_sha256 FROM approvals
            RETURNING id
        ), fixed AS (UPDATE plans SET steps_sha256 = repeat('a', 64), sha256 = sha256)
        UPDATE approvals SET standing_id = stood.id FROM stood";
    for statement in ["ALTER TABLE plans DISABLE TRIGGER plans_frozen", stood] {
        let query = sqlx::query(statement);
        let query = if statement == stood { query.bind(request_id) } else { query };
        query.execute(site.app.pool()).await.expect("stored");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, _repository) = scribe(&site, &folder.path().join("audit.git"));
    scribe.settle_open().await.expect("it settles");
    let page: String =
        sqlx::query_scalar("SELECT f.value FROM git_outbox g, jsonb_each_text(g.payload -> 'files') f WHERE f.key LIKE '%approval.json'")
            .fetch_one(site.app.pool())
            .await
            .expect("a page");
    let approvals: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    assert_eq!(approvals[0]["standing_approval"]["id"], request_id.to_string(), "{page}");
    assert_eq!(approvals[0]["standing_approval"]["steps_sha256"], "a".repeat(64), "{page}");
}

#[tokio::test]
async fn a_scribe_that_died_before_it_moved_the_branch_makes_the_same_commit_again() {
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (first, made) = scribe(&site, &folder.path().join("made.git"));
    first.settle_open().await.expect("it settles");
    // A branch that never moved: another repository, for a row that already names its commit.
    forget_that_it_was_settled(&site, request_id).await;
    let (second, again) = scribe(&site, &folder.path().join("again.git"));
    assert_eq!(second.settle_open().await.expect("it settles"), 1);
    assert_eq!(again.head().expect("it reads"), made.head().expect("it reads"));
}

#[tokio::test]
async fn a_scribe_that_died_after_it_moved_the_branch_commits_nothing_twice() {
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, repository) = scribe(&site, &folder.path().join("audit.git"));
    scribe.settle_open().await.expect("it settles");
    forget_that_it_was_settled(&site, request_id).await;
    assert_eq!(scribe.settle_open().await.expect("it settles"), 1);
    assert_eq!(messages(repository.path()).len(), 1);
}

#[tokio::test]
async fn a_scribe_without_the_lease_or_with_an_old_epoch_writes_nothing() {
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, repository) = scribe(&site, &folder.path().join("audit.git"));
    let mut connection = site.app.context.store.acquire().await.expect("a connection");
    let epoch =
        leases::acquire(&mut connection, LEASE, "another", Duration::from_mins(1)).await.expect("it answers").expect("it is free").epoch;
    assert_eq!(scribe.settle_open().await.expect("it looks"), 0);
    assert_eq!(messages(repository.path()), Vec::<String>::new());
    let record = git_outbox::list_open(&mut connection, 1).await.expect("it lists").remove(0);
    assert_eq!(record.request_id, request_id);
    let commit = "0".repeat(40);
    let stale = git_outbox::set_commits(&mut connection, &[made(record.id, &commit)], LEASE, epoch - 1).await.expect("it answers");
    let current = git_outbox::set_commits(&mut connection, &[made(record.id, &commit)], LEASE, epoch).await.expect("it answers");
    assert_eq!((stale, current), (false, true));
}

#[tokio::test]
async fn two_scribes_on_one_repository_make_each_commit_once() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    for _ in 0..6 {
        site.approved(&[step("web", "web", &[])]).await;
        site.turn().await;
        let work = agent.take(&site).await;
        agent.finish(&work, Outcome::Succeeded).await;
        site.turn().await;
        agent.hear_all().await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (one, repository) = scribe(&site, &folder.path().join("audit.git"));
    let other = GitScribe::new(
        chiffon_kernel::verbs::Context { instance: "another".into(), ..site.app.context.kernel.clone() },
        repository.clone(),
    );
    // The lease is taken away again and again in the middle of the work: each believes that it is its own.
    let take_away = async {
        for _ in 0..200 {
            sqlx::query("UPDATE leases SET expires_at = now()").execute(site.app.pool()).await.expect("it ends");
        }
    };
    let work = |scribe: GitScribe| async move {
        for _ in 0..40 {
            // Being overtaken is an error that the next look repairs.
            drop(scribe.settle_open().await);
        }
        scribe
    };
    let (one, _, ()) = tokio::join!(work(one), work(other), take_away);
    sqlx::query("UPDATE leases SET expires_at = now()").execute(site.app.pool()).await.expect("it ends");
    one.settle_open().await.expect("what is left is settled");
    let messages = messages(repository.path());
    let mut records: Vec<&str> = messages.iter().filter_map(|message| trailer(message, "Record-Id")).collect();
    records.sort_unstable();
    records.dedup();
    assert_eq!((messages.len(), records.len()), (6, 6), "{messages:#?}");
    let report = verify_audit::all(&site.app.context.store, Some(&repository)).await.expect("it looks");
    assert_eq!((report.problems.as_slice(), report.commits), (&[][..], Some(6)), "{report:?}");
}

#[tokio::test]
async fn a_scribe_that_was_stopped_in_its_middle_changes_nothing_when_it_goes_on() {
    let site = Site::start().await;
    let request_id = one_finished_task(&site).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (first, _) = scribe(&site, &folder.path().join("learned.git"));
    first.settle_open().await.expect("it settles");
    let mut connection = site.app.context.store.acquire().await.expect("a connection");
    let record = git_outbox::list_recorded(&mut connection, Uuid::nil(), 1).await.expect("it lists").remove(0);
    let plan = record::commit_plan(&record.payload, &record.author, record.at).expect("a record");
    forget_that_it_was_settled(&site, request_id).await;

    // The old one has written its objects and noted the commit, and is stopped before it moves the branch.
    let (scribe, repository) = scribe(&site, &folder.path().join("audit.git"));
    sqlx::query("UPDATE leases SET expires_at = now()").execute(site.app.pool()).await.expect("it ends");
    let epoch =
        leases::acquire(&mut connection, LEASE, "old", Duration::from_mins(1)).await.expect("it answers").expect("it is free").epoch;
    let commit = repository.write(&[plan], None, || false).expect("objects")[0];
    assert!(git_outbox::set_commits(&mut connection, &[made(record.id, &commit.to_string())], LEASE, epoch).await.expect("it answers"));
    sqlx::query("UPDATE leases SET expires_at = now()").execute(site.app.pool()).await.expect("it ends");
    assert_eq!(scribe.settle_open().await.expect("it settles"), 1);
    let head = repository.head().expect("it reads");
    // It goes on.
    assert!(matches!(repository.move_branch(None, commit), Err(RepositoryError::Moved(_))));
    assert!(!git_outbox::set_commits(&mut connection, &[made(record.id, &commit.to_string())], LEASE, epoch).await.expect("it answers"));
    assert_eq!((repository.head().expect("it reads"), messages(repository.path()).len()), (head, 1));
}

#[tokio::test]
async fn a_commit_waits_for_its_log_but_not_for_ever() {
    let site = Site::start().await;
    let mut agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.approved(&[step("web", "web", &[])]).await;
    site.turn().await;
    let work = agent.take(&site).await;
    let mut result = agent.result(&work, Outcome::Succeeded);
    result.last_seq = 3;
    agent.say(RESULTS, result).await;
    site.turn().await;
    agent.hear_all().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (scribe, repository) = scribe(&site, &folder.path().join("audit.git"));
    assert_eq!(scribe.settle_open().await.expect("it looks"), 0, "three lines are still on their way");
    site.app.clock.advance(Duration::from_secs(11));
    assert_eq!(scribe.settle_open().await.expect("it settles"), 1);
    assert_eq!(messages(repository.path()).len(), 1);
}
