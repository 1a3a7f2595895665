//! What the full screen knows: lists, the request that is open, the question that stands. Nothing here draws, and nothing here waits.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::Value;

use super::question::{Deed, Question};
use super::search::Search;
use crate::show::table::text;

/// So many lines of a log are kept.
const LOG_LINES: usize = 2_000;

/// The lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Inbox,
    Requests,
    Fleet,
    Queue,
}

impl Tab {
    /// All, as they stand in the head.
    pub const ALL: [Self; 4] = [Self::Inbox, Self::Requests, Self::Fleet, Self::Queue];

    /// Its name, and the key behind `g`.
    pub fn name(self) -> (&'static str, char) {
        match self {
            Self::Inbox => ("Inbox", 'i'),
            Self::Requests => ("Requests", 'r'),
            Self::Fleet => ("Fleet", 'f'),
            Self::Queue => ("Queue", 'q'),
        }
    }
}

/// The lists as they were read together.
#[derive(Debug, Default, Clone)]
pub struct Lists {
    pub waiting: Vec<Value>,
    pub requests: Vec<Value>,
    pub queue: Vec<Value>,
    pub agents: Vec<Value>,
    pub reserved: Vec<Value>,
}

/// What is heard from the API.
#[derive(Debug)]
pub enum News {
    Lists(Box<Lists>),
    Request(Box<Value>),
    Log {
        id: String,
        lines: Vec<String>,
    },
    Lost(String),
    /// What has become of a deed.
    Done(Result<String, String>),
    /// An open request can't be read.
    Failed {
        id: String,
        why: String,
    },
}

/// The parts of an open request, with the page's digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    Change,
    Run,
    Log,
}

/// The request that is open.
#[derive(Debug)]
pub struct Detail {
    pub id: String,
    pub request: Option<Value>,
    /// The hash of the plan that the person looks at.
    pub seen: Option<String>,
    pub view: Option<View>,
    /// How many lines are above the screen.
    pub scroll: usize,
    /// The most that can be, as it was drawn last.
    pub most: usize,
    pub diffs: bool,
    pub log: VecDeque<String>,
    /// So many lines before these are not kept any more.
    pub gone: usize,
    pub search: Search,
    pub follows: bool,
    pub failure: Option<String>,
}

impl Detail {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            request: None,
            seen: None,
            view: None,
            scroll: 0,
            most: 0,
            diffs: true,
            log: VecDeque::new(),
            gone: 0,
            search: Search::default(),
            follows: true,
            failure: None,
        }
    }

    /// The part that is shown: the chosen one, else what is decided about until it runs, then the run.
    pub fn shown(&self) -> View {
        self.view.unwrap_or_else(|| {
            let status = self.request.as_ref().and_then(|request| request["status"].as_str());
            let runs = matches!(status, Some("running" | "completed" | "failed" | "needs_attention" | "cancelled"));
            if runs { View::Run } else { View::Change }
        })
    }

    /// Whether the plan is another one than the person looks at.
    pub fn has_changed(&self) -> bool {
        let now = self.request.as_ref().and_then(|request| request["plan"]["sha256"].as_str());
        self.seen.is_some() && self.seen.as_deref() != now
    }

    /// The person has looked at the plan that stands now.
    pub fn look(&mut self) {
        self.seen = self.request.as_ref().and_then(|request| request["plan"]["sha256"].as_str()).map(str::to_owned);
        self.scroll = 0;
    }

    /// Whether whoever is here may do this now.
    pub fn may(&self, call: &str) -> bool {
        let next = self.request.as_ref().and_then(|request| request["next"].as_array());
        next.is_some_and(|next| next.iter().any(|one| one == call))
    }
}

/// What has to be done outside.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    Quit,
    /// Left with Ctrl-C.
    Interrupt,
    Suspend,
    Open(String),
    Close,
    Do(Deed),
}

/// Everything.
#[derive(Debug)]
pub struct State {
    pub tab: Tab,
    pub lists: Option<Lists>,
    /// What is chosen in each list, by its name: rows move, and a choice does not move to another.
    pub chosen: [Option<String>; 4],
    pub detail: Option<Detail>,
    pub question: Option<Question>,
    pub help: bool,
    /// Since when nobody answers, and why.
    pub lost: Option<(Instant, String)>,
    /// The last word about what was done.
    pub told: Option<String>,
    /// The first key of two.
    pub first: Option<(char, Instant)>,
}

impl State {
    /// At the inbox.
    pub fn new() -> Self {
        Self {
            tab: Tab::Inbox,
            lists: None,
            chosen: [const { None }; 4],
            detail: None,
            question: None,
            help: false,
            lost: None,
            told: None,
            first: None,
        }
    }

