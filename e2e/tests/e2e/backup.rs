//! Backups of a running `chiffon up`, tried out, refused when they are damaged, and restored in another place.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use chiffon_e2e::{Api, Home, eventually, one_host, write_action};
use serde_json::json;

/// Changes the host, and takes a moment for it.
const NOTE: &str = "    - name: Note the run\n      ansible.builtin.shell: echo ran >> {{ chiffon_root }}/runs\n      changed_when: true\n";

/// Waits in its middle until a file is there.
const UNTIL_TOLD: &str = "    - name: Note the run\n      ansible.builtin.shell: echo ran >> {{ chiffon_root }}/runs\n      changed_when: true\n    - name: Wait\n      ansible.builtin.wait_for:\n        path: \"{{ chiffon_root }}/go\"\n        timeout: 300\n      changed_when: true\n";

async fn done(api: &Api, question: &str) -> String {
    let id = api.ask(question).await;
    let request = api.request_when(&id, &["awaiting_approval", "completed", "failed", "needs_input"]).await;
    if request["status"] == "awaiting_approval" {
        assert_eq!(api.approve(&request).await.0, 200, "{request:#}");
    }
    let request = api.request_when(&id, &["completed", "failed", "needs_attention"]).await;
    assert_eq!(request["status"], "completed", "{request:#}");
    id
}

async fn committed(api: &Api, id: &str) {
    eventually("the change is committed", || async {
        let request = api.request(id).await;
        if request["commits"].as_array().is_some_and(|commits| !commits.is_empty()) { Ok(()) } else { Err(request.to_string()) }
    })
    .await;
}

/// A copy with one byte that is another.
fn copy_with_a_flip(from: &Path, to: &Path, place: impl Fn(&[u8]) -> usize) {
    let mut bytes = fs::read(from).expect("the backup reads");
    let at = place(&bytes);
    bytes[at] ^= 1;
    fs::write(to, bytes).expect("a copy");
}

#[tokio::test]
async fn a_backup_of_a_running_chiffon_is_tried_out_and_restored_elsewhere() {
    let home = Home::new();
    let actions = home.path().join("actions");
    write_action(&actions, "take_long", "Take long", "take long on box", "no", NOTE);
    let (inventory, host) = one_host(&home);
    let start = |home: &Home| home.start(home.up_at(&actions, &inventory).args(["--bus", "memory"]));
    let mut up = start(&home);
    let api = home.api();
    let before = done(&api, "take long on box").await;
    committed(&api, &before).await;
    let file = home.path().join("chiffon.tar");
    let told = home.succeed(&["backup", file.to_str().expect("UTF-8")]);
    assert!(told.contains("audit repository at"), "{told}");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(home.data_dir().join("admin.token")).expect("a token");
    assert!(!told.contains(token.trim()));
    let again = home.run(&["backup", file.to_str().expect("UTF-8")]);
    assert_eq!(again.code, Some(2), "a backup is never overwritten: {}", again.stderr);

    // What happens after the backup is not in it.
    let after = done(&api, "take long on box").await;
    committed(&api, &after).await;
    assert_eq!(fs::read_to_string(host.join("runs")).expect("it ran"), "ran\nran\n");
    let verified = home.succeed(&["-o", "json", "restore", file.to_str().expect("UTF-8"), "--verify"]);
    let verified: serde_json::Value = serde_json::from_str(&verified).expect("JSON");
    assert_eq!((&verified["ok"], &verified["commits"], &verified["found"]), (&json!(true), &json!(1), &json!(0)), "{verified:#}");

    // A flipped byte, and something else altogether.
    let damaged = home.path().join("damaged.tar");
    copy_with_a_flip(&file, &damaged, |bytes| bytes.len() / 2);
    let refused = home.run(&["restore", damaged.to_str().expect("UTF-8"), "--verify"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains("5809"), "{}", refused.stderr);
    fs::write(&damaged, "no archive at all").expect("a file");
    let refused = home.run(&["restore", damaged.to_str().expect("UTF-8"), "--verify"]);
    assert!(refused.stderr.contains("5809"), "{}", refused.stderr);
    let running = home.run(&["restore", file.to_str().expect("UTF-8"), "--replace"]);
    assert!(running.stderr.contains("5905"), "it runs: {}", running.stderr);
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    let occupied = home.run(&["restore", file.to_str().expect("UTF-8")]);
    assert!(occupied.stderr.contains("5810") && occupied.code == Some(1), "{}", occupied.stderr);
    // The same without Chiffon running, to a folder that names it.
    let stopped = home.succeed(&["-o", "json", "backup", home.path().to_str().expect("UTF-8")]);
    let stopped: serde_json::Value = serde_json::from_str(&stopped).expect("JSON");
    assert!(stopped["file"].as_str().is_some_and(|file| Path::new(file).is_file()), "{stopped:#}");
    home.assert_nothing_left();

    let other = Home::new();
    other.succeed(&["restore", file.to_str().expect("UTF-8")]);
    assert!(!other.data_dir().join("restore.unfinished").exists());
    let mut up = start(&other);
    let api = other.api();
    assert_eq!(api.request(&before).await["status"], "completed");
    assert_eq!(api.get(&format!("/request/{after}")).await.0, 404, "it is not in the backup");
    assert_eq!(fs::read_to_string(other.data_dir().join("admin.token")).expect("a token"), token);
    let log = other.succeed(&["audit", "log"]);
    assert!(log.contains("installation.restored"), "{log}");
    done(&api, "take long on box").await;
    other.succeed(&["audit", "verify"]);
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    home.assert_nothing_left();
    other.assert_nothing_left();
}

#[tokio::test]
async fn what_ran_after_the_backup_does_not_run_again_when_its_database_is_put_back() {
    let home = Home::new();
    let actions = home.path().join("actions");
    write_action(&actions, "wait_for_word", "Wait for word", "wait for word on box", "no", UNTIL_TOLD);
    let (inventory, host) = one_host(&home);
    let start = || home.start(&mut home.up_at(&actions, &inventory));
    let mut up = start();
    let api = home.api();
    let id = api.ask_and_approve("wait for word on box").await;
    let runs = || fs::read_to_string(host.join("runs")).unwrap_or_default();
    eventually("the play has begun", || async { if runs().contains("ran") { Ok(()) } else { Err(runs()) } }).await;
    let file = home.path().join("chiffon.tar");
    home.succeed(&["backup", file.to_str().expect("UTF-8")]);
    fs::write(host.join("go"), "").expect("the word");
    assert_eq!(api.request_when(&id, &["completed", "failed", "needs_attention"]).await["status"], "completed");
    committed(&api, &id).await;
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());

    home.succeed(&["restore", file.to_str().expect("UTF-8"), "--replace"]);
    let mut up = start();
    let api = home.api();
    let request = api.request(&id).await;
    assert_eq!(request["status"], "paused", "{request:#}");
    let task = request["tasks"].as_array().expect("tasks").iter().find(|task| task["purpose"] == "apply").expect("a task").clone();
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("unknown"), &json!(5807)), "{task:#}");
    // Something else goes on as ever, and what had run has not run again by then.
    let (status, _) = api.post(&format!("/cancel/{id}"), &json!({})).await;
    assert_eq!(status, 200, "a person decides");
    assert_eq!(runs(), "ran\n");
    home.succeed(&["audit", "verify"]);
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
    home.assert_nothing_left();
}

