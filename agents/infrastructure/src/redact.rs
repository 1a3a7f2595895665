//! Keeping secrets out of everything that leaves the host: events, diffs, outputs and errors.
//!
//! Known values are removed wherever they stand, in every usual spelling and by pieces; values of keys that look secret are
//! removed where the key stands; in a diff, what a secret takes the place of is taken for a secret too. The paths of the run's own
//! folder, which is gone after it, are told as those of the playbooks folder.

mod components;
mod encodings;
mod learn;
mod letters;
mod numbers;
mod pieces;
mod spellings;
pub(super) mod vaulted;
mod widen;

use std::path::Path;

use serde_json::{Map, Value};

use self::components::Components;
pub(super) use self::learn::item_of_text;
use self::pieces::Pieces;
use self::vaulted::Vaulted;

/// What stands in a secret's place.
pub(super) const HIDDEN: &str = "[redacted]";
/// A secret of fewer characters can't be told from ordinary words in every spelling, so it is refused where it is used.
pub(super) const SHORTEST_SECRET: usize = pieces::PIECE;
/// Shorter values would blank out ordinary words.
const SHORTEST: usize = 4;
/// The last word of a key that holds a secret.
const SECRET_WORDS: &[&str] =
    &["password", "passwd", "passphrase", "pass", "pwd", "pw", "psk", "secret", "token", "key", "apikey", "credentials"];

/// The secrets of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    /// Longest first, so that a part of one never leaves the rest of another.
    values: Vec<String>,
    pieces: Pieces,
    components: Components,
    /// What stands for a secret in a preview; it is shown, and what it replaces is not.
    placeholders: Pieces,
    vaulted: Option<Vaulted>,
    /// Whether the run uses any secret.
    in_use: bool,
    /// The beginnings of paths that lead into the run's own folder, longest first: what lies there is gone after the run.
    run_folders: Vec<String>,
}

impl Redactor {
    /// Hides these values, and the texts of parameters whose names look secret.
    pub(super) fn new(secrets: Vec<String>, parameters: &Map<String, Value>) -> Self {
        let mut values = secrets;
        let known = values.len();
        for (name, value) in parameters {
            collect(name, value, &mut values);
        }
        let mut redactor = Self { in_use: values.len() > known, ..Self::default() };
        redactor.learn(&values);
        redactor
    }

    /// These references stand for secrets in a preview.
    pub(super) fn with_placeholders(mut self, references: &[String]) -> Self {
        for reference in references {
            self.placeholders.add(reference);
            self.in_use = true;
        }
        self
    }

    /// Whether a preview shows references where the run has secrets.
    pub(super) fn has_placeholders(&self) -> bool {
        !self.placeholders.is_empty()
    }

    /// Paths in these folders, of which one may lie in another, are told as they are called below it: `ACTION/playbook.yml`.
    pub(super) fn with_run_folders(mut self, folders: &[&Path]) -> Self {
        let real = folders.iter().filter_map(|folder| folder.canonicalize().ok());
        let all = folders.iter().map(|folder| folder.to_path_buf()).chain(real).map(|folder| format!("{}/", folder.display()));
        self.run_folders.extend(all);
        self.run_folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
        self
    }

    /// What the vault decrypts during the play is hidden too.
    pub(super) fn with_vaulted(mut self, vaulted: Vaulted) -> Self {
        self.vaulted = Some(vaulted);
        self
    }

    /// Looks for what the vault has decrypted since; before each text of the play.
    pub(super) fn refresh(&mut self) {
        let news = self.vaulted.as_mut().map(Vaulted::news).unwrap_or_default();
        if !news.is_empty() {
            self.in_use = true;
            self.learn(&news);
        }
    }

    fn learn(&mut self, values: &[String]) {
        for value in values.iter().filter(|value| !value.starts_with("secret://")) {
            self.pieces.add(value);
            self.components.add(value);
            // A secret of several lines is shown line by line.
            for line in value.lines().map(str::trim).chain([value.as_str()]).filter(|line| line.len() >= SHORTEST) {
                let escaped = serde_json::to_string(line).unwrap_or_default();
                self.values.push(escaped.trim_matches('"').to_owned());
                self.values.push(line.to_owned());
            }
        }
        self.values.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.values.dedup();
    }

    /// A text without secrets.
    pub(super) fn text(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for folder in &self.run_folders {
            if clean.contains(folder.as_str()) {
                clean = clean.replace(folder.as_str(), "");
            }
        }
        for value in &self.values {
            if clean.contains(value.as_str()) {
                clean = clean.replace(value.as_str(), HIDDEN);
            }
        }
        let clean = self.components.hide(hide(&clean, &self.pieces));
        if clean.lines().any(|line| assignment(line).is_some()) { hide_assignments(&clean) } else { clean }
    }

    /// A diff without secrets, and without what the lines with a secret replace: that was one before.
    pub(super) fn diff(&mut self, diff: &str) -> String {
        let clean = self.text(diff);
        let lines: Vec<&str> = clean.split_inclusive('\n').collect();
        let (mut shown, mut rest, mut gone) = (String::with_capacity(clean.len()), lines.as_slice(), Vec::new());
        while let Some(first) = rest.first() {
            let changed =
                rest.iter().enumerate().take_while(|(number, line)| line.starts_with(['+', '-']) && !is_header(rest, *number)).count();
            let (run, after) = rest.split_at(changed.max(if is_header(rest, 0) { 2 } else { 1 }));
            // The names of files may hold a reference; they replace nothing.
            shown.push_str(&if first.starts_with(['+', '-']) && changed > 0 { self.replaced(run, &mut gone) } else { run.concat() });
            rest = after;
        }
        // What was a secret stands elsewhere, too: in the same result, as a play may show it later.
        self.learn(&gone);
        shown
    }

