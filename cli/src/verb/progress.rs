//! What is said while a request is planned and while it runs: each phase as it begins, with host and time, and silence.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::follow::is_dry;
use crate::client::Event;
use crate::show::style::{faint, status};
use crate::show::table::text;
use crate::show::text::said;

/// How long nothing may be heard before that is said.
const SILENCE: Duration = Duration::from_secs(20);

/// The way to a plan.
#[derive(Debug, Default)]
pub struct Planning {
    phase: String,
    began: Option<Instant>,
    told: Duration,
}

impl Planning {
    /// Hears how the request stands; what there is to say about it.
    pub fn look(&mut self, request: &Value, now: Instant) -> Option<String> {
        let phase = phase(request);
        if phase == self.phase {
            return self.wait(now);
        }
        let is_first_of_its_kind = phase.split(' ').next() != self.phase.split(' ').next();
        self.phase.clone_from(&phase);
        (self.began, self.told) = (Some(now), Duration::ZERO);
        let why = why(request).filter(|_| is_first_of_its_kind).map(|why| faint(&format!(" ({why})"))).unwrap_or_default();
        Some(format!("{phase} …{why}"))
    }

    /// Nothing has happened; what there is to say about that.
    pub fn wait(&mut self, now: Instant) -> Option<String> {
        let lasts = now.duration_since(self.began?);
        if lasts < (self.told * 2).max(SILENCE) {
            return None;
        }
        self.told = lasts;
        Some(format!("{}, {} s", self.phase, lasts.as_secs()))
    }
}

/// What is done at this moment, and where.
fn phase(request: &Value) -> String {
    let word = text(&request["status"]);
    let named = |things: Vec<&Value>| {
        let mut hosts: Vec<String> =
            things.into_iter().flat_map(|thing| thing["hosts"].as_array().into_iter().flatten()).map(text).collect();
        hosts.sort();
        hosts.dedup();
        let more = hosts.len().saturating_sub(5);
        hosts.truncate(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if hosts.is_empty() { String::new() } else { format!(" on {}{more}", hosts.join(", ")) }
    };
    let tasks = request["tasks"].as_array().into_iter().flatten();
    let steps = request["plan"]["steps"].as_array().into_iter().flatten();
    let runs = |status: &Value| matches!(status.as_str(), Some("running" | "dispatched" | "waiting" | "pending"));
    let place = match word.as_str() {
        "discovering" => named(tasks.filter(|task| task["purpose"] == "discover" && runs(&task["status"])).collect()),
        "previewing" => named(steps.filter(|step| runs(&step["preview"]["status"])).collect()),
        _ => String::new(),
    };
    let wait = said(&request["waiting_for"]["text"]).map(|wait| format!(": {wait}")).unwrap_or_default();
    format!("{word}{place}{wait}")
}

/// Why a phase takes its time.
fn why(request: &Value) -> Option<&'static str> {
    match request["status"].as_str()? {
        "discovering" => Some("what the plan needs to know is looked up on the host, read-only, by Ansible: often 5 to 30 s a host"),
        "previewing" => Some("a dry run by Ansible on each host: often 5 to 30 s a step"),
        _ => None,
    }
}

/// A run.
#[derive(Debug)]
pub struct Run {
    /// It has begun: what was before was shown with the plan.
    began: bool,
    /// The last that was said of each task.
    lines: HashMap<String, String>,
    /// Who was heard last, and when.
    speaker: String,
    /// What is done at this moment by the word of the task that was heard last, with the hosts that have not answered.
    doing: Option<String>,
    /// What the task that was heard last waits for.
    waits: Option<String>,
    heard: Instant,
    told: Duration,
}

impl Run {
    /// One of which nothing was heard yet.
    pub fn new(now: Instant) -> Self {
        Self {
            began: false,
            lines: HashMap::new(),
            speaker: "the run".to_owned(),
            doing: None,
            waits: None,
            heard: now,
            told: Duration::ZERO,
        }
    }

    /// Whether what is heard belongs to the run.
    pub fn has_begun(&self) -> bool {
        self.began
    }

    /// Hears an event; what there is to say about where a task stands, unless that was said last.
    pub fn hear(&mut self, event: &Event, now: Instant) -> Option<String> {
        self.began |= event.kind == "request" && event.data["status"] == "running";
        (self.heard, self.told) = (now, Duration::ZERO);
        match event.kind.as_str() {
            "log" => {
                let last = event.data["lines"].as_array().and_then(|lines| lines.last()).unwrap_or(&event.data);
                // What was heard of the dry run is no word of the run.
                if let Some(name) = said(&last["name"]).filter(|_| self.began) {
                    self.speaker = said(&last["host"]).map_or_else(|| format!("“{name}”"), |host| format!("“{name}” on {host}"));
                }
                None
            }
            "task" => {
                let line = task_line(&event.data)?;
                self.doing = said(&event.data["message"]).and_then(|message| message.split_once(": ").map(|(_, doing)| doing.to_owned()));
                self.waits = said(&event.data["waiting_for"]["text"]);
                let is_new = self.lines.insert(text(&event.data["task_id"]), line.clone()).as_ref() != Some(&line);
                is_new.then_some(line)
            }
            _ => None,
        }
    }

