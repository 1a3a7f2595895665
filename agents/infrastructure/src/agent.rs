//! The infrastructure agent as a kind of agent: what it announces, what it accepts, and how work becomes a play.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use chiffon_protocol::action::Privilege;
use chiffon_protocol::kind::{INFRASTRUCTURE, Kind};
use chiffon_protocol::message::{AnnouncedAction, Mode, NotOffered, WorkRequest};
use chiffon_protocol::{ErrorCode, Problem};

use super::ansible_config::lead_to_passwords;
use super::catalogue::{Action, Catalogue};
use super::content_hash::Covered;
use super::installed::{self, Installed};
use super::inventory::{self, Inventory, Unread, sources};
use super::options::InfrastructureOptions;
use super::play::{self, Binding, Play};
use super::redact::Redactor;
use super::sealed_inventory;
use super::secrets::{Prepared, Secrets, Unprepared};
use super::variables_key::VariablesKey;
use chiffon_worker::{AgentKind, Decline, Jobs, RunContext, RunOutcome};

/// Runs vetted actions with Ansible.
#[derive(Debug)]
pub struct InfrastructureAgent {
    options: InfrastructureOptions,
    secrets: Secrets,
    known: RwLock<Known>,
}

/// What was last read from the disk.
#[derive(Debug, Clone)]
struct Known {
    catalogue: Arc<Catalogue>,
    inventory: Arc<Inventory>,
    inventory_written: Vec<(PathBuf, SystemTime)>,
    inventory_asked: Instant,
    installed: Arc<Installed>,
}

impl InfrastructureAgent {
    /// Reads the catalogue and the inventory. Fails with 5501 without Ansible, 5510 with files of which no host can be read, and
    /// 5508 with an unreadable playbooks folder; a single invalid action is logged and left out. Where an inventory script fails,
    /// it knows the hosts of the last start, and asks the script again.
    pub async fn new(options: InfrastructureOptions) -> Result<Self, Problem> {
        let options = absolute(options);
        inventory::find_program(&options.ansible_playbook)?;
        let installed = Arc::new(Self::find_installed(&options).await);
        let catalogue = Arc::new(Catalogue::load_with(&options.playbooks, &installed)?);
        let inventory_written = sources::written(&options.inventory);
        let inventory_asked = Instant::now();
        let inventory = Arc::new(first_inventory(&options).await?);
        let secrets = Secrets::in_folder(&options.data_dir);
        let known = RwLock::new(Known { catalogue, inventory, inventory_written, inventory_asked, installed });
        Ok(Self { options, secrets, known })
    }

    /// The actions as they were last read.
    pub fn actions(&self) -> Arc<Catalogue> {
        self.known().catalogue
    }

    async fn find_installed(options: &InfrastructureOptions) -> Installed {
        let (program, playbooks) = (options.ansible_playbook.clone(), options.playbooks.clone());
        tokio::task::spawn_blocking(move || Installed::find(&program, &playbooks)).await.unwrap_or_default()
    }

