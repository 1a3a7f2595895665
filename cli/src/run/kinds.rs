//! The kinds of agents whose code this program has. Each says by itself whether it can be started on this machine, what must be there
//! for it, and how it is built; nobody else knows one by its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chiffon_desktop::{DesktopAgent, DesktopOptions, SystemProbe};
use chiffon_infrastructure::{InfrastructureAgent, InfrastructureOptions};
use chiffon_protocol::kind::{self, Kind};
use chiffon_worker::AgentKind;

use super::playbooks;
use crate::config::Config;
use crate::exit::Failure;

/// What lies on this machine for agents to work with.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    /// The actions.
    pub playbooks: PathBuf,
    /// The Ansible inventory.
    pub inventory: PathBuf,
}

/// Where an agent is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The machine's name.
    pub hostname: &'p str,
    /// The agent's own folder.
    pub folder: &'p Path,
}

/// A kind of agents that this program can start.
#[async_trait]
pub trait Starter: Sync {
    /// Its row in the table of kinds.
    fn kind(&self) -> &'static Kind;

    /// What `chiffon up` says of one that it has started.
    fn words(&self) -> &'static str;

    /// Why `chiffon up` starts none on this machine; `None` where it can.
    fn refusal(&self, _config: &Config) -> Option<String> {
        None
    }

    /// What the configuration names for it, which must be there before anything is made.
    fn folders(&self, _config: &Config) -> Result<Folders, Failure> {
        Ok(Folders::default())
    }

    /// Builds one.
    async fn build(
        &self,
        config: &Config,
        folders: Folders,
        at: Place<'_>,
        probe: &Arc<SystemProbe>,
    ) -> Result<Arc<dyn AgentKind>, Failure>;
}

/// All of them, in the order in which they are started.
pub const STARTERS: [&dyn Starter; 2] = [&Infrastructure, &Desktop];

/// The one of this name.
pub fn named(name: &str) -> Option<&'static dyn Starter> {
    STARTERS.into_iter().find(|starter| starter.kind().name.as_str() == name)
}

/// The commands that start one each, for people.
pub fn commands() -> String {
    STARTERS.map(|starter| format!("chiffon agent {}", starter.kind().name)).join(", or ")
}

/// Who can be started here, and in words who can't, and why.
pub fn startable<'s>(starters: &[&'s dyn Starter], config: &Config) -> (Vec<&'s dyn Starter>, Vec<String>) {
    let (mut can, mut can_not) = (Vec::new(), Vec::new());
    for starter in starters {
        match starter.refusal(config) {
            None => can.push(*starter),
            Some(why) => can_not.push(format!("no {} agent: {why}", starter.kind().name)),
        }
    }
    (can, can_not)
}

struct Infrastructure;

#[async_trait]
impl Starter for Infrastructure {
    fn kind(&self) -> &'static Kind {
        &kind::INFRASTRUCTURE
    }

    fn words(&self) -> &'static str {
        "one for infrastructure"
    }

    fn refusal(&self, config: &Config) -> Option<String> {
        let program = &config.agent.infrastructure.ansible_playbook;
        program.as_os_str().is_empty().then(|| "agent.infrastructure.ansible_playbook names no program".to_owned())
    }

    fn folders(&self, config: &Config) -> Result<Folders, Failure> {
        let own = &config.agent.infrastructure;
        Ok(Folders { playbooks: playbooks::find(Some(&own.playbooks))?, inventory: own.inventory.clone() })
    }

    async fn build(&self, config: &Config, folders: Folders, at: Place<'_>, _: &Arc<SystemProbe>) -> Result<Arc<dyn AgentKind>, Failure> {
        let mut options = InfrastructureOptions::new(folders.playbooks, folders.inventory, at.folder);
        options.ansible_playbook.clone_from(&config.agent.infrastructure.ansible_playbook);
        options.ansible_inventory.clone_from(&config.agent.infrastructure.ansible_inventory);
        Ok(Arc::new(InfrastructureAgent::new(options).await?))
    }
}

struct Desktop;

#[async_trait]
impl Starter for Desktop {
    fn kind(&self) -> &'static Kind {
        &kind::DESKTOP
    }

    fn words(&self) -> &'static str {
        "one for this desktop"
    }

    async fn build(&self, _: &Config, _: Folders, at: Place<'_>, probe: &Arc<SystemProbe>) -> Result<Arc<dyn AgentKind>, Failure> {
        let options = DesktopOptions { hostname: at.hostname.to_owned(), data_dir: at.folder.to_owned() };
        Ok(Arc::new(DesktopAgent::new(options, probe.clone())))
    }
}

#[cfg(test)]
mod tests {
    use chiffon_protocol::kind::Kinds;

    use super::*;
    use crate::config::layers;

    #[test]
    fn every_kind_that_comes_with_chiffon_can_be_started_and_no_other() {
        let mut started: Vec<&Kind> = STARTERS.iter().map(|starter| starter.kind()).collect();
        started.sort_by_key(|kind| &kind.name);
        assert_eq!(started, Kinds::default().iter().collect::<Vec<_>>());
        assert!(named("infrastructure").is_some() && named("toaster").is_none());
        assert_eq!(commands(), "chiffon agent infrastructure, or chiffon agent desktop");
    }

    #[test]
    fn what_says_that_it_can_is_started_and_what_can_not_says_why() {
        let mut config: Config = layers(None).and_then(|layers| layers.read()).expect("the defaults read");
        let names = |config: &Config| {
            let (can, can_not) = startable(&STARTERS, config);
            (can.iter().map(|starter| starter.kind().name.to_string()).collect::<Vec<_>>(), can_not)
        };
        assert_eq!(names(&config), (vec!["infrastructure".to_owned(), "desktop".to_owned()], Vec::new()));
        config.agent.infrastructure.ansible_playbook = PathBuf::new();
        let (can, can_not) = names(&config);
        assert_eq!(can, ["desktop"]);
        assert_eq!(can_not, ["no infrastructure agent: agent.infrastructure.ansible_playbook names no program"]);
    }
}
