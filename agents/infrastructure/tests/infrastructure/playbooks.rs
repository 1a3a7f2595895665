//! A playbooks folder and an inventory made for one test, and an agent on them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chiffon_agents_harness::orchestrator::{Orchestrator, work};
use chiffon_agents_harness::running::{RunningWorker, result_of};
use chiffon_infrastructure::{InfrastructureAgent, InfrastructureOptions};
use chiffon_protocol::message::{Mode, WorkRequest, WorkResult};
use chiffon_worker::AgentKind as _;
use serde_json::Value;

#[derive(Debug)]
pub struct Playbooks {
    folder: tempfile::TempDir,
}

impl Playbooks {
    /// Hosts `nas` and `pi` on this machine, and `gone`, whose port is closed.
    pub fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().expect("a folder") };
        let python = "ansible_python_interpreter=/usr/bin/python3";
        let closed = "ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args='-o BatchMode=yes -o ConnectTimeout=5'";
        this.write(
            "inventory.ini",
            &format!("nas ansible_connection=local {python}\npi ansible_connection=local {python}\ngone {closed} {python}\n"),
        );
        std::fs::create_dir(this.path("books")).expect("made");
        this
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// An action with these tasks; `@DIR@` in them is this test's folder.
    pub fn action(&self, name: &str, more: &str, tasks: &str) {
        self.action_for(name, more, "{{ host }}", tasks);
    }

    pub fn action_for(&self, name: &str, more: &str, hosts: &str, tasks: &str) {
        let spec = format!(
            "name: {name}\ntitle: {name}\ndescription: For a test.\nexamples: [\"do {name}\"]\nagent_type: infrastructure\ntarget: {{parameter: host}}\n\
             parameters:\n  type: object\n  required: [host]\n  properties:\n    host: {{type: [string, array]}}\n    port: {{type: integer, default: 80}}\n    \
             text: {{type: string, default: hello}}\n    password: {{type: string, default: \"\", secret: true}}\n\
             risk: low\ncheck: full\ntimeout_seconds: 60\n{more}"
        );
        self.write(&format!("books/{name}/action.yml"), &spec);
        let tasks = tasks.replace("@DIR@", &self.folder.path().display().to_string());
        let playbook = format!("- name: Do {name}\n  hosts: \"{hosts}\"\n  gather_facts: false\n  tasks:\n{tasks}");
        self.write(&format!("books/{name}/playbook.yml"), &playbook);
    }

    pub fn options(&self) -> InfrastructureOptions {
        InfrastructureOptions::new(self.path("books"), self.path("inventory.ini"), self.path("agent"))
    }

    pub async fn start(self) -> Fleet {
        let options = self.options();
        self.start_with(options).await
    }

    pub async fn start_with(self, options: InfrastructureOptions) -> Fleet {
        let orchestrator = Orchestrator::start().await;
        let agent = Arc::new(InfrastructureAgent::new(options).await.expect("the agent is ready"));
        let worker = RunningWorker::start(&orchestrator, &self.path("agent"), agent.clone()).await;
        Fleet { orchestrator, agent, worker, playbooks: self }
    }
}

/// An agent with its orchestrator.
#[derive(Debug)]
pub struct Fleet {
    pub orchestrator: Orchestrator,
    pub agent: Arc<InfrastructureAgent>,
    pub worker: RunningWorker,
    pub playbooks: Playbooks,
}

impl Fleet {
    /// Work as a plan would pin it.
    pub fn work(&self, action: &str, parameters: Value, hosts: &[&str]) -> WorkRequest {
        let announced = self.agent.catalogue();
        let sha256 = announced.iter().find(|known| known.spec.name == action).map(|known| known.sha256.clone()).unwrap_or_default();
        WorkRequest { action_sha256: sha256, ..work(action, parameters, hosts) }
    }

    pub async fn run(&self, work: &WorkRequest) -> WorkResult {
        self.orchestrator.offer(work).await;
        result_of(&self.orchestrator, work.task_id).await
    }

    pub async fn apply(&self, action: &str, parameters: Value, hosts: &[&str]) -> WorkResult {
        self.run(&self.work(action, parameters, hosts)).await
    }

    pub async fn check(&self, action: &str, parameters: Value, hosts: &[&str]) -> WorkResult {
        self.run(&WorkRequest { mode: Mode::Check, ..self.work(action, parameters, hosts) }).await
    }
}

/// Whether a text stands in any file below a folder.
pub fn stands_in_files(folder: &Path, text: &str) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let holding = files
        .filter(|entry| std::fs::read(entry.path()).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes())));
    holding.map(walkdir::DirEntry::into_path).collect()
}