    /// Reads the inventory again where a file of it was written, or where it is old enough and may say something else by now;
    /// whether there is something to announce.
    async fn ask_again(&self, known: &mut Known) -> bool {
        let options = &self.options;
        let written = sources::written(&options.inventory);
        let is_old = known.inventory_asked.elapsed() >= options.inventory_age && sources::is_dynamic(&options.inventory);
        if written == known.inventory_written && !is_old {
            return false;
        }
        known.inventory_written = written;
        known.inventory_asked = Instant::now();
        let inventory = match Inventory::load(options).await {
            Ok(inventory) => inventory.with_known(&known.inventory),
            Err(unread) => Inventory { problems: vec![unread.problem.message], ..(*known.inventory).clone() },
        };
        if inventory == *known.inventory {
            return false;
        }
        if inventory.problems != known.inventory.problems {
            say_problems(&inventory);
        }
        inventory.keep(&options.data_dir, &options.inventory);
        known.inventory = Arc::new(inventory);
        true
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The granted hosts; this machine for an action without a target.
    fn hosts(work: &WorkRequest) -> Vec<String> {
        if work.hosts.is_empty() { vec!["localhost".to_owned()] } else { work.hosts.clone() }
    }

    fn action(&self, name: &str) -> Option<Action> {
        self.known().catalogue.actions.get(name).cloned()
    }

    fn lacks(&self, name: &str) -> Decline {
        Decline::new(match self.known().catalogue.problems.get(name) {
            Some(problem) => format!("it does not offer `{name}`: {} ({})", problem.message, problem.code),
            None => format!("it has no action `{name}` ({})", ErrorCode::UnknownAction),
        })
    }

    /// The content that would run now must be the content that was planned.
    fn check_content(&self, action: &Action, work: &WorkRequest) -> Result<(), Decline> {
        if work.action_sha256.is_empty() {
            return Err(Decline::new("the work does not say which content of its action was planned"));
        }
        let name = &action.spec.name;
        let covered = Covered::read(&self.options.playbooks, name)
            .map_err(|error| Decline::new(format!("the content of `{name}` can't be covered: {error}")))?;
        let versions = self.known().installed.versions(&covered);
        if covered.sha256(&versions) == work.action_sha256 {
            return Ok(());
        }
        let code = ErrorCode::ActionChanged;
        Err(Decline::new(format!("its {} ({code})", changed(action, &covered, &versions, work))))
    }

    /// A private copy of the content that was planned; 5403 where there is another by now. The run reads nothing else, so
    /// what is written to the playbooks folder from here on can't become part of it.
    fn private_copy(playbooks: &Path, installed: &Installed, action: &Action, work: &WorkRequest, copy: &Path) -> Result<(), Problem> {
        let name = &work.action;
        let covered = Covered::read(playbooks, name).map_err(|error| {
            let text = format!("the content of `{name}` can't be covered: {error}; nothing was changed");
            Problem::new(ErrorCode::ActionInvalid, text)
        })?;
        let versions = installed.versions(&covered);
        if covered.sha256(&versions) != work.action_sha256 {
            let text = format!("the agent's {}; nothing was changed. Ask for it again", changed(action, &covered, &versions, work));
            return Err(Problem::new(ErrorCode::ActionChanged, text));
        }
        covered.copy_to(copy).and_then(|()| lead_to_passwords(playbooks, copy)).map_err(|error| {
            let text = format!("the content of `{name}` can't be copied to {}: {error}; nothing was changed", copy.display());
            Problem::new(ErrorCode::DataDirUnusable, text)
        })
    }

    fn check_hosts(&self, action: &Action, work: &WorkRequest) -> Result<(), Decline> {
        let inventory = self.known().inventory;
        if let Some(missing) = work.hosts.iter().find(|host| !inventory.has(host)) {
            return Err(Decline::new(format!("its inventory has no host `{missing}`")));
        }
        for name in action.spec.hosts_in(&work.parameters) {
            let meant = inventory.resolve(&name);
            if meant.is_empty() {
                return Err(Decline::new(format!("its inventory has no host or group `{name}`")));
            }
            if let Some(outside) = meant.iter().find(|host| !work.hosts.contains(host)) {
                return Err(Decline::new(format!(
                    "the parameters name `{outside}`, which is not among the granted hosts {}",
                    work.hosts.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// What is not as it was planned: versions, where it was this agent's own content before they changed.
fn changed(action: &Action, covered: &Covered, versions: &BTreeMap<String, String>, work: &WorkRequest) -> String {
    let (name, before) = (&action.spec.name, &action.spec.runs_with);
    let planned = work.action_sha256.as_str();
    let now = installed::in_words(versions);
    if versions != before && covered.sha256(before) == planned {
        return format!("`{name}` was planned with {}, but runs with {now} now", installed::in_words(before));
    }
    let here = covered.sha256(versions);
    let (here, planned) = (here.get(..12).unwrap_or(&here), planned.get(..12).unwrap_or(planned));
    format!("`{name}` has the content {here} and runs with {now}, but {planned} was planned")
}

/// The inventory at the start. What a script would say is not lost to a start at which it fails.
async fn first_inventory(options: &InfrastructureOptions) -> Result<Inventory, Problem> {
    let kept = Inventory::kept(&options.data_dir, &options.inventory);
    match Inventory::load(options).await {
        Ok(inventory) => {
            let inventory = inventory.with_known(&kept);
            say_problems(&inventory);
            inventory.keep(&options.data_dir, &options.inventory);
            Ok(inventory)
        }
        Err(Unread { problem, may_pass: true }) => {
            let inventory = Inventory { problems: vec![problem.message], ..kept };
            say_problems(&inventory);
            Ok(inventory)
        }
        Err(Unread { problem, .. }) => Err(problem),
    }
}

fn say_problems(inventory: &Inventory) {
    let hosts = inventory.groups.get("all").map_or(0, Vec::len);
    for problem in &inventory.problems {
        tracing::error!(
            code = ErrorCode::InventoryUnreadable.number(),
            hosts,
            "{problem}; the hosts that are known stay, and it is read again"
        );
    }
}

/// Plays run with the playbooks as their working folder, so no path may depend on ours.
fn absolute(mut options: InfrastructureOptions) -> InfrastructureOptions {
    for path in [&mut options.playbooks, &mut options.inventory, &mut options.data_dir] {
        if let Ok(absolute) = std::path::absolute(&*path) {
            *path = absolute;
        }
    }
    options
}

#[async_trait]
impl AgentKind for InfrastructureAgent {
    fn entry(&self) -> &Kind {
        &INFRASTRUCTURE
    }

    fn catalogue(&self) -> Vec<AnnouncedAction> {
        self.known().catalogue.announced()
    }

    fn not_offered(&self) -> Vec<NotOffered> {
        self.known().catalogue.not_offered()
    }

    fn hosts(&self) -> BTreeMap<String, Vec<String>> {
        self.known().inventory.groups.clone()
    }

    fn problems(&self) -> Vec<String> {
        let known = self.known();
        known.inventory.problems.iter().cloned().chain(known.catalogue.not_told()).collect()
    }

    fn labels(&self) -> BTreeMap<String, String> {
        self.options.labels.clone()
    }

    async fn refresh(&self) -> bool {
        let mut known = self.known();
        let mut changed = false;
        if known.catalogue.is_stale(&self.options.playbooks) || known.catalogue.runs_with_others(&known.installed) {
            match Catalogue::load_with(&self.options.playbooks, &known.installed) {
                Ok(catalogue) => {
                    changed = catalogue.announced() != known.catalogue.announced() || catalogue.problems != known.catalogue.problems;
                    known.catalogue = Arc::new(catalogue);
                }
                Err(problem) => tracing::error!(code = problem.code.number(), "{}; the actions stay as they were", problem.message),
            }
        }
        changed |= self.ask_again(&mut known).await;
        // Who declined for a secret's sake is asked again after a hello.
        changed |= self.secrets.were_touched();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        changed
    }

    fn accepts(&self, work: &WorkRequest) -> Result<(), Decline> {
        let action = self.action(&work.action).ok_or_else(|| self.lacks(&work.action))?;
        self.check_content(&action, work)?;
        self.check_hosts(&action, work)?;
        let findings = action.parameter_findings(&work.parameters);
        if !findings.is_empty() {
            return Err(Decline::new(format!("the parameters do not fit `{}`: {}", work.action, findings.join("; "))));
        }
        match self.secrets.prepare(&action.spec, &work.parameters, work.mode) {
            // Another agent may have it; but whoever reads the plan is told before they wait for one.
            Err(Unprepared::Reference(_)) if work.mode == Mode::Check => Ok(()),
            Err(unprepared) => Err(Decline::new(unprepared.to_string())),
            Ok(_) => Ok(()),
        }
    }

    async fn run(&self, work: &WorkRequest, context: RunContext) -> RunOutcome {
        let Some(mut action) = self.action(&work.action) else {
            let text = format!("the action `{}` went away before it started; nothing was changed", work.action);
            return RunOutcome::failed(Problem::new(ErrorCode::UnknownAction, text));
        };
        let prepared = match self.secrets.prepare(&action.spec, &work.parameters, work.mode) {
            Ok(prepared) => prepared,
            Err(unprepared) => return RunOutcome::failed(Problem::new(ErrorCode::SecretUnusable, unprepared.to_string())),
        };
        let playbooks = context.scratch.join("playbooks");
        // Up to hundreds of megabytes: not on a worker of the runtime, whose heartbeats would wait.
        let (source, wanted, copy) = (self.options.playbooks.clone(), work.clone(), playbooks.clone());
        let (installed, planned) = (self.known().installed, action.clone());
        let copied = tokio::task::spawn_blocking(move || Self::private_copy(&source, &installed, &planned, &wanted, &copy)).await;
        match copied.map_err(|error| Problem::new(ErrorCode::Internal, format!("the playbooks could not be copied: {error}"))) {
            Ok(Ok(())) => {}
            Ok(Err(problem)) | Err(problem) => return RunOutcome::failed(problem),
        }
        action.folder = playbooks.join(&work.action);
        let Prepared { parameters, mut secrets, references } = prepared;
        match sealed_inventory::values(&self.options.inventory, &playbooks, &self.options.ansible_playbook).await {
            Ok(values) => secrets.extend(values),
            Err(problem) => return RunOutcome::failed(problem),
        }
        let key = match VariablesKey::in_folder(&self.options.data_dir) {
            Ok(key) => key,
            Err(error) => {
                let text = format!("`variables.key` in {}: {error}; nothing was run", self.options.data_dir.display());
                return RunOutcome::failed(Problem::new(ErrorCode::DataDirUnusable, text));
            }
        };
        let redactor = Redactor::new(secrets, &parameters).with_placeholders(&references).with_run_folders(&[&playbooks, &context.scratch]);
        let play = Play {
            action,
            binding: Binding { key, bound: work.variables.clone().filter(|_| work.mode == Mode::Apply) },
            redactor,
            parameters,
            hosts: Self::hosts(work),
            mode: work.mode,
            timeout: Duration::from_secs(work.timeout_seconds),
            program: self.options.ansible_playbook.clone(),
            inventory: self.options.inventory.clone(),
            here: self.known().inventory.here.clone(),
            playbooks,
        };
        play::run(play, context).await
    }

    async fn end_on_hosts(&self, work: &WorkRequest, marker: &str, jobs: &Jobs) -> BTreeSet<String> {
        let privilege = self.action(&work.action).map_or(Privilege::None, |action| action.spec.privilege);
        let InfrastructureOptions { ansible_playbook: program, inventory, playbooks, .. } = &self.options;
        let hosts: BTreeSet<String> = Self::hosts(work).into_iter().collect();
        let known = self.known().inventory;
        let reach = play::Reach { program, inventory, playbooks, privilege, here: &known.here };
        let clean = play::end_on_hosts(reach, marker, jobs, &hosts, play::HOSTS_PATIENCE).await;
        hosts.difference(&clean).cloned().collect()
    }
}
