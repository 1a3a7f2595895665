//! RabbitMQ nodes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chiffon_nodes::{RabbitNode, RabbitOptions};

use super::{kill_owner, owner, owners_dir, processes_of, squatter_in_mid_start, until};

fn folder() -> tempfile::TempDir {
    let everybody_passes = std::fs::Permissions::from_mode(0o711);
    tempfile::Builder::new().permissions(everybody_passes).tempdir().expect("a folder")
}

fn with_management(dir: &Path) -> RabbitOptions {
    RabbitOptions { dir: dir.to_owned(), management: true }
}

#[tokio::test]
async fn virtual_hosts_outlive_kill_and_restart_and_nothing_outlives_the_stop() {
    let folder = folder();
    let dir = folder.path().join("rabbitmq");
    let mut node = RabbitNode::start(with_management(&dir)).await.expect("it starts");
    node.create_vhost("one").await.expect("made");
    let port = node.port();
    let url = node.amqp_url("/");
    assert!(url.ends_with("/%2f"), "{url}");

    node.kill().await;
    assert_eq!(names_of(&dir), Vec::<String>::new(), "killed means all of it, but for the guard");
    node.restart().await.expect("it starts again");
    assert_eq!(node.queue_arguments("one").await.expect("asked"), serde_json::json!([]));
    let exchanges = node.management().expect("it has one").exchanges("one").await.expect("asked");
    assert!(exchanges.as_array().expect("a list").iter().any(|exchange| exchange["name"] == "amq.topic"), "{exchanges}");
    assert!(node.queue_arguments("two").await.is_err(), "an unknown virtual host is an error");
    for name in ["rabbitmq.conf", "password"] {
        let mode = dir.join(name).metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} holds the password");
    }
    node.stop().await;
    assert_eq!(processes_of(&dir), Vec::<String>::new());

    let node = RabbitNode::start(RabbitOptions { dir: dir.clone(), management: false }).await.expect("it starts from what is there");
    assert_eq!((node.port(), node.amqp_url("/")), (port, url), "clients find it where it was");
    assert!(node.management_url().is_none());
}

fn names_of(dir: &Path) -> Vec<String> {
    processes_of(dir).into_iter().filter(|line| !line.ends_with(" sh")).collect()
}

#[tokio::test]
async fn a_port_that_is_taken_while_it_starts_is_left_to_its_owner() {
    let folder = folder();
    let dir = folder.path().join("rabbitmq");
    let (node, squatter) = tokio::join!(RabbitNode::start(with_management(&dir)), squatter_in_mid_start(&dir));
    let node = node.expect("it takes other ports");
    assert_ne!(node.port(), squatter.local_addr().expect("it has one").port());
    node.create_vhost("one").await.expect("its own API answers");
}

#[tokio::test]
async fn a_temporary_node_has_no_guest_and_leaves_nothing() {
    let node = RabbitNode::start_temporary().await.expect("it starts");
    let url = node.management_url().expect("a temporary one has it");
    let (_, server) = url.split_once('@').expect("a user");
    let guest = chiffon_nodes::Management::at(&format!("http://guest:guest@{server}")).expect("a URL");
    let refused = guest.exchanges("/").await.expect_err("there is no guest");
    assert!(refused.to_string().contains("401"), "{refused}");
    node.pause();
    node.resume();
    let management = node.management().expect("it has one");
    management.create_vhost("a/b").await.expect("any name");
    management.delete_vhost("a/b").await.expect("and away");
    node.pause();
    let dir = node.dir().to_owned();
    drop(node);
    assert_eq!(processes_of(&dir), Vec::<String>::new(), "a paused one stops, too");
    assert!(!dir.parent().expect("its folder").exists());
}

#[tokio::test]
async fn the_node_of_a_killed_owner_stops_and_its_folder_can_be_used_at_once() {
    let folder = folder();
    let dir = folder.path().join("rabbitmq");
    let mut owner = owner("rabbitmq::owns_a_node_until_it_is_killed", &dir);
    let ready = folder.path().join("rabbitmq/ready");
    until("the owner's node is ready", || ready.exists(), |there| *there).await;
    kill_owner(&mut owner);
    let node = RabbitNode::start(with_management(&dir)).await.expect("the orphan is stopped first");
    assert_eq!(node.queue_arguments("kept").await.expect("it is the same node"), serde_json::json!([]));
    drop(node);
    assert_eq!(processes_of(&dir), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "the owner that another test kills"]
async fn owns_a_node_until_it_is_killed() {
    let dir = owners_dir();
    let node = RabbitNode::start(with_management(&dir)).await.expect("it starts");
    node.create_vhost("kept").await.expect("made");
    std::fs::write(dir.join("ready"), "").expect("said");
    std::future::pending::<()>().await;
}
