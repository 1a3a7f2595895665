//! Completion in a real bash, and the pages for `man`.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{ID, Server, request};
use crate::terminal::command;

/// What bash offers for the last of these words.
fn offered(url: &str, words: &[&str]) -> Vec<String> {
    let script = r#"
        PATH="$(dirname "$CHIFFON"):$PATH"
        source <(chiffon completions bash) || exit 9
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
        how=$(complete -p chiffon) || exit 8
        how=${how##*-F }; ${how%% *} chiffon "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]).args(words).env("CHIFFON", env!("CARGO_BIN_EXE_chiffon"));
    bash.env("CHIFFON_URL", url).env("CHIFFON_TOKEN", "a-token").env("CHIFFON_DATA_DIR", "/nonexistent/chiffon");
    let ended = bash.output().expect("bash runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success() && said.is_empty(), "{:?}: {said}", ended.status);
    String::from_utf8_lossy(&ended.stdout).lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn bash_completes_verbs_flags_ids_hosts_and_actions() {
    let server = Server::start(request("completed"));
    server.script().anything = json!({"items": [
        {"request_id": ID, "status": "awaiting_approval", "text": "x", "name": "deploy_kuma", "agent_id": "infra-1", "hosts": {"web": ["nas", "pi"]}},
    ]});
    let offered = |words: &[&str]| offered(server.url(), words);
    assert!(offered(&["chiffon", "wat"]).contains(&"watch".to_owned()));
    assert_eq!(offered(&["chiffon", "approve", "bc"]), ["bc6173fd"]);
    let hosts = offered(&["chiffon", "release", ""]);
    assert!(hosts.contains(&"nas".to_owned()) && hosts.contains(&"pi".to_owned()), "{hosts:?}");
    assert_eq!(offered(&["chiffon", "actions", "dep"]), ["deploy_kuma"]);
    assert_eq!(offered(&["chiffon", "agents", "pause", "inf"]), ["infra-1"]);
    assert_eq!(offered(&["chiffon", "request", "--action", "dep"]), ["deploy_kuma"]);
    assert_eq!(offered(&["chiffon", "request", "--action", "deploy_kuma", "--on", "p"]), ["pi"]);
    assert_eq!(offered(&["chiffon", "request", "--action", "deploy_kuma", "--on", "pi,n"]), ["pi,nas"]);
    server.script().anything =
        json!({"items": [{"name": "who-asks", "title": "Who asks?"}, {"name": "what-changed", "title": "What changed?"}]});
    assert_eq!(offered(&["chiffon", "question", "wh"]).len(), 2);
    assert_eq!(offered(&["chiffon", "question", "who"]), ["who-asks"]);
    let asked: Vec<String> = server.script().calls.iter().map(|(_, path, _)| path.clone()).collect();
    assert!(asked.iter().any(|path| path.contains("status=awaiting_approval")), "only what can be approved: {asked:?}");
}

#[test]
fn completion_is_quick_and_silent_where_nobody_answers() {
    let began = Instant::now();
    assert!(offered("http://127.0.0.1:9", &["chiffon", "approve", "bc"]).is_empty());
    // A socket that takes calls and answers none.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", deaf.local_addr().expect("an address"));
    assert!(offered(&url, &["chiffon", "approve", "bc"]).is_empty());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn each_shell_has_a_script() {
    for (shell, holds) in [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")] {
        let ended = command("http://127.0.0.1:9", &["completions", shell]).output().expect("it runs");
        let script = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success() && script.contains(holds) && script.contains("chiffon"), "{shell}: {script}");
    }
}

#[test]
fn each_verb_has_a_page_that_groff_reads_without_a_word() {
    let folder = std::env::temp_dir().join(format!("chiffon-man-{}", std::process::id()));
    let ended = command("http://127.0.0.1:9", &["man", "--dir", folder.to_str().expect("a path")]).output().expect("it runs");
    assert!(ended.status.success(), "{ended:?}");
    let pages: Vec<_> = std::fs::read_dir(&folder).expect("it is there").map(|page| page.expect("a page").path()).collect();
    for name in ["chiffon.1", "chiffon-watch.1", "chiffon-request.1", "chiffon-audit-log.1"] {
        assert!(pages.iter().any(|page| page.ends_with(name)), "{name} of {pages:?}");
    }
    if Command::new("groff").arg("--version").output().is_ok() {
        for page in &pages {
            let read = Command::new("groff").args(["-man", "-ww", "-z", "-Tutf8", "-K", "utf8"]).arg(page).output().expect("groff runs");
            let said = String::from_utf8_lossy(&read.stderr).into_owned();
            assert!(read.status.success() && said.is_empty(), "{}: {said}", page.display());
        }
    }
    std::fs::remove_dir_all(folder).expect("ours");
}
