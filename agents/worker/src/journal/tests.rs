//! The journal as a whole, on a real disk: what a start finds after each way in which the one before may have ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chiffon_process::{RandomIds, SystemClock};
use chiffon_protocol::message::{Outcome, ResourceUsage, ResultStatus, WorkResult};
use chiffon_testkit::{not_run, until};
use chrono::{DateTime, Utc};
use futures::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::event_log::{EventLog, Rest};
use super::{Found, Journal, Key, Record, journalled};
use crate::machine::State;
use crate::run_context::NewEvent;

mod damage;

const PATIENCE: Duration = Duration::from_secs(30);

fn open(data_dir: &Path) -> Journal {
    Journal::open(data_dir, &SystemClock, &RandomIds).expect("opens")
}

fn record(task: u128, state: State) -> Record {
    let task_id = Uuid::from_u128(task);
    let started_at = (state >= State::Starting).then(at);
    let (work_sha256, trace_id) = ("0".repeat(64), "1".repeat(32));
    Record { task_id, attempt: 1, offer: 1, state, claim_id: task_id, work_sha256, trace_id, request_id: task_id, started_at }
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a valid time")
}

fn result(task: u128) -> WorkResult {
    WorkResult {
        task_id: Uuid::from_u128(task),
        status: ResultStatus::Completed,
        output: "done".to_owned(),
        duration_seconds: 0.5,
        resource_usage: ResourceUsage::default(),
        attempt: 1,
        agent_id: "agent-1".to_owned(),
        exit_code: Some(0),
        changed: false,
        hosts: Vec::new(),
        outputs: serde_json::Map::new(),
        last_seq: 1,
        error: None,
        outcome: Some(Outcome::Succeeded),
        warnings: Vec::new(),
        preview: None,
        variables: None,
        started_at: None,
        events: Vec::new(),
    }
}

fn work() -> Bytes {
    json!({"what": "as it came", "parameters": "x".repeat(1_000)}).to_string().into()
}

async fn receive(journal: &Journal, task: u128) {
    journal.add(&record(task, State::Received), &work()).await.expect("written");
}

async fn begin(journal: &Journal, task: u128) {
    journal.change(&record(task, State::Starting)).await.expect("written");
}

async fn end(journal: &Journal, task: u128) {
    journal.end(record(task, State::Finished), result(task), &Rest::default()).await.expect("written");
}

fn key(task: u128) -> Key {
    (Uuid::from_u128(task), 1)
}

/// Each attempt by its task, with its state and whether it has a result.
fn told(found: &[Found]) -> Vec<(u128, State, bool)> {
    found.iter().map(|found| (found.record.task_id.as_u128(), found.record.state, found.result.is_some())).collect()
}