#[tokio::test]
async fn a_named_database_goes_into_an_empty_one_and_into_no_other() {
    let home = Home::new();
    let (one, other) = (new_database(), new_database());
    let file = home.path().join("chiffon.tar");
    let (file, repository) = (file.to_str().expect("UTF-8"), home.path().join("audit.git"));
    let repository = repository.to_str().expect("UTF-8");
    assert!(home.command(&["migrate"]).env("DATABASE_URL", &one).status().expect("it runs").success());
    let made = std::process::Command::new("git").args(["init", "--quiet", "--bare", "--initial-branch=main", repository]).status();
    assert!(made.expect("git runs").success());
    let told = home.succeed(&["backup", file, "--database-url", &one, "--audit-repository", repository]);
    assert!(told.contains("nothing committed yet"), "{told}");
    let again = home.path().join("again.git");
    let again = again.to_str().expect("UTF-8");
    let full = home.run(&["restore", file, "--database-url", &one, "--audit-repository", again]);
    assert!(full.stderr.contains("5810"), "{}", full.stderr);
    home.succeed(&["restore", file, "--database-url", &other, "--audit-repository", again]);
    let asks = "SELECT epoch, fence_pending FROM installation";
    let refused = home.run(&["sql", "--database-url", &other, asks]).expect_code(1);
    assert!(refused.stderr.contains("5806") && refused.stderr.contains("superuser"), "{}", refused.stderr);
    let restored = home.succeed(&["sql", "--database-url", &reader_of(&other), asks]);
    assert!(restored.contains("true"), "the reader's role came with it: {restored}");
    home.succeed(&["restore", file, "--verify"]);
    home.assert_nothing_left();
}

/// The address for a login that may only read.
fn reader_of(url: &str) -> String {
    let (place, database) = url.rsplit_once('/').expect("an address ends with a database");
    let (_, host) = place.split_once('@').expect("an address with a login");
    let make = format!("CREATE ROLE reads_{database} LOGIN PASSWORD 'secret' IN ROLE chiffon_postmortem");
    let status = std::process::Command::new("psql").args([url, "-q", "-c", &make]).status();
    assert!(status.expect("psql runs").success());
    format!("postgres://reads_{database}:secret@{host}/{database}")
}

fn new_database() -> String {
    let admin = chiffon_nodes::shared::database_url().expect("make test");
    let name = format!("backup_{}", chiffon_process::IdSource::new_message_id(&chiffon_process::RandomIds).simple());
    let made = std::process::Command::new("psql").args([admin.as_str(), "-q", "-c", &format!("CREATE DATABASE {name}")]).status();
    assert!(made.expect("psql runs").success());
    let (base, _) = admin.rsplit_once('/').expect("an address ends with a database");
    format!("{base}/{name}")
}
