//! A question of the full screen: about exactly what was shown, and answered only by keys that were pressed after it stood there.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent};
use serde_json::{Value, json};

use crate::client::new_key;
use crate::show::errors::hosts_of;
use crate::show::plan;
use crate::show::table::text;
use crate::verb::undecided;

/// What has just appeared under somebody's fingers is not what they meant to answer.
pub const SETTLES: Duration = Duration::from_millis(600);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Approve the plan with this hash; what is grave wants a word to be typed.
    Approve { sha256: String, word: Option<(String, &'static str)> },
    /// Reject the plan with this hash.
    Reject { sha256: String },
    /// Ask for another plan than the one with this hash.
    Revise { sha256: String },
    /// Answer what Chiffon has asked.
    Answer,
    /// Cancel the request.
    Cancel,
    /// Say what becomes of a task that was cut off.
    Resolve { task_id: String, attempt: Value, is_unknown: bool, can_be_retried: bool },
}

/// A question on the screen.
#[derive(Debug, Clone)]
pub struct Question {
    pub id: String,
    pub asked: Asked,
    /// What it is about, in words that were made presentable.
    pub about: Vec<String>,
    pub typed: String,
    /// It is under way.
    pub is_sent: bool,
    /// Tried twice, it is done once.
    key: String,
    opened: Instant,
    /// Since when it takes keys: it says so on the screen.
    takes_keys: Option<Instant>,
}

/// What a person has decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub id: String,
    pub what: What,
    pub key: String,
}

/// See [`Deed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Decide { sha256: String, decision: &'static str, comment: Option<String> },
    Say(String),
    Cancel,
    Resolve { task_id: String, body: Value },
}

/// What a key makes of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Left,
    Given(Deed),
}

impl Question {
    /// One about this request.
    pub fn new(request: &Value, asked: Asked, now: Instant) -> Self {
        let about = about(request, &asked);
        let id = request["request_id"].as_str().unwrap_or_default().to_owned();
        Self { id, asked, about, typed: String::new(), is_sent: false, key: new_key(), opened: now, takes_keys: None }
    }

    /// The approval of the plan that a request has, with what is to be typed where it is grave.
    pub fn approval(request: &Value, now: Instant) -> Option<Self> {
        let sha256 = request["plan"]["sha256"].as_str()?.to_owned();
        Some(Self::new(request, Asked::Approve { sha256, word: word(&request["plan"]) }, now))
    }

    /// What becomes of the first task of this request that was cut off.
    pub fn resolution(request: &Value, now: Instant) -> Option<Self> {
        let task = undecided::open_tasks(request).next()?;
        let asked = Asked::Resolve {
            task_id: task["task_id"].as_str()?.to_owned(),
            attempt: task["attempt"].clone(),
            is_unknown: task["status"] == "unknown",
            can_be_retried: task["cancel_requested_at"].is_null(),
        };
        Some(Self::new(request, asked, now))
    }

    /// The hash of the plan that it is about.
    pub fn sha256(&self) -> Option<&str> {
        match &self.asked {
            Asked::Approve { sha256, .. } | Asked::Reject { sha256 } | Asked::Revise { sha256 } => Some(sha256),
            Asked::Answer | Asked::Cancel | Asked::Resolve { .. } => None,
        }
    }

    /// Whether it says which keys it takes.
    pub fn is_ready(&self, now: Instant) -> bool {
        now.duration_since(self.opened) >= SETTLES
    }

    /// It stands on the screen, with its keys.
    pub fn stands(&mut self, now: Instant) {
        if self.is_ready(now) {
            self.takes_keys.get_or_insert(now);
        }
    }

    /// It was away from the person's eyes.
    pub fn again(&mut self, now: Instant) {
        (self.opened, self.takes_keys) = (now, None);
    }

    /// It could not be done; it can be tried again, and is still done once.
    pub fn failed(&mut self, now: Instant) {
        self.is_sent = false;
        self.again(now);
    }

