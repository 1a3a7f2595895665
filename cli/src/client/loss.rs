//! An orchestrator that does not answer any more: that is said in one line, it is looked for, and it is said when it is found.
//!
//! Nothing is said about what runs meanwhile: who can't be asked is not known to do anything.

use std::time::{Duration, Instant};

use super::Api;
use crate::exit::{Exit, Failure};

/// How long it is looked for.
const LOOKED_FOR: Duration = Duration::from_mins(2);

/// Whether it is lost, and since when.
pub struct Loss {
    api: Api,
    /// When it was first asked in vain since it was heard.
    since: Option<Instant>,
    /// Where it was when it was said that it is lost.
    said: Option<String>,
    /// Whoever asks shows it in their own way, and goes on looking for as long as they like.
    is_quiet: bool,
}

impl Loss {
    /// One that answers as far as is known.
    pub fn of(api: &Api) -> Self {
        Self { api: api.clone(), since: None, said: None, is_quiet: false }
    }

    /// One of which nothing is said here.
    pub fn quiet(api: &Api) -> Self {
        Self { is_quiet: true, ..Self::of(api) }
    }

    /// It was asked in vain; an error where it was looked for long enough, or where it has answered with a refusal.
    pub fn lost(&mut self, failure: Failure) -> Result<(), Failure> {
        let lasts = self.lasts();
        // Another program may have got the port of one that is away.
        let is_refused = failure.exit != Exit::Unreachable && !self.api.place().is_away();
        if is_refused || (lasts > LOOKED_FOR && !self.is_quiet) {
            return Err(failure);
        }
        if self.said.is_none() && !self.is_quiet {
            let place = self.place();
            say!("{}", self.words(&place));
            self.said = Some(place);
        }
        Ok(())
    }

    /// A stream of it has ended before its end. That alone is not worth a word; an error where it happens again and again.
    pub fn cut(&mut self) -> Result<(), Failure> {
        if self.lasts() > LOOKED_FOR && !self.is_quiet {
            return Err(Failure { exit: Exit::Unreachable, message: "the event stream ends again and again".to_owned() });
        }
        Ok(())
    }

    /// It answers.
    pub fn found(&mut self) {
        let Some(before) = self.said.take() else { return };
        let place = self.place();
        let at = if place == before { String::new() } else { format!(", at {place}") };
        say!("Found it again{at}.");
    }

    /// It has said something.
    pub fn heard(&mut self) {
        self.since = None;
    }

    fn lasts(&mut self) -> Duration {
        self.since.get_or_insert_with(Instant::now).elapsed()
    }

    fn place(&self) -> String {
        self.api.place().addresses().join(" or ")
    }

    fn words(&self, at: &str) -> String {
        match self.api.place().data_dir().filter(|_| self.api.place().has_ended()) {
            Some(data_dir) => {
                format!("Lost the orchestrator: `chiffon up` on {} has ended. Looking for the next one …", data_dir.root().display())
            }
            None => format!("Lost the orchestrator at {at}; looking for it …"),
        }
    }
}
