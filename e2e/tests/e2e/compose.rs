//! The compose file is one that compose accepts.

use std::path::Path;
use std::process::Command;

fn config(environment: &[(&str, &str)]) -> std::process::Output {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new("docker-compose");
    command.args(["--file", "docker-compose.yml", "config"]).current_dir(tree);
    for (key, value) in environment {
        command.env(key, value);
    }
    command.output().expect("docker-compose is installed (`make setup`)")
}

/// The variables without which compose must refuse, as `.env.example` lists them.
fn variables() -> Vec<String> {
    let example = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.example")).expect("an example");
    example.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).map(|(key, _)| key.to_owned()).collect()
}

#[test]
fn the_compose_file_is_accepted_with_secrets_and_refused_without() {
    let names = variables();
    let environment: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "a-long-secret")).collect();
    let accepted = config(&environment);
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    let text = String::from_utf8_lossy(&accepted.stdout);
    for service in ["rabbitmq", "postgres", "ollama", "orchestrator", "infrastructure", "desktop"] {
        assert!(text.contains(service), "no {service} in:\n{text}");
    }
    let refused = config(&names.iter().map(|name| (name.as_str(), "")).collect::<Vec<_>>());
    assert!(!refused.status.success(), "there must be no default passwords");
}
