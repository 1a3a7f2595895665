//! Keys that sign messages: made where they are missing, shown, never printed in secret.

use std::path::{Path, PathBuf};

use chiffon_process::keyfile;
use chiffon_protocol::key::KeyPair;

use crate::args::{Global, KeyVerb};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, Outcome};

/// The key in a file; made first when it is not there.
pub fn read_or_create(path: &Path) -> Result<KeyPair, Failure> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| Failure::failed(format!("{}: {error}", parent.display())))?;
    }
    let text = keyfile::read_or_create(path, || KeyPair::generate().to_secret_text())
        .map_err(|error| Failure::failed(format!("the key file {}: {error}", path.display())))?;
    parse(&text, path)
}

/// The key in a file that must be there.
pub fn read(path: &Path) -> Result<KeyPair, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::failed(format!("the key file {}: {error}; `chiffon key new {}` makes one", path.display(), path.display()))
    })?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<KeyPair, Failure> {
    KeyPair::from_secret_text(text)
        .ok_or_else(|| Failure::failed(format!("{} does not hold a key; `chiffon key new` makes one", path.display())))
}

/// `chiffon key show` and `key new`.
pub fn run(global: &Global, verb: &KeyVerb) -> Outcome {
    match verb {
        KeyVerb::New { file } => {
            if file.exists() {
                return Err(Failure::usage(format!("{} exists; a key is never overwritten", file.display())));
            }
            println!("{}", read_or_create(file)?.public());
        }
        KeyVerb::Show { file: Some(file) } => println!("{}", read(file)?.public()),
        KeyVerb::Show { file: None } => {
            let data_dir = DataDir::choose(global.data_dir.as_deref())?;
            for (name, path) in all(&data_dir) {
                println!("{name} {}", read(&path)?.public());
            }
        }
        KeyVerb::Trust { .. } | KeyVerb::List | KeyVerb::Revoke { .. } => unreachable!("a verb that asks a running Chiffon"),
    }
    Ok(Exit::Done)
}

fn all(data_dir: &DataDir) -> Vec<(String, PathBuf)> {
    let mut keys = vec![("orchestrator".to_owned(), data_dir.orchestrator_key())];
    let agents = std::fs::read_dir(data_dir.root().join("agents")).into_iter().flatten().flatten();
    let mut agents: Vec<_> =
        agents.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path().join("agent.key"))).collect();
    agents.sort();
    keys.extend(agents);
    keys.retain(|(_, path)| path.is_file());
    keys
}
