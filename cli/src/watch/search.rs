//! Looking for words in the log of an open request: the field, and which line is the next that has them.

use crossterm::event::KeyCode;

use super::cell::cut;
use crate::show::text::line;

/// Where to from the line that was found last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Next,
    Before,
}

/// A search. Lines are counted from the beginning of the log, also of what is not kept any more.
#[derive(Debug, Default)]
pub struct Search {
    /// What is being typed.
    typed: Option<String>,
    /// What is looked for, in small letters.
    words: String,
    /// The line that was found last.
    at: Option<usize>,
    /// A key has asked for this; who draws knows which lines there are.
    step: Option<Step>,
    /// Which of how many it is.
    told: (usize, usize),
}

impl Search {
    /// Words are about to be typed.
    pub fn open(&mut self) {
        self.typed = Some(String::new());
    }

    /// Whether keys are letters of it.
    pub fn is_typed(&self) -> bool {
        self.typed.is_some()
    }

    /// A key while words are typed.
    pub fn press(&mut self, key: KeyCode) {
        let Some(typed) = &mut self.typed else { return };
        match key {
            KeyCode::Char(c) => typed.push(c),
            KeyCode::Backspace => drop(typed.pop()),
            KeyCode::Esc => self.typed = None,
            KeyCode::Enter => {
                self.words = typed.trim().to_lowercase();
                (self.typed, self.at, self.step) = (None, None, Some(Step::Next));
            }
            _ => {}
        }
    }

    /// Goes on to another line.
    pub fn go(&mut self, step: Step) {
        self.step = Some(step).filter(|_| !self.words.is_empty());
    }

    /// The lines that have the words.
    pub fn hits<'l>(&self, lines: impl Iterator<Item = &'l String>) -> Vec<usize> {
        if self.words.is_empty() {
            return Vec::new();
        }
        let has = |line: &String| cut(line, usize::MAX).to_lowercase().contains(&self.words);
        lines.enumerate().filter(|(_, line)| has(line)).map(|(at, _)| at).collect()
    }

    /// The line to be shown now, where a key has asked for another: of these hits, behind so many lines that are not kept, and from the line
    /// on that is the first on the screen.
    pub fn found(&mut self, hits: &[usize], gone: usize, from: usize) -> Option<usize> {
        let (first, last) = (hits.first().copied(), hits.last().copied());
        let at = self.at.and_then(|at| at.checked_sub(gone));
        let found = match (self.step.take(), at) {
            (None, _) => None,
            (Some(Step::Next), None) => hits.iter().copied().find(|hit| *hit >= from).or(first),
            (Some(Step::Next), Some(at)) => hits.iter().copied().find(|hit| *hit > at).or(first),
            (Some(Step::Before), at) => hits.iter().copied().rfind(|hit| *hit < at.unwrap_or(from)).or(last),
        };
        self.at = found.map(|found| found + gone).or(self.at);
        let number = self.at.and_then(|at| hits.iter().position(|hit| hit + gone == at)).map_or(0, |at| at + 1);
        self.told = (number, hits.len());
        found
    }

    /// Whether this line was found last.
    pub fn is_at(&self, line: usize, gone: usize) -> bool {
        self.at == Some(line + gone)
    }

    /// What the last line of the screen says of it.
    pub fn line(&self) -> Option<String> {
        if let Some(typed) = &self.typed {
            return Some(format!("/{}▏  (Enter looks for it in the log, Esc leaves it)", line(typed)));
        }
        let words = line(&self.words);
        match self.told {
            _ if words.is_empty() => None,
            (_, 0) => Some(format!("No line of the log has “{words}”; / looks for something else")),
            (number, of) => Some(format!("{number} of {of} lines with “{words}”: n next, N the one before")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searching(words: &str) -> Search {
        let mut search = Search::default();
        search.open();
        words.chars().for_each(|c| search.press(KeyCode::Char(c)));
        search.press(KeyCode::Enter);
        search
    }

    #[test]
    fn hits_are_gone_through_in_both_directions_and_around() {
        let lines: Vec<String> = ["ok a", "\u{1b}[31mFAILED\u{1b}[0m b", "ok", "failed c"].map(str::to_owned).to_vec();
        let mut search = searching("Failed");
        let hits = search.hits(lines.iter());
        assert_eq!(hits, [1, 3]);
        assert_eq!(search.found(&hits, 0, 2), Some(3), "from what is seen on");
        assert_eq!(search.found(&hits, 0, 0), None, "nobody asked for another");
        search.go(Step::Next);
        assert_eq!(search.found(&hits, 0, 0), Some(1), "around the end");
        search.go(Step::Before);
        assert_eq!(search.found(&hits, 0, 0), Some(3), "around the beginning");
        assert_eq!(search.line().as_deref(), Some("2 of 2 lines with “failed”: n next, N the one before"));
        // The first two lines are not kept any more: the one that was found is still the same.
        let kept = search.hits(lines.iter().skip(2));
        assert!(search.found(&kept, 2, 0).is_none() && search.is_at(1, 2));
    }

    #[test]
    fn what_is_nowhere_is_said_to_be() {
        let mut search = searching("none");
        assert_eq!(search.found(&[], 0, 0), None);
        assert!(search.line().is_some_and(|line| line.starts_with("No line of the log has “none”")));
        search.open();
        search.press(KeyCode::Char('x'));
        assert!(search.is_typed() && search.line().is_some_and(|line| line.starts_with("/x▏")));
        search.press(KeyCode::Esc);
        assert!(!search.is_typed());
    }
}
