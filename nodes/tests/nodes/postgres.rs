//! PostgreSQL nodes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chiffon_nodes::{Durability, Listen, NodeError, PostgresNode, PostgresOptions, shared};

use super::{kill_owner, owner, owners_dir, processes_of, query, squatter_in_mid_start, until};

fn folder() -> tempfile::TempDir {
    let everybody_passes = std::fs::Permissions::from_mode(0o711);
    tempfile::Builder::new().permissions(everybody_passes).tempdir().expect("a folder")
}

fn options(dir: PathBuf) -> PostgresOptions {
    PostgresOptions { data_dir: dir, socket_dir: None, listen: Listen::SocketOnly, durability: Durability::Full, max_connections: 20 }
}

fn socket_dir(url: &str) -> PathBuf {
    let host = url.split_once("host=").and_then(|(_, rest)| rest.split_once('&')).expect("a host").0;
    host.replace("%2F", "/").into()
}

#[tokio::test]
async fn what_was_written_is_there_after_kill_and_restart() {
    let folder = folder();
    let dir = folder.path().join("missing/postgres");
    let mut node = PostgresNode::start(options(dir.clone())).await.expect("it starts");
    node.create_database("chiffon").await.expect("made");
    node.create_database("chiffon").await.expect("already there");
    let url = node.url("chiffon");
    query(&url, "CREATE TABLE kept (n int)").expect("made");
    query(&url, "INSERT INTO kept VALUES (7)").expect("written");

    node.kill().await;
    assert!(query(&url, "SELECT 1").is_err(), "a killed server answers nothing");
    node.restart().await.expect("it starts again");
    assert_eq!(query(&url, "SELECT n FROM kept").expect("read"), "7");
    node.restart().await.expect("a running one restarts, too");
    assert_eq!(query(&url, "SELECT n FROM kept").expect("read"), "7");

    let sockets = socket_dir(&url);
    assert!(sockets.is_dir());
    assert_eq!(sockets.metadata().expect("there").permissions().mode() & 0o777, 0o700, "only its owner reaches the socket");
    let dir = node.dir().to_owned();
    node.stop().await;
    assert_eq!(processes_of(&dir), Vec::<String>::new());
    assert!(!sockets.exists(), "the sockets' folder goes with the node");

    let node = PostgresNode::start(options(dir)).await.expect("it starts from what is there");
    assert_eq!(query(&node.url("chiffon"), "SELECT n FROM kept").expect("read"), "7");
}

#[tokio::test]
async fn a_temporary_node_asks_for_its_password_and_leaves_nothing() {
    let node = PostgresNode::start_temporary().await.expect("it starts");
    let url = node.url("postgres");
    assert_eq!(query(&url, "SHOW fsync").expect("read"), "off");
    let (before, after) = url.split_once('@').expect("a user");
    let password = before.rsplit_once(':').expect("a password").1;
    assert!(query(&url.replace(password, "guessed"), "SELECT 1").is_err(), "{before}@{after} asks for a password");
    let dir = node.dir().to_owned();
    assert_ne!(processes_of(&dir), Vec::<String>::new());
    drop(node);
    assert_eq!(processes_of(&dir), Vec::<String>::new());
    assert!(!dir.parent().expect("its folder").exists());
}

#[tokio::test]
async fn a_paused_node_answers_after_it_is_resumed_and_can_be_stopped_while_paused() {
    let mut node = PostgresNode::start_temporary().await.expect("it starts");
    let url = node.url("postgres");
    node.pause();
    let asked = url.clone();
    let answer = tokio::task::spawn_blocking(move || query(&asked, "SELECT 2"));
    let states = || processes_of(node.dir()).iter().filter(|line| line.ends_with("postgres")).map(|line| state(line)).collect::<Vec<_>>();
    until("the server is frozen", states, |seen| !seen.is_empty() && seen.iter().all(|state| state == "T")).await;
    node.resume();
    assert_eq!(answer.await.expect("asked").expect("answered"), "2");
    node.pause();
    node.restart().await.expect("a paused one restarts");
    assert_eq!(query(&url, "SELECT 3").expect("answered"), "3");
    node.pause();
    let dir = node.dir().to_owned();
    node.stop().await;
    assert_eq!(processes_of(&dir), Vec::<String>::new());
}

