//! What is to be asked of whoever ordered a task, beside being told of it. Pure. Tasks of plans that ask nothing have none of it.

use chiffon_plans::domain::plan::Step;

/// The questions that a task brings with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asks {
    /// Whether it is to run, asked once, when its turn has come.
    pub when: bool,
    /// What becomes of the steps after it, where it has failed.
    pub on_failure: bool,
    /// Whether it is tried again, after an attempt that has failed.
    pub retry: bool,
}

impl Asks {
    /// Those of a step.
    pub fn of(step: &Step) -> Self {
        Self { when: step.when.is_some(), on_failure: step.on_failure.is_some(), retry: step.retry.is_some() }
    }

    /// The words in the database; `None` where nothing is asked.
    pub fn words(self) -> Option<Vec<&'static str>> {
        let words = [(self.when, "when"), (self.on_failure, "on_failure"), (self.retry, "retry")];
        let asked: Vec<&str> = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
        (!asked.is_empty()).then_some(asked)
    }

    /// What these words ask; `None` where one of them is not known.
    pub fn from_words(words: &[String]) -> Option<Self> {
        let mut asks = Self::default();
        for word in words {
            match word.as_str() {
                "when" => asks.when = true,
                "on_failure" => asks.on_failure = true,
                "retry" => asks.retry = true,
                _ => return None,
            }
        }
        Some(asks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_unknown_ones_are_not_passed_over() {
        let all = Asks { when: true, on_failure: true, retry: true };
        for asks in [all, Asks { when: false, ..all }, Asks::default()] {
            let words: Vec<String> = asks.words().unwrap_or_default().into_iter().map(str::to_owned).collect();
            assert_eq!(Asks::from_words(&words), Some(asks));
        }
        assert_eq!(Asks::from_words(&["when".to_owned(), "how".to_owned()]), None);
    }
}
