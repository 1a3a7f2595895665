//! Nobody answers, or somebody else does.

use std::fs::File;
use std::net::TcpListener;

use nix::fcntl::{Flock, FlockArg};

use crate::server::{ID, Server, request};
use crate::terminal::command;

fn nowhere() -> String {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", closed.local_addr().expect("an address"))
}

fn said(url: &str, args: &[&str]) -> (Option<i32>, String) {
    let ended = command(url, args).env("HOME", "/nonexistent").output().expect("it runs");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
fn of_several_addresses_the_one_that_answers_is_asked() {
    let server = Server::start(request("completed"));
    let (code, told) = said(&format!("{},{}/", nowhere(), server.url()), &["show", "bc6173fd"]);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = said(&format!("{},{}", nowhere(), nowhere()), &["requests"]);
    assert!(code == Some(4) && told.contains(" or http://") && told.contains("refused"), "{told}");
}

#[test]
fn nobody_there_says_whether_one_starts_or_another_data_directory_was_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let named = data_dir.to_str().expect("UTF-8");
    std::fs::create_dir(&data_dir).expect("a folder");
    let ask = || {
        let mut asked = command("", &["--data-dir", named, "requests"]);
        let ended = asked.env_remove("CHIFFON_URL").env("HOME", folder.path()).output().expect("it runs");
        String::from_utf8_lossy(&ended.stderr).into_owned()
    };
    // Nobody listens at what a killed one has left behind.
    std::fs::write(data_dir.join("url"), nowhere()).expect("written");
    let told = ask();
    assert!(told.contains(&format!("no Chiffon runs on the data directory {named}")) && told.contains("chiffon up"), "{told}");
    let held = |dir: &std::path::Path| {
        let file = File::create(dir.join("up.lock")).expect("a lock");
        Flock::lock(file, FlockArg::LockExclusiveNonblock).expect("free")
    };
    let lock = held(&data_dir);
    assert!(ask().contains("is starting or stopping"), "{}", ask());
    drop(lock);
    let usual = folder.path().join(".local/share/chiffon");
    std::fs::create_dir_all(&usual).expect("folders");
    let _lock = held(&usual);
    let told = ask();
    assert!(told.contains(&format!("--data-dir {}", usual.display())) || told.contains("--data-dir /var/lib/chiffon"), "{told}");
}

#[test]
fn an_address_or_a_token_that_is_none_is_said_with_what_named_it_and_an_example() {
    for (address, example) in
        [("nonsense", "http://127.0.0.1:8080"), ("nas:8080", "http://nas:8080"), ("ftp://nas", "http://127.0.0.1:8080"), ("a b", "http://")]
    {
        let (code, told) = said(address, &["requests"]);
        assert!(code == Some(2) && told.contains("CHIFFON_URL") && told.contains(&format!("such as {example}")), "{address}: {told}");
        let (code, told) = said("http://127.0.0.1:1", &["requests", "--url", address]);
        assert!(code == Some(2) && told.contains("--url") && told.contains("such as"), "{address}: {told}");
    }
    let server = Server::start(request("completed"));
    for token in ["two words", "line\nend", "größe"] {
        let ended = command(server.url(), &["requests"]).env("CHIFFON_TOKEN", token).output().expect("it runs");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.code() == Some(2) && told.contains("CHIFFON_TOKEN"), "{token:?}: {told}");
    }
}

#[test]
fn an_age_that_is_none_is_answered_with_an_example() {
    let server = Server::start(request("completed"));
    let (code, told) = said(server.url(), &["requests", "--since", "yesterday"]);
    assert!(code == Some(2) && told.contains("12h"), "{told}");
    let (code, told) = said(server.url(), &["requests", "--host", "nas", "--who", "ada", "--action", "deploy_kuma", "--since", "7d"]);
    let asked = server.script().calls.last().expect("a call").1.clone();
    assert!(code == Some(0) && asked.contains("host=nas&action=deploy_kuma&who=ada&since="), "{asked} {told}");
}

#[test]
fn a_server_that_says_in_words_why_it_does_not_answer_is_quoted() {
    let server = Server::start(request("running"));
    server.script().status = 503;
    server.script().words = Some("There are too many connections; see http.max_connections.\n");
    let ended = command(server.url(), &["show", ID]).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("503 Service Unavailable: There are too many connections; see http.max_connections."), "{said}");
}
