//! Where the actions are, when nobody says so.

use std::path::{Path, PathBuf};

use chiffon_infrastructure::action_check::Severity;

use crate::exit::{Exit, Failure, Outcome};

const INSTALLED: &str = "/usr/share/chiffon/playbooks";

/// The folder that was named; else `./playbooks`, the source tree around the binary, or the package's.
pub fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return if named.is_dir() {
            Ok(std::path::absolute(named)?)
        } else {
            Err(Failure::usage(format!("there is no folder of actions at {}", named.display())))
        };
    }
    candidates()
        .into_iter()
        .find(|folder| folder.join("deploy_kuma/action.yml").is_file() || folder.join("types.json").is_file())
        .ok_or_else(|| Failure::usage(format!("no folder of actions is at ./playbooks or {INSTALLED}; name one with --playbooks")))
}

fn candidates() -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    candidates.extend(std::env::current_dir().map(|folder| folder.join("playbooks")));
    if let Ok(binary) = std::env::current_exe() {
        candidates.extend(binary.ancestors().skip(1).take(4).map(|folder| folder.join("playbooks")));
    }
    candidates.push(PathBuf::from(INSTALLED));
    candidates
}

/// `chiffon action check`: says what is wrong with an action's folder.
pub async fn check(folder: &Path) -> Outcome {
    let findings = chiffon_infrastructure::action_check::check(folder, Path::new("ansible-playbook")).await;
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        return Ok(Exit::Failed);
    }
    say!("{} is in order.", folder.display());
    Ok(Exit::Done)
}
