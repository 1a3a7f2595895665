//! The API as programs meet it: its document is valid, a generated client goes through the story with it, and no call that can be
//! made of it is answered with a fault or with what the document does not say.
//!
//! What is used for this is Python's: `make setup` installs `api/requirements.txt` into `target/api`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chiffon_e2e::{Finished, Home};
use chiffon_testkit::not_run;

/// A program's environment; `None` where it was not installed, as a machine without a way to its packages has it.
struct Tools {
    bin: PathBuf,
}

impl Tools {
    fn find(test: &str) -> Option<Self> {
        let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/api/bin");
        if bin.join("schemathesis").exists() {
            return Some(Self { bin: bin.canonicalize().expect("it is there") });
        }
        not_run(test, "target/api is not there; `make setup` installs it from PyPI");
        None
    }

    /// Runs one in this folder; the generator looks for its formatter in `PATH`.
    fn run(&self, program: &str, folder: &Path, args: &[&str]) -> Finished {
        let path = chiffon_process::config::variable("PATH").unwrap_or_default();
        let mut command = Command::new(self.bin.join(program));
        command
            .args(args)
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", self.bin.display()))
            .env("PYTHONPATH", folder.join("client"));
        command.output().unwrap_or_else(|error| panic!("{program}: {error}")).into()
    }
}

/// The document, written where the tools look for it.
async fn document(home: &Home) -> String {
    let (status, document) = home.api().get("/openapi.json").await;
    assert_eq!(status, 200);
    fs::write(home.path().join("openapi.json"), document.to_string()).expect("written");
    home.api().address().to_owned()
}

#[tokio::test]
async fn a_client_generated_from_the_document_goes_through_the_story() {
    let Some(tools) = Tools::find("programs: a client generated from the document") else { return };
    let home = Home::new();
    let mut up = home.up(&["--bus", "memory"]);
    let address = document(&home).await;
    let valid = tools.run("openapi-spec-validator", home.path(), &["openapi.json"]).expect_code(0);
    assert!(valid.stdout.contains("OK"), "{}", valid.stdout);
    let made = tools
        .run("openapi-python-client", home.path(), &["generate", "--path", "openapi.json", "--output-path", "client", "--fail-on-warning"])
        .expect_code(0);
    assert!(!made.stdout.contains("Warning"), "the generator leaves something out:\n{}", made.stdout);
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("api/story.py");
    let token = fs::read_to_string(home.data_dir().join("admin.token")).expect("a token");
    let told = tools.run("python", home.path(), &[&story.to_string_lossy(), &address, token.trim()]).expect_code(0);
    assert!(told.stdout.contains("completed"), "{}", told.stdout);
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
}

/// Everything that schemathesis looks at but one thing: that whatever fits the document is taken. A document can't say that a
/// deadline is to come, that a text holds no null character, or that one of five filters is to be named.
const CHECKS: [&str; 4] = ["--checks", "all", "--exclude-checks", "positive_data_acceptance"];

#[tokio::test]
async fn no_call_of_the_document_is_answered_with_a_fault_or_with_what_it_does_not_say() {
    let Some(tools) = Tools::find("programs: schemathesis") else { return };
    let home = Home::new();
    let mut command = home.command(&["up", "--listen", "127.0.0.1:0", "--bus", "memory", "--playbooks"]);
    // It tries each endpoint with tokens that do not count, far more often than a minute allows, and wants 401 each time.
    command.arg(Home::catalogue()).env("CHIFFON__HTTP__FAILED_TOKENS_PER_MINUTE", "1000000");
    let mut up = home.start(&mut command);
    let api = home.api();
    // Something of each kind is there to be found.
    let id = api.ask("Show the disk usage of nas").await;
    api.request_when(&id, &["awaiting_approval", "needs_input", "completed", "failed"]).await;
    let address = document(&home).await;
    let token = fs::read_to_string(home.data_dir().join("admin.token")).expect("a token");
    let authorization = format!("Authorization: Bearer {}", token.trim());
    let mut args = vec!["run", "openapi.json", "--url", &address, "-H", &authorization, "--seed", "1", "--max-examples", "25"];
    args.extend(CHECKS);
    args.extend(["--continue-on-failure", "--warnings", "off", "--no-color"]);
    let said = tools.run("schemathesis", home.path(), &args);
    assert_eq!(said.code, Some(0), "{}\n{}", said.stdout, said.stderr);
    let generated = said.stdout.lines().find(|line| line.contains(" generated, ")).unwrap_or_default();
    assert!(generated.split(' ').find_map(|word| word.parse::<u32>().ok()).is_some_and(|calls| calls > 1_000), "{}", said.stdout);
    let (status, ready) = home.api().get("/health/ready").await;
    assert_eq!(status, 200, "{ready:#}");
    assert_eq!(up.stop(Duration::from_secs(40)), Some(0), "{}", up.said());
}