    fn replaced(&self, run: &[&str], gone: &mut Vec<String>) -> String {
        let holds = |line: &&str| line.contains(HIDDEN) || line.contains("secret://") || !self.placeholders.find(line).is_empty();
        let new: Vec<&str> = run.iter().filter_map(|line| line.strip_prefix('+').filter(|line| holds(line))).collect();
        if new.is_empty() {
            return run.concat();
        }
        let mut old = |line: &&str| match line.strip_prefix('-') {
            Some(old) => {
                let kept = new.iter().map(|new| shared_start(old, new)).max_by_key(|kept| kept.len()).unwrap_or_default();
                // Of a line that only its first letters are like, nobody knows where its value begins.
                let value = old.get(kept.len()..).filter(|_| kept.contains(|c: char| !c.is_alphanumeric())).map(str::trim);
                gone.extend(value.filter(|value| value.len() >= pieces::PIECE).map(str::to_owned));
                format!("-{kept}{HIDDEN}{}", if old.ends_with('\n') { "\n" } else { "" })
            }
            None => (*line).to_owned(),
        };
        run.iter().map(&mut old).collect()
    }

    /// A value without secrets.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(members) => Value::Object(self.members(members)),
            scalar => scalar.clone(),
        }
    }

    /// Members without secrets.
    pub(super) fn members(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let clean = members.iter().map(|(name, member)| {
            let hidden = looks_secret(name) && member.as_str().is_some_and(|text| !text.is_empty());
            (name.clone(), if hidden { Value::from(HIDDEN) } else { self.value(member) })
        });
        clean.collect()
    }
}

/// Whether the names of a diff's two files stand there: no lines of a file are followed by the next part without others between.
fn is_header(lines: &[&str], number: usize) -> bool {
    let starts = |place: usize, start: &str| lines.get(place).is_some_and(|line| line.starts_with(start));
    starts(number, "--- ") && starts(number + 1, "+++ ") && starts(number + 2, "@@ ")
}

/// What two lines begin with alike, less than either's end.
fn shared_start<'text>(one: &'text str, other: &str) -> &'text str {
    let differs = one.char_indices().zip(other.chars()).find(|((_, one), other)| one != other).map(|((place, _), _)| place);
    one.get(..differs.unwrap_or_default()).unwrap_or_default()
}

/// Puts `HIDDEN` in the place of what is known; lines stay lines.
fn hide(text: &str, pieces: &Pieces) -> String {
    let (mut clean, mut shown) = (String::with_capacity(text.len()), 0);
    for range in pieces.find(text) {
        clean.push_str(text.get(shown..range.start).unwrap_or_default());
        let hidden = text.get(range.clone()).unwrap_or_default();
        for (number, line) in hidden.split('\n').enumerate() {
            if number > 0 {
                clean.push('\n');
                clean.extend(line.chars().next().filter(|mark| matches!(mark, '+' | '-' | ' ')));
            }
            clean.push_str(HIDDEN);
        }
        shown = range.end;
    }
    clean.push_str(text.get(shown..).unwrap_or_default());
    clean
}

fn collect(name: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if looks_secret(name) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(name, item, into)),
        Value::Object(members) => members.iter().for_each(|(name, member)| collect(name, member, into)),
        _ => {}
    }
}

/// Whether a key's last word says that its value is a secret: `db_password`, `API-KEY`, `authToken`; not `host_key_checking`.
pub(super) fn looks_secret(name: &str) -> bool {
    let last = name.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let start = last.rfind(|c: char| c.is_ascii_uppercase()).filter(|_| last.chars().any(|c| c.is_ascii_lowercase()));
    let word = start.and_then(|start| last.get(start..)).unwrap_or(last).to_ascii_lowercase();
    let whole = last.to_ascii_lowercase();
    SECRET_WORDS.contains(&word.as_str()) || SECRET_WORDS.contains(&whole.as_str())
}

fn hide_assignments(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match assignment(line.trim_end_matches('\n')) {
            Some(value_at) => {
                clean.push_str(line.get(..value_at).unwrap_or_default());
                clean.push_str(HIDDEN);
                if line.ends_with('\n') {
                    clean.push('\n');
                }
            }
            None => clean.push_str(line),
        }
    }
    clean
}

/// Where the value starts in a line like `+  DB_PASSWORD=hunter2` or `"token": "x"`; nothing where it is no secret.
fn assignment(line: &str) -> Option<usize> {
    let separator = line.find(['=', ':'])?;
    let (key, rest) = line.split_once(['=', ':'])?;
    let key = key.trim_matches(|c: char| c.is_whitespace() || matches!(c, '+' | '-' | '"' | '\''));
    if key.is_empty() || key.contains(char::is_whitespace) && !key.starts_with("export ") || !looks_secret(key) {
        return None;
    }
    let value = rest.trim_start();
    let plain = value.trim_end_matches([',', '"', '\'']).trim_start_matches(['"', '\'']);
    let harmless = plain.is_empty()
        || plain == HIDDEN
        || plain.starts_with("secret://")
        || matches!(plain, "true" | "false" | "True" | "False" | "yes" | "no" | "null" | "None" | "|" | ">" | "{" | "[")
        || plain.parse::<f64>().is_ok()
        || plain.starts_with("{{")
        || plain.starts_with('/');
    (!harmless).then(|| separator + 1 + (rest.len() - value.len()))
}

#[cfg(test)]
mod tests;