    /// Whether it is answered by words.
    pub fn has_field(&self) -> bool {
        !matches!(self.asked, Asked::Cancel | Asked::Approve { word: None, .. })
    }

    /// A key that was pressed at this moment.
    pub fn press(&mut self, key: KeyEvent, at: Instant) -> Answer {
        if key.code == KeyCode::Esc {
            return if self.is_sent { Answer::Nothing } else { Answer::Left };
        }
        if self.is_sent || self.takes_keys.is_none_or(|since| at < since) {
            return Answer::Nothing;
        }
        match key.code {
            KeyCode::Char('y') if !self.has_field() => self.give(),
            KeyCode::Char('n') if !self.has_field() => Answer::Left,
            KeyCode::Enter if self.has_field() => self.give(),
            KeyCode::Backspace => {
                self.typed.pop();
                Answer::Nothing
            }
            KeyCode::Char(c) if self.has_field() => {
                self.typed.push(c);
                Answer::Nothing
            }
            _ => Answer::Nothing,
        }
    }

    /// Words that were pasted: they fill a field and answer nothing by themselves.
    pub fn paste(&mut self, words: &str, at: Instant) {
        if self.has_field() && !self.is_sent && self.takes_keys.is_some_and(|since| at >= since) {
            self.typed.extend(words.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
    }

    fn give(&mut self) -> Answer {
        let said = self.typed.trim().to_owned();
        let decide = |sha256: &String, decision, comment| What::Decide { sha256: sha256.clone(), decision, comment };
        let what = match &self.asked {
            Asked::Approve { word: Some((word, _)), .. } if !said.eq_ignore_ascii_case(word) => return Answer::Nothing,
            Asked::Approve { sha256, .. } => decide(sha256, "approve", None),
            Asked::Reject { sha256 } => decide(sha256, "reject", Some(said).filter(|said| !said.is_empty())),
            Asked::Revise { .. } | Asked::Answer if said.is_empty() => return Answer::Nothing,
            Asked::Revise { sha256 } => decide(sha256, "revise", Some(said)),
            Asked::Answer => What::Say(said),
            Asked::Cancel => What::Cancel,
            Asked::Resolve { task_id, attempt, is_unknown, can_be_retried } => {
                let Some((decision, how)) = decision(&said, *can_be_retried) else { return Answer::Nothing };
                if how.is_empty() && (*is_unknown || decision == "done") {
                    return Answer::Nothing;
                }
                let mut body = json!({"decision": decision, "attempt": attempt, "not_running": is_unknown});
                if !how.is_empty() {
                    body["comment"] = json!(how);
                }
                What::Resolve { task_id: task_id.clone(), body }
            }
        };
        self.is_sent = true;
        Answer::Given(Deed { id: self.id.clone(), what, key: self.key.clone() })
    }

    /// The title.
    pub fn title(&self) -> &'static str {
        match self.asked {
            Asked::Approve { .. } => "Approve this plan?",
            Asked::Reject { .. } => "Reject this plan?",
            Asked::Revise { .. } => "What should be different?",
            Asked::Answer => "Your answer",
            Asked::Cancel => "Cancel this request?",
            Asked::Resolve { .. } => "What becomes of it?",
        }
    }

    /// The keys that it takes.
    pub fn keys(&self) -> String {
        match &self.asked {
            Asked::Approve { word: Some((word, what)), .. } => {
                format!("Type {word}, {what}, and press Enter to approve; Esc leaves it")
            }
            Asked::Approve { word: None, .. } => "y approves, n leaves it".to_owned(),
            Asked::Reject { .. } => "Say why (it may stay empty); Enter rejects, Esc leaves it".to_owned(),
            Asked::Revise { .. } => "Enter sends it to the planner, Esc keeps this plan".to_owned(),
            Asked::Answer => "Enter sends it, Esc leaves it".to_owned(),
            Asked::Cancel => "y cancels it, n leaves it".to_owned(),
            Asked::Resolve { is_unknown, can_be_retried, .. } => {
                let retry = if *can_be_retried { "retry, " } else { "" };
                let how = if *is_unknown { "and how you know" } else { "and how you know (done needs it)" };
                format!("Type {retry}done or give up, {how}; Enter decides, Esc leaves it")
            }
        }
    }
}

/// What has to be typed before something grave begins: the host's name, or how many there are.
fn word(plan: &Value) -> Option<(String, &'static str)> {
    if matches!(plan["risk"].as_str(), Some("read_only" | "low" | "medium")) {
        return None;
    }
    let mut hosts: Vec<String> = plan["steps"].as_array().into_iter().flatten().flat_map(hosts_of).collect();
    hosts.sort();
    hosts.dedup();
    Some(match hosts.as_slice() {
        [only] => (only.clone(), "the name of the host"),
        [] => ("run".to_owned(), "the word"),
        several => (several.len().to_string(), "the number of hosts"),
    })
}

/// A title with its hosts, unless it names them itself.
fn with_hosts(title: &str, hosts: &[String]) -> String {
    let words = |text: &str| text.split(|c: char| c.is_whitespace() || c == ',').map(str::to_owned).collect::<Vec<_>>();
    let named = words(title);
    if hosts.is_empty() || hosts.iter().all(|host| named.contains(host)) {
        title.to_owned()
    } else {
        format!("{title} on {}", hosts.join(", "))
    }
}

/// "give up nobody knows" as a decision and how they know.
fn decision(said: &str, can_be_retried: bool) -> Option<(&'static str, &str)> {
    let choices = [("retry", "retry"), ("done", "done"), ("give up", "give_up"), ("give_up", "give_up")];
    let chosen = choices.into_iter().find_map(|(typed, word)| {
        let rest = said.strip_prefix(typed)?;
        let is_whole = rest.is_empty() || rest.starts_with([' ', ':', ',']);
        is_whole.then(|| (word, rest.trim_start_matches([' ', ':', ','])))
    });
    chosen.filter(|(word, _)| can_be_retried || *word != "retry")
}

fn about(request: &Value, asked: &Asked) -> Vec<String> {
    let plan = &request["plan"];
    let mut about = vec![text(&request["text"])];
    if matches!(asked, Asked::Approve { .. }) {
        about = vec![format!("{} (risk {}, revision {})", text(&plan["summary"]), text(&plan["risk"]), text(&plan["revision"]))];
        // What only reads has run before anybody is asked.
        for step in plan["steps"].as_array().into_iter().flatten().filter(|step| step["phase"] != "discover") {
            let cannot = crate::show::text::said(&step["irreversible"]).map(|why| format!(": can't be taken back, {why}"));
            about.push(format!("- {}{}", with_hosts(&text(&step["title"]), &hosts_of(step)), cannot.unwrap_or_default()));
        }
        about.extend(plan::doubt(request, &[]).into_iter().flat_map(|doubt| doubt.lines().map(str::to_owned).collect::<Vec<_>>()));
    }
    if matches!(asked, Asked::Answer) {
        let asked = request["messages"].as_array().into_iter().flatten().rfind(|message| message["from"] == "chiffon");
        about.extend(asked.map(|message| crate::show::text::block(message["text"].as_str().unwrap_or_default())));
    }
    if let Asked::Resolve { task_id, is_unknown, .. } = asked {
        let task = undecided::open_tasks(request).find(|task| text(&task["task_id"]) == *task_id);
        let hosts = task.map(hosts_of).unwrap_or_default();
        about.extend(task.map(|task| format!("{}: it is {}", with_hosts(&text(&task["title"]), &hosts), text(&task["status"]))));
        about.extend(task.and_then(|task| crate::show::text::said(&task["error"]["message"])));
        if *is_unknown {
            about.push(format!("By deciding you say that nothing of it runs on {} any more.", hosts.join(", ")));
        }
    }
    if matches!(asked, Asked::Cancel) {
        about.push("What runs is stopped; what has happened stays.".to_owned());
    }
    about
}
