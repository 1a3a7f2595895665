//! Processes that can't start, or start into trouble: each says what is wrong and what to do.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use chiffon_e2e::Home;

fn up(home: &Home, flags: &[&str]) -> chiffon_e2e::Finished {
    let catalogue = Home::catalogue();
    let mut args = vec!["up", "--bus", "memory", "--playbooks", catalogue.to_str().expect("UTF-8")];
    args.extend(flags);
    home.run(&args)
}

#[test]
fn a_busy_port_is_named() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ended = up(&home, &["--listen", &address]).expect_code(1);
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("5902"), "{}", ended.stderr);
    home.assert_nothing_left();
}

#[test]
fn a_port_alone_is_answered_with_an_example() {
    let home = Home::new();
    let ended = up(&home, &["--listen", "8080"]).expect_code(2);
    assert!(ended.stderr.contains("such as 127.0.0.1:8080"), "{}", ended.stderr);
    home.assert_nothing_left();
}

#[test]
fn what_the_command_line_says_wrong_is_said_before_anything_outside_is_touched() {
    let home = Home::new();
    let refused = |args: &[&str], words: &str, code: i32| {
        let mut command = home.command(args);
        // Nobody is there: whoever asks them first says that.
        command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing").env("AMQP_URL", "amqp://127.0.0.1:1");
        let ended = chiffon_e2e::Finished::from(command.output().expect("the binary starts")).expect_code(code);
        assert!(ended.stderr.contains(words), "{args:?}: {}", ended.stderr);
        assert!(!home.data_dir().exists() && !ended.stderr.contains("  database"), "{args:?}: {}", ended.stderr);
    };
    for verb in ["serve", "up"] {
        refused(&[verb, "--listen", "8080"], "such as 127.0.0.1:8080", 2);
        refused(&[verb, "--listen", "nas"], "such as nas:8080", 2);
    }
    refused(&["up", "--amqp-url", "http://nas"], "http://nas", 2);
    refused(&["up", "--database-url", "mysql://nas"], "5805", 1);
    refused(&["up", "--playbooks", "/nowhere"], "no folder of actions at /nowhere", 2);
    refused(&["up", "--inventory", "/nowhere"], "no inventory at /nowhere", 2);
    let key = "CHIFFON__ORCHESTRATOR__PUBLIC_KEY";
    let public = home.run(&["key", "new", home.path().join("a.key").to_str().expect("UTF-8")]);
    let public = public.stdout.split_whitespace().find(|word| word.len() > 40).unwrap_or_default().to_owned();
    let mut agent = home.command(&["agent", "infrastructure"]);
    agent.env(key, &public).env("AMQP_URL", "amqp://127.0.0.1:1").env("CHIFFON__AGENT__INFRASTRUCTURE__PLAYBOOKS", "/nowhere");
    let ended = chiffon_e2e::Finished::from(agent.output().expect("the binary starts")).expect_code(2);
    assert!(ended.stderr.contains("no folder of actions") && !home.data_dir().exists(), "no key was made: {}", ended.stderr);
}

#[test]
fn what_goes_wrong_at_the_start_stands_on_a_line_of_its_own() {
    let home = Home::new();
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let url = format!("postgres://nobody@127.0.0.1:{closed}/nothing");
    let ended = up(&home, &["--listen", "127.0.0.1:0", "--database-url", &url]).expect_code(1);
    assert!(ended.stderr.lines().any(|line| line.starts_with("chiffon: ")) && ended.stderr.contains("failed ("), "{}", ended.stderr);
}

#[test]
fn a_wrong_database_url_is_named() {
    let home = Home::new();
    let malformed = up(&home, &["--listen", "127.0.0.1:0", "--database-url", "mysql://nowhere"]).expect_code(1);
    assert!(malformed.stderr.contains("5805") && malformed.stderr.contains("postgres://"), "{}", malformed.stderr);
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let url = format!("postgres://nobody@127.0.0.1:{closed}/nothing");
    let nowhere = up(&home, &["--listen", "127.0.0.1:0", "--database-url", &url]).expect_code(1);
    assert!(nowhere.stderr.contains("5801") || nowhere.stderr.contains("5805"), "{}", nowhere.stderr);
    home.assert_nothing_left();
}

#[test]
fn a_data_directory_that_the_database_account_can_not_reach_is_named() {
    if !nix::unistd::geteuid().is_root() {
        println!("not run: only as root the database runs under another account");
        return;
    }
    let home = Home::new();
    let closed = home.path().join("closed");
    fs::create_dir(&closed).expect("a folder");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("permissions");
    let ended = up(&home, &["--listen", "127.0.0.1:0", "--data-dir", closed.join("data").to_str().expect("UTF-8")]).expect_code(1);
    assert!(ended.stderr.contains("5903") && ended.stderr.contains(closed.to_str().expect("UTF-8")), "{}", ended.stderr);
}

#[test]
fn a_second_one_on_the_same_data_directory_is_refused() {
    let home = Home::new();
    let _running = home.up(&["--bus", "memory"]);
    let second = up(&home, &["--listen", "127.0.0.1:0"]).expect_code(1);
    assert!(second.stderr.contains("5905"), "{}", second.stderr);
}

#[test]
fn an_unknown_configuration_key_names_the_nearest() {
    let home = Home::new();
    let file = home.path().join("chiffon.toml");
    fs::write(&file, "[http]\nlisten_on = \"127.0.0.1:1\"\n").expect("written");
    let ended = home.run(&["--config", file.to_str().expect("UTF-8"), "config", "check"]).expect_code(2);
    assert!(ended.stderr.contains("http.listen_on") && ended.stderr.contains("http.listen"), "{}", ended.stderr);
}

#[test]
fn nobody_there_is_exit_code_4() {
    let home = Home::new();
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let ended = home.run(&["--url", &format!("http://127.0.0.1:{closed}"), "requests"]).expect_code(4);
    assert!(ended.stderr.contains("chiffon up"), "{}", ended.stderr);
}

#[test]
fn without_ansible_it_says_what_to_install() {
    let home = Home::new();
    let catalogue = Home::catalogue();
    let mut command =
        home.command(&["up", "--bus", "memory", "--listen", "127.0.0.1:0", "--playbooks", catalogue.to_str().expect("UTF-8")]);
    command.env("CHIFFON__AGENT__INFRASTRUCTURE__ANSIBLE_PLAYBOOK", "/nowhere/ansible-playbook");
    let ended = chiffon_e2e::Finished::from(command.output().expect("the binary starts")).expect_code(1);
    assert!(ended.stderr.contains("5501") && ended.stderr.contains("/nowhere/ansible-playbook"), "{}", ended.stderr);
    home.assert_nothing_left();
}

#[test]
fn a_kind_that_says_that_it_can_not_start_is_left_out_and_said() {
    let home = Home::new();
    let mut command = home.command(&["up", "--bus", "memory", "--listen", "127.0.0.1:0", "--playbooks"]);
    command.arg(Home::catalogue()).env("CHIFFON__AGENT__INFRASTRUCTURE__ANSIBLE_PLAYBOOK", "");
    let running = home.start(&mut command);
    let words = "one for this desktop, no infrastructure agent: agent.infrastructure.ansible_playbook names no program";
    assert!(running.said().contains(words), "{}", running.said());
}
