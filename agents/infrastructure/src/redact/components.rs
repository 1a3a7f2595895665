//! Parts of a secret with slashes that a path was cut into: `/nonexist/Pa5s` of the secret `Pa5s/w0rd`.
//!
//! Such a part is short, so only a whole component of a path counts, in the same capital and small letters, and only where it
//! can't be a word: three of capitals, small letters, digits and signs; two where the line holds something redacted already.

use super::{HIDDEN, SHORTEST};

/// The parts of the secrets that are neither addresses, paths nor texts of several words.
#[derive(Debug, Clone, Default)]
pub(super) struct Components {
    known: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Component {
    text: String,
    kinds: usize,
}

impl Components {
    pub(super) fn add(&mut self, value: &str) {
        if value.starts_with('/') || value.contains("://") || value.contains(char::is_whitespace) || !value.contains('/') {
            return;
        }
        for text in value.split('/').filter(|text| text.len() >= SHORTEST) {
            let component = Component { text: text.to_owned(), kinds: kinds(text) };
            if component.kinds > 1 && !self.known.contains(&component) {
                self.known.push(component);
            }
        }
        self.known.sort_by_key(|component| std::cmp::Reverse(component.text.len()));
    }

    /// A text without them.
    pub(super) fn hide(&self, text: String) -> String {
        if !self.known.iter().any(|component| text.contains(&component.text)) {
            return text;
        }
        text.split_inclusive('\n').map(|line| self.known.iter().fold(line.to_owned(), |line, component| component.hide(&line))).collect()
    }
}

impl Component {
    fn hide(&self, line: &str) -> String {
        if self.kinds < 3 && !line.contains(HIDDEN) {
            return line.to_owned();
        }
        let (mut clean, mut shown) = (String::with_capacity(line.len()), 0);
        for (start, part) in line.match_indices(&self.text) {
            let end = start + part.len();
            let before = line.get(..start).unwrap_or_default();
            if before.ends_with('/') && line.get(end..).is_some_and(|after| !after.starts_with(is_of_name)) {
                clean.push_str(line.get(shown..start).unwrap_or_default());
                clean.push_str(HIDDEN);
                shown = end;
            }
        }
        clean.push_str(line.get(shown..).unwrap_or_default());
        clean
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_')
}

/// How many of capitals, small letters, digits and signs a text has.
fn kinds(text: &str) -> usize {
    let has = |kind: fn(char) -> bool| usize::from(text.chars().any(kind));
    has(char::is_uppercase) + has(char::is_lowercase) + has(char::is_numeric) + has(|letter| !letter.is_alphanumeric())
}