fn state(process: &str) -> String {
    let pid = process.split(' ').next().expect("a pid");
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").map(|(_, rest)| rest.chars().take(1).collect()).unwrap_or_default()
}

#[tokio::test]
async fn the_node_of_a_killed_owner_stops_and_its_folder_can_be_used_at_once() {
    let folder = folder();
    let dir = folder.path().join("postgres");
    let mut owner = owner("postgres::owns_a_node_until_it_is_killed", &dir);
    let ready = dir.join("ready");
    until("the owner's node is ready", || ready.exists(), |there| *there).await;
    let refused = PostgresNode::start(options(dir.clone())).await.expect_err("two can't own one node");
    assert!(matches!(refused, NodeError::InUse { .. }), "{refused}");
    kill_owner(&mut owner);
    let node = PostgresNode::start(options(dir.clone())).await.expect("the orphan is stopped first");
    assert_eq!(query(&node.url("chiffon"), "SELECT n FROM kept").expect("read"), "1");
    drop(node);
    assert_eq!(processes_of(&dir), Vec::<String>::new());
}

#[tokio::test]
async fn an_orphan_whose_guard_was_killed_too_is_stopped_by_the_next_start() {
    let folder = folder();
    let dir = folder.path().join("postgres");
    let mut owner = owner("postgres::owns_a_node_until_it_is_killed", &dir);
    let ready = dir.join("ready");
    until("the owner's node is ready", || ready.exists(), |there| *there).await;
    let guard = processes_of(&dir).into_iter().find(|line| line.ends_with(" sh")).expect("a guard");
    let guard: i32 = guard.split(' ').next().expect("a pid").parse().expect("a number");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(guard), nix::sys::signal::Signal::SIGKILL).expect("it runs");
    kill_owner(&mut owner);
    assert_ne!(processes_of(&dir), Vec::<String>::new(), "nobody was left to stop it");
    let node = PostgresNode::start(options(dir.clone())).await.expect("the orphan is stopped first");
    assert_eq!(query(&node.url("chiffon"), "SELECT n FROM kept").expect("read"), "1");
}

#[tokio::test]
#[ignore = "the owner that other tests kill"]
async fn owns_a_node_until_it_is_killed() {
    let dir = owners_dir();
    let node = PostgresNode::start(options(dir.clone())).await.expect("it starts");
    node.create_database("chiffon").await.expect("made");
    query(&node.url("chiffon"), "CREATE TABLE kept AS SELECT 1 AS n").expect("written");
    std::fs::write(dir.join("ready"), "").expect("said");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_pid_file_of_a_process_that_is_now_somebody_else_is_no_obstacle() {
    let folder = folder();
    let dir = folder.path().join("postgres");
    let mut node = PostgresNode::start(options(dir.clone())).await.expect("it starts");
    node.kill().await;
    let pid_file = dir.join("cluster/postmaster.pid");
    let stale = std::fs::read_to_string(&pid_file).expect("a killed server leaves it");
    let (_, rest) = stale.split_once('\n').expect("lines");
    std::fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).expect("written");
    drop(node);
    let node = PostgresNode::start(options(dir)).await.expect("it starts");
    assert_eq!(query(&node.url("postgres"), "SELECT 1").expect("answered"), "1");
}