fn files(data_dir: &Path, end: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(data_dir.join("journal")).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

fn the_file(data_dir: &Path) -> PathBuf {
    let files = files(data_dir, ".entries");
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn bytes_on_disk(data_dir: &Path) -> u64 {
    let entries = fs::read_dir(data_dir.join("journal")).expect("a folder").flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

#[tokio::test]
async fn a_start_finds_each_attempt_as_far_as_it_came_and_none_that_was_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..3 {
        let journal = open(folder.path());
        if round == 0 {
            for task in 1..=4 {
                receive(&journal, task).await;
            }
            for task in 2..=4 {
                begin(&journal, task).await;
            }
            end(&journal, 3).await;
            end(&journal, 4).await;
            journal.forget(key(4)).await.expect("written");
            continue;
        }
        let found = journal.attempts();
        assert_eq!(told(&found), [(1, State::Received, false), (2, State::Starting, false), (3, State::Finished, true)], "start {round}");
        assert!(found.iter().all(|found| found.work == work()));
        assert_eq!(found[2].result, Some(result(3)));
        assert!(journal.problems().is_empty());
    }
    let seen = journalled(folder.path()).expect("reads");
    assert_eq!(seen.iter().map(|(task, ..)| task.as_u128()).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn an_attempt_needs_three_syncs_and_sixty_four_at_once_no_more_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    let (_, at_start) = journal.counts();
    let attempt = async |task| {
        receive(&journal, task).await;
        begin(&journal, task).await;
        end(&journal, task).await;
        journal.forget(key(task)).await.expect("written");
    };
    attempt(1_000).await;
    let (entries, syncs) = journal.counts();
    assert_eq!((entries, syncs - at_start), (4, 3), "alone it needs three");
    join_all((0..64).map(attempt)).await;
    let (entries, all) = journal.counts();
    assert_eq!(entries, 4 * 65);
    // How many they share is a matter of how long a sync lasts: `what_waits_shares_one_sync_and_all_who_wait_are_answered`.
    let shared = all - syncs;
    assert!(shared <= 64 * 3, "{shared} syncs for 64 attempts at once");
    assert!(journalled(folder.path()).expect("reads").is_empty());
}

#[tokio::test]
async fn ten_thousand_attempts_leave_a_small_journal_and_one_that_is_not_reported_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    receive(&journal, 1_000_000).await;
    end(&journal, 1_000_000).await;
    let mut most = 0;
    for hundred in 0..100 {
        join_all((0..100).map(async |number| {
            let task = hundred * 100 + number;
            receive(&journal, task).await;
            begin(&journal, task).await;
            end(&journal, task).await;
            journal.forget(key(task)).await.expect("written");
        }))
        .await;
        most = most.max(bytes_on_disk(folder.path()));
    }
    assert!(most < 20 * 1024 * 1024, "{most} bytes");
    assert!(the_file(folder.path()).file_name().expect("a name") > "0000000002.entries", "there was more than one file");
    drop(journal);
    assert_eq!(told(&open(folder.path()).attempts()), [(1_000_000, State::Finished, true)]);
    assert!(bytes_on_disk(folder.path()) < 16 * 1024, "a start begins with what counts");
}

#[tokio::test]
async fn folders_of_an_older_agent_are_taken_over_also_by_a_start_that_comes_after_one_that_was_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("journal");
    let write = |task: u128, state: State, ended: bool| {
        let attempt = place.join(format!("{}.1", Uuid::from_u128(task)));
        fs::create_dir_all(&attempt).expect("made");
        fs::write(attempt.join("work.json"), work()).expect("written");
        fs::write(attempt.join("state.json"), json!(record(task, state)).to_string()).expect("written");
        fs::write(attempt.join("events.jsonl"), format!("{task}\n")).expect("written");
        if ended {
            fs::write(attempt.join("result.json"), json!(result(task)).to_string()).expect("written");
        }
        attempt
    };
    write(1, State::Received, false);
    write(2, State::Starting, false);
    let ended = write(3, State::Starting, true);
    let unreadable = write(4, State::Starting, false);
    fs::write(unreadable.join("state.json"), "{").expect("written");
    fs::create_dir(place.join("half.1")).expect("made");

    let expected = [(1, State::Received, false), (2, State::Starting, false), (3, State::Starting, true)];
    let journal = open(folder.path());
    let found = journal.attempts();
    assert_eq!(told(&found), expected);
    assert!(found.iter().all(|found| found.work == work()));
    for task in 1..=3 {
        assert_eq!(fs::read_to_string(journal.log_path(key(task))).expect("a log"), format!("{task}\n"));
    }
    let folders: Vec<PathBuf> =
        fs::read_dir(&place).expect("reads").flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    assert_eq!(folders, [unreadable], "what can't be read is left for a person");

    // Its entry stands in the journal, and its folder was not taken away any more.
    begin(&journal, 1).await;
    drop(journal);
    write(1, State::Received, false);
    write(3, State::Starting, true);
    let journal = open(folder.path());
    assert_eq!(told(&journal.attempts()), [(1, State::Starting, false), expected[1], expected[2]]);
    assert!(!ended.exists());
}

#[tokio::test]
async fn what_a_log_may_have_lost_in_a_power_cut_comes_back_with_the_result() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = open(folder.path());
    receive(&journal, 1).await;
    let mut log = EventLog::open(&journal.log_path(key(1)), 1_000_000).expect("opens");
    log.add(NewEvent::text("output", "done"), at());
    let rest = log.rest().expect("reads");
    journal.end(record(1, State::Finished), result(1), &rest).await.expect("written");
    fs::write(journal.log_path(key(1)), "").expect("cut");
    drop(journal);
    let journal = open(folder.path());
    assert_eq!(EventLog::open(&journal.log_path(key(1)), 1_000_000).expect("opens").last_seq(), 1);
}

/// A disk of a megabyte.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mounted() -> Option<Self> {
        let folder = TempDir::with_prefix("chiffon-small-").expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    fn fill(&self) {
        use std::io::Write as _;
        let mut ballast = fs::File::options().append(true).create(true).open(self.ballast()).expect("a file");
        for size in [65_536, 4_096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.0.path()).status().ok();
    }
}

#[tokio::test]
async fn a_full_disk_takes_nothing_half_and_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mounted() else {
        return not_run("a_full_disk_takes_nothing_half…", "mounting a small disk needs root");
    };
    let data_dir = disk.0.path().join("agent");
    let journal = Arc::new(open(&data_dir));
    receive(&journal, 1).await;
    receive(&journal, 2).await;
    disk.fill();
    let big: Bytes = vec![b'x'; 64 * 1024].into();
    let refused = journal.add(&record(3, State::Received), &big).await.expect_err("is full");
    assert!(refused.to_string().contains("No space left"), "{refused}");
    assert!(journal.probe().is_err());
    let no_room = EventLog::open(&journal.log_path(key(3)), 1_000).and_then(|log| log.take_room()).expect_err("is full");
    assert!(no_room.to_string().contains("No space left"), "{no_room}");
    // Forgetting never fails; where the last page is full, too, it is written when there is room.
    for task in 100..140 {
        drop(journal.add(&record(task, State::Received), &Bytes::new()).await);
        drop(journal.forget(key(task)).await);
    }
    journal.forget(key(2)).await.expect("is remembered");
    fs::remove_file(disk.ballast()).expect("it was full");
    let forgotten = async || {
        let seen = journalled(&data_dir).expect("reads");
        if seen.len() == 1 && seen[0].0 == Uuid::from_u128(1) { Ok(()) } else { Err(format!("{seen:?}")) }
    };
    until("the journal to hold what counts", PATIENCE, forgotten).await;
    journal.probe().expect("there is room");
    receive(&journal, 3).await;
    drop(journal);
    assert_eq!(told(&open(&data_dir).attempts()), [(1, State::Received, false), (3, State::Received, false)]);
}
