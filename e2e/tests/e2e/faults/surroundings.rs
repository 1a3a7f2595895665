//! What surrounds an agent and fails: its disk, and its clock.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use chiffon_e2e::{AGENT, Stage, StageOptions, eventually};
use chiffon_testkit::not_run;
use tempfile::TempDir;

use super::verdict::{all_is_well, nothing_is_left};

/// A small disk of its own.
struct TightDisk {
    folder: TempDir,
}

impl TightDisk {
    /// `None` where this user may not mount anything.
    fn mounted() -> Option<Self> {
        let folder = TempDir::with_prefix("chiffon-tight-").expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut ballast = fs::File::options().append(true).create(true).open(self.ballast()).expect("a file");
        for size in [65_536, 4_096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("it was full");
    }
}

impl Drop for TightDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.path()).status().ok();
    }
}

/// Waits until `chiffon why` holds these words.
async fn why_names(stage: &Stage, id: &str, words: &[&str]) {
    eventually(&format!("`chiffon why` names {words:?}"), || async {
        let said = stage.verb(&["why", id]);
        if words.iter().all(|word| said.stdout.contains(word)) { Ok(()) } else { Err(format!("{}{}", said.stdout, said.stderr)) }
    })
    .await;
}

async fn walked_once(stage: &Stage, id: &str, host: &str) {
    let done = stage.request_when(id, &["completed", "failed", "cancelled"]).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    let lines = stage.lines(host);
    assert_eq!((lines.began.len(), &lines.ended), (1, &lines.began), "walked once, and to the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_disk_is_full_runs_nothing_says_why_and_goes_on_when_there_is_room() {
    let Some(disk) = TightDisk::mounted() else {
        return not_run("an_agent_whose_disk_is_full…", "mounting a small disk needs root");
    };
    let agent_data_dir = Some(disk.path().join("agent"));
    let mut stage = Stage::start(StageOptions { agent_data_dir, ..StageOptions::default() }).await;
    let (full, later) = (stage.new_host(), stage.new_host());
    disk.fill();
    let id = stage.ask_and_approve(&full).await;
    why_names(&stage, &id, &[AGENT, "journal can't be written", "No space left"]).await;
    assert!(stage.lines(&full).began.is_empty(), "nothing runs that could not be reported");
    disk.make_room();
    walked_once(&stage, &id, &full).await;

    // It fills up in mid-play: what is not on the disk is reported from memory.
    stage.hold_walk(&later, true);
    let id = stage.ask_and_approve(&later).await;
    stage.has_begun(&later).await;
    disk.fill();
    stage.hold_walk(&later, false);
    walked_once(&stage, &id, &later).await;
    disk.make_room();
    nothing_is_left(&stage, "after a full disk").await;
    assert_eq!(stage.agent().ended(), None, "it was not started again");
    all_is_well(&stage).await;
    stage.stop();
}

/// The library that shows a process another time.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

/// The agent's clock is set; a moment later it reads so.
fn set_clock(file: &Path, offset: &str) {
    fs::write(file, format!("{offset}\n")).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_clock_is_wrong_by_minutes_works_and_by_hours_says_so_until_it_is_set() {
    let Some(library) = faketime() else {
        return not_run("an_agent_whose_clock_is_wrong…", "libfaketime is not installed; `make setup` does that");
    };
    let folder = TempDir::with_prefix("chiffon-clock-").expect("a folder");
    let clock = folder.path().join("clock");
    let agent = vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    set_clock(&clock, "-5m");
    let mut stage = Stage::start(StageOptions { agent, ..StageOptions::default() }).await;
    for offset in ["-5m", "+5m"] {
        set_clock(&clock, offset);
        let host = stage.new_host();
        let id = stage.ask_and_approve(&host).await;
        walked_once(&stage, &id, &host).await;
    }

    // What was said before the clock is set wrong is heard before, too: a late answer would be refused, rightly.
    stage.journal_is(&[]).await;
    // Three hours ahead, each offer is too old for it.
    set_clock(&clock, "+3h");
    let host = stage.new_host();
    let id = stage.ask_and_approve(&host).await;
    why_names(&stage, &id, &[AGENT, "clock", "NTP"]).await;
    assert!(stage.lines(&host).began.is_empty());
    set_clock(&clock, "+0");
    walked_once(&stage, &id, &host).await;
    nothing_is_left(&stage, "after a fast clock").await;

    // Three hours behind, whatever it says is too old for the orchestrator.
    set_clock(&clock, "-3h");
    let named = format!("SELECT reason FROM dead_letters WHERE reason LIKE '%the clock of {AGENT} is wrong%'");
    stage.until_some("a person can read that its clock is wrong", &named).await;
    stage.until_none("it counts as gone", "SELECT id FROM agents WHERE lease_expires_at > now()").await;
    let host = stage.new_host();
    let id = stage.ask_and_approve(&host).await;
    set_clock(&clock, "+0");
    walked_once(&stage, &id, &host).await;
    assert_eq!(stage.agent().ended(), None, "it was not started again");
    stage.stop();
}