#[tokio::test]
async fn a_busy_port_is_left_to_its_owner() {
    let folder = folder();
    let dir = folder.path().join("postgres");
    let loopback = || PostgresOptions { listen: Listen::Loopback, ..options(dir.clone()) };
    let node = PostgresNode::start(loopback()).await.expect("it starts");
    let port = node.port().expect("a port");
    drop(node);
    let squatter = std::net::TcpListener::bind(("127.0.0.1", port)).expect("free again");
    let mut node = PostgresNode::start(loopback()).await.expect("it takes another port");
    assert_ne!(node.port(), Some(port));
    assert_eq!(query(&node.url("postgres"), "SELECT 1").expect("answered"), "1");
    drop(squatter);
    node.kill().await;
    let _squatter = std::net::TcpListener::bind(("127.0.0.1", node.port().expect("a port"))).expect("the server is dead");
    let busy = node.restart().await.expect_err("clients know the old port");
    assert_eq!(busy.code(), 5902, "{busy}");
}

#[tokio::test]
async fn a_port_that_is_taken_while_it_starts_is_left_to_its_owner() {
    let folder = folder();
    let dir = folder.path().join("postgres");
    let loopback = PostgresOptions { listen: Listen::Loopback, ..options(dir.clone()) };
    let (node, squatter) = tokio::join!(PostgresNode::start(loopback), squatter_in_mid_start(&dir));
    let node = node.expect("it takes another port");
    assert_ne!(node.port(), squatter.local_addr().ok().map(|address| address.port()));
    assert_eq!(query(&node.url("postgres"), "SELECT 1").expect("answered"), "1");
}

#[tokio::test]
async fn a_folder_that_the_servers_user_can_not_reach_is_named() {
    if !nix::unistd::geteuid().is_root() {
        shared::not_run("nodes: a_folder_that_the_servers_user_can_not_reach_is_named", "only root runs the server as another user");
        return;
    }
    let nobody_passes = std::fs::Permissions::from_mode(0o700);
    let closed = tempfile::Builder::new().permissions(nobody_passes).tempdir().expect("a folder");
    let dir = closed.path().join("data/postgres");
    let refused = PostgresNode::start(options(dir.clone())).await.expect_err("postgres can't pass");
    assert_eq!(refused.code(), 5903);
    let said = refused.to_string();
    assert!(said.contains(&format!("may not enter {};", closed.path().display())), "{said}");
    assert!(said.contains(&format!("chmod o+x {}", closed.path().display())), "{said}");
    assert!(!dir.parent().expect("data").exists(), "nothing was made");
}

#[tokio::test]
async fn a_socket_path_that_is_too_long_is_refused_with_a_reason() {
    let folder = folder();
    let long = folder.path().join("s".repeat(100));
    let with_long = PostgresOptions { socket_dir: Some(long), ..options(folder.path().join("postgres")) };
    let refused = PostgresNode::start(with_long).await.expect_err("too long");
    assert!(refused.to_string().contains("107 bytes"), "{refused}");
}

#[tokio::test]
async fn a_server_that_can_not_start_shows_the_end_of_its_log() {
    let folder = folder();
    let dir = folder.path().join("postgres");
    drop(PostgresNode::start(options(dir.clone())).await.expect("it starts"));
    std::fs::write(dir.join("cluster/postgresql.conf"), "no_such_setting = 1\n").expect("written");
    let refused = PostgresNode::start(options(dir.clone())).await.expect_err("a broken configuration");
    assert!(refused.to_string().contains("no_such_setting"), "{refused}");
    assert_eq!(refused.code(), 5801);
    assert_eq!(processes_of(Path::new(&dir)), Vec::<String>::new());
}

#[tokio::test]
async fn a_database_name_is_never_sql() {
    let node = PostgresNode::start_temporary().await.expect("it starts");
    for name in ["", "a; DROP DATABASE postgres", "Upper", "1st", &"x".repeat(64)] {
        let refused = node.create_database(name).await.expect_err("no name");
        assert!(matches!(refused, NodeError::InvalidName { .. }), "{refused}");
    }
}