    /// The rows of a list.
    pub fn rows(&self, tab: Tab) -> &[Value] {
        let Some(lists) = &self.lists else { return &[] };
        match tab {
            Tab::Inbox => &lists.waiting,
            Tab::Requests => &lists.requests,
            Tab::Fleet => &lists.agents,
            Tab::Queue => &lists.queue,
        }
    }

    /// Which row is chosen.
    pub fn at(&self) -> usize {
        let rows = self.rows(self.tab);
        let chosen = self.chosen[self.tab as usize].as_deref();
        rows.iter().position(|row| Some(name(row)) == chosen).unwrap_or(0)
    }

    /// Chooses another row.
    pub fn go(&mut self, by: isize) {
        let (rows, at) = (self.rows(self.tab), self.at());
        let to = at.saturating_add_signed(by).min(rows.len().saturating_sub(1));
        let chosen = rows.get(to).map(|row| name(row).to_owned());
        self.chosen[self.tab as usize] = chosen;
    }

    /// Opens the chosen request.
    pub fn open(&mut self) -> Option<Effect> {
        let row = self.rows(self.tab).get(self.at())?;
        let id = row["request_id"].as_str()?.to_owned();
        self.detail = Some(Detail::new(&id));
        self.told = None;
        Some(Effect::Open(id))
    }

    /// Hears something.
    pub fn hear(&mut self, news: News, now: Instant) {
        match news {
            News::Lists(lists) => {
                self.lists = Some(*lists);
                self.lost = None;
                self.keep_choices();
            }
            News::Lost(why) => {
                let since = self.lost.as_ref().map_or(now, |(since, _)| *since);
                self.lost = Some((since, why));
            }
            News::Request(request) => self.hear_request(*request),
            News::Log { id, lines } => {
                if let Some(detail) = self.detail.as_mut().filter(|detail| detail.id == id) {
                    detail.log.extend(lines);
                    let more = detail.log.len().saturating_sub(LOG_LINES);
                    detail.log.drain(..more);
                    detail.gone += more;
                }
            }
            News::Done(Ok(said)) => {
                self.question = None;
                self.told = Some(said);
            }
            News::Done(Err(why)) => {
                self.told = Some(why);
                if let Some(question) = &mut self.question {
                    question.failed(now);
                }
            }
            News::Failed { id, why } => {
                if let Some(detail) = self.detail.as_mut().filter(|detail| detail.id == id) {
                    detail.failure = Some(why);
                }
            }
        }
    }

    fn hear_request(&mut self, request: Value) {
        let Some(detail) = self.detail.as_mut().filter(|detail| request["request_id"] == *detail.id) else { return };
        let is_first = detail.seen.is_none();
        detail.request = Some(request);
        detail.failure = None;
        if is_first {
            let scroll = detail.scroll;
            detail.look();
            detail.scroll = scroll;
        }
        let now = detail.request.as_ref().and_then(|request| request["plan"]["sha256"].as_str());
        // A plan that is another by now takes no key that was meant for the one before.
        let is_outdated = self.question.as_ref().is_some_and(|question| question.sha256().is_some_and(|sha256| Some(sha256) != now));
        let is_open = self.question.as_ref().is_some_and(|question| !question.is_sent);
        if is_outdated && is_open {
            self.question = None;
            self.told = Some("The plan has changed while you were asked. Nothing was decided about it.".to_owned());
        }
    }

    /// Where a chosen row has gone, the one that has come to its place is chosen, and stays it.
    fn keep_choices(&mut self) {
        for tab in Tab::ALL {
            let known = self.chosen[tab as usize].clone();
            let rows = self.rows(tab);
            if !rows.iter().any(|row| Some(name(row)) == known.as_deref()) {
                self.chosen[tab as usize] = rows.first().map(|row| name(row).to_owned());
            }
        }
    }

    /// In short, what the inbox holds.
    pub fn waits(&self) -> usize {
        self.lists.as_ref().map_or(0, |lists| lists.waiting.len())
    }

    /// What is said on the last line.
    pub fn word(&self, now: Instant, place: &str) -> Option<String> {
        if let Some((since, why)) = &self.lost {
            let lasts = now.duration_since(*since).as_secs();
            return Some(format!("Connection to {place} lost, trying again ({lasts} s): {why}"));
        }
        self.told.clone()
    }
}

/// What a row is known by.
fn name(row: &Value) -> &str {
    row["request_id"].as_str().or_else(|| row["agent_id"].as_str()).unwrap_or_default()
}

/// The words of a request in a list.
pub fn words(row: &Value) -> String {
    let words = text(&row["text"]);
    if words.is_empty() { text(&row["summary"]) } else { words }
}