    /// Nobody can be heard: whoever runs it may speak all the same, so their silence is counted from when it is heard again.
    pub fn is_not_heard(&mut self, now: Instant) {
        (self.heard, self.told) = (now, Duration::ZERO);
    }

    /// Nothing was heard; what there is to say about that.
    pub fn wait(&mut self, now: Instant) -> Option<String> {
        let silent = now.duration_since(self.heard);
        if !self.began || silent < (self.told * 2).max(SILENCE) {
            return None;
        }
        self.told = silent;
        let silent_one = self.doing.as_ref().unwrap_or(&self.speaker);
        let text = match &self.waits {
            Some(waits) => format!("still waiting, {} s: {waits}", silent.as_secs()),
            None => format!("{silent_one} has said nothing for {} s", silent.as_secs()),
        };
        Some(faint(&text))
    }
}

fn task_line(task: &Value) -> Option<String> {
    let word = said(&task["status"])?;
    let title = ["title", "step_id", "task_id"].into_iter().find_map(|name| said(&task[name])).unwrap_or_default();
    let wait = said(&task["waiting_for"]["text"]).map(|wait| faint(&format!(" waiting: {wait}"))).unwrap_or_default();
    let progress = task["progress"].as_u64().filter(|percent| *percent > 0 && word == "running").map(|percent| format!(" {percent} %"));
    let dry = if is_dry(task) { " (dry run)" } else { "" };
    Some(format!("{} {title}{dry}{}{wait}", status(&word), progress.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_phase_is_said_with_its_host_and_its_time() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut planning = Planning::default();
        let discovering = json!({"status": "discovering", "tasks": [
            {"purpose": "discover", "status": "running", "hosts": ["nas"]}, {"purpose": "discover", "status": "completed", "hosts": ["pi"]},
        ]});
        let said = planning.look(&discovering, began).expect("it begins");
        assert!(said.starts_with("discovering on nas …") && said.contains("read-only"), "{said}");
        assert_eq!(planning.look(&discovering, after(1)), None, "nothing new");
        assert_eq!(planning.wait(after(20)).as_deref(), Some("discovering on nas, 20 s"));
        let previewing = json!({"status": "previewing", "plan": {"steps": [
            {"hosts": ["pi"], "preview": {"status": "running"}}, {"hosts": ["nas"], "preview": {"status": "done"}},
        ]}});
        assert!(planning.look(&previewing, after(21)).expect("another phase").starts_with("previewing on pi …"));
        assert_eq!(planning.wait(after(41)).as_deref(), Some("previewing on pi, 20 s"));
        let mut declined = previewing;
        declined["waiting_for"] = json!({"what": "agent", "text": "infra-1: secrets.toml is open to others"});
        let said = planning.look(&declined, after(42));
        assert_eq!(said.as_deref(), Some("previewing on pi: infra-1: secrets.toml is open to others …"), "as soon as it is known");
    }

    #[test]
    fn silence_is_said_with_who_is_silent_and_less_often_the_longer_it_lasts() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let event = |kind: &str, data| Event { kind: kind.to_owned(), data };
        let mut run = Run::new(began);
        assert_eq!(run.wait(after(60)), None, "it has not begun");
        run.hear(&event("request", json!({"status": "running"})), began);
        run.hear(&event("log", json!({"name": "Install apt", "host": "nas", "text": "…"})), began);
        assert_eq!(run.wait(after(19)), None);
        assert_eq!(run.wait(after(20)).as_deref(), Some("“Install apt” on nas has said nothing for 20 s"));
        assert_eq!(run.wait(after(39)), None);
        assert_eq!(run.wait(after(40)).as_deref(), Some("“Install apt” on nas has said nothing for 40 s"));
        let task = json!({"task_id": "t", "title": "Install", "status": "running", "progress": 33});
        assert_eq!(run.hear(&event("task", task.clone()), after(41)).as_deref(), Some("running Install 33 %"));
        assert_eq!(run.hear(&event("task", task), after(42)), None, "said once");
        assert_eq!(run.wait(after(50)), None, "it was heard");
        let working =
            json!({"task_id": "t", "title": "Install", "status": "running", "progress": 33, "message": "Running: Install apt on pi, web"});
        run.hear(&event("task", working), after(51));
        assert_eq!(
            run.wait(after(71)).as_deref(),
            Some("Install apt on pi, web has said nothing for 20 s"),
            "those that have not answered"
        );
        run.is_not_heard(after(200));
        assert_eq!(run.wait(after(219)), None, "it may have spoken while the orchestrator was away");
        assert!(run.wait(after(220)).is_some_and(|said| said.ends_with("20 s")));
        let waiting = json!({"task_id": "t", "title": "Install", "status": "waiting", "waiting_for": {"text": "nas is locked"}});
        run.hear(&event("task", waiting), after(51));
        assert_eq!(run.wait(after(71)).as_deref(), Some("still waiting, 20 s: nas is locked"));
    }
}
