//! Each way in which a channel is spoken to, at the wire: what a receiver of its kind gets, and what hostile words become there.

use std::process::Stdio;
use std::time::Duration;

use chiffon_notify::verbs::test;
use chiffon_plans::domain::policy::Policy;
use chiffon_testkit::until;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::delivering::World;

/// What its servers get is delivered to a channel that is different from the usual one in this.
async fn asked(different: Value) -> (World, String) {
    let world = World::start(Policy::default(), different).await;
    let id = world.ask(&world.ann).await;
    world.follow().await;
    world.deliver().await;
    (world, id.to_string())
}

#[tokio::test]
async fn ntfy_gets_a_message_whose_click_leads_to_the_plan() {
    let (world, id) = asked(json!({"kind": "ntfy", "topic": "home-lab"})).await;
    let calls = world.receiver.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let (call, body) = (&calls[0], &calls[0].body);
    assert_eq!(call.header("authorization"), format!("Bearer {}", crate::delivering::SECRET), "a secret is its access token");
    assert_eq!((&body["topic"], &body["click"]), (&json!("home-lab"), &json!(format!("https://chiffon.test/ui/requests/{id}"))));
    assert_eq!((&body["tags"], body["priority"].as_u64()), (&json!(["approval_needed"]), Some(3)));
    assert!(body["title"].as_str().is_some_and(|title| title.starts_with("Approval needed: restart")), "{body}");
}

#[tokio::test]
async fn slack_gets_words_that_call_nobody_with_one_link() {
    let world = World::start(Policy::default(), json!({"kind": "slack", "url": null})).await;
    world.secret(&world.receiver.url.clone());
    let id = world.ask(&world.ann).await;
    world.follow().await;
    world.sql("UPDATE notices SET title = title || ' <!channel>', body = body || ' <https://evil.test|Open>'").await;
    world.deliver().await;
    let calls = world.receiver.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let text = calls[0].text.clone();
    assert!(!text.contains("<!channel>") && !text.contains("<https://evil.test"), "{text}");
    assert_eq!(text.matches(&format!("https://chiffon.test/ui/requests/{id}")).count(), 1, "{text}");
}

/// Debian's aiosmtpd, which prints what it takes.
async fn smtp_server() -> (tokio::process::Child, u16, tokio::io::Lines<BufReader<tokio::process::ChildStdout>>) {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let mut server = Command::new("/usr/bin/python3")
        .args(["-u", "-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}"), "-c", "aiosmtpd.handlers.Debugging", "stdout"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("python3-aiosmtpd is installed by make setup");
    let lines = BufReader::new(server.stdout.take().expect("its output")).lines();
    until("the server for e-mail", Duration::from_mins(1), || async { TcpStream::connect(("127.0.0.1", port)).await.map(drop) }).await;
    (server, port, lines)
}

#[tokio::test]
async fn a_server_for_e_mail_gets_a_message_in_which_nobodys_words_are_a_header() {
    let (_server, port, mut lines) = smtp_server().await;
    let smtp = json!({"host": "127.0.0.1", "port": port, "security": "none", "from": "Chiffon <chiffon@chiffon.test>"});
    let channel = json!({"kind": "email", "url": null, "secret_file": null, "to": ["ann@chiffon.test", "bob@chiffon.test"]});
    let world = World::start_with(Policy::default(), channel, smtp).await;
    let id = world.ask(&world.ann).await;
    world.follow().await;
    world
        .sql("UPDATE notices SET title = title || E'\\r\\nBcc: all@evil.test', body = body || E'\\r\\n.\\r\\nRCPT TO:<all@evil.test>'")
        .await;
    world.deliver().await;
    let mut message = Vec::new();
    tokio::time::timeout(Duration::from_mins(1), async {
        while let Some(line) = lines.next_line().await.expect("its output reads") {
            message.push(line.clone());
            if line.contains("END MESSAGE") {
                break;
            }
        }
    })
    .await
    .expect("a message came");
    let has = |beginning: &str| message.iter().any(|line| line.starts_with(beginning));
    assert!(has("From: ") && has("To: ann@chiffon.test, bob@chiffon.test") && has("Subject: Approval needed:"), "{message:#?}");
    assert!(has("Auto-Submitted: auto-generated") && !has("Bcc"), "{message:#?}");
    let whole = message.join("\n").replace("=\n", "");
    assert!(whole.contains(&format!("https://chiffon.test/ui/requests/{id}")), "{whole}");
    let sent = world.all().await;
    assert_eq!(sent[0].state, "sent", "{sent:?}");
}

#[tokio::test]
async fn a_server_for_e_mail_that_is_away_is_told_in_words() {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let smtp = json!({"host": "127.0.0.1", "port": port, "security": "none", "from": "chiffon@chiffon.test"});
    let channel = json!({"kind": "email", "url": null, "secret_file": null, "to": ["ann@chiffon.test"]});
    let world = World::start_with(Policy::default(), channel, smtp).await;
    let refused = test::run(&world.context, &world.ann, "ops").await.expect_err("nobody listens");
    assert!(refused.message.contains("e-mail: "), "{refused}");
}

#[tokio::test]
async fn a_message_about_several_things_links_each_of_them() {
    let (_server, port, mut lines) = smtp_server().await;
    let smtp = json!({"host": "127.0.0.1", "port": port, "security": "none", "from": "chiffon@chiffon.test"});
    let channel = json!({"kind": "email", "url": null, "secret_file": null, "to": ["ann@chiffon.test"], "digest": "15m"});
    let world = World::start_with(Policy::default(), channel, smtp).await;
    let ids = [world.ask(&world.ann).await, world.ask(&world.ann).await];
    world.follow().await;
    world.app.clock.advance(Duration::from_mins(16));
    world.deliver().await;
    let mut message = Vec::new();
    tokio::time::timeout(Duration::from_mins(1), async {
        while let Some(line) = lines.next_line().await.expect("its output reads") {
            let is_end = line.contains("END MESSAGE");
            message.push(line);
            if is_end {
                break;
            }
        }
    })
    .await
    .expect("a message came");
    let whole = message.join("\n").replace("=\n", "").replace("=3D", "=");
    assert!(whole.contains("Subject: 2 notices: 2 approvals needed"), "{whole}");
    for id in ids {
        let url = format!("https://chiffon.test/ui/requests/{id}");
        assert_eq!((whole.matches(&url).count(), whole.matches(&format!("<a href=\"{url}\">")).count()), (2, 1), "{whole}");
    }
}
