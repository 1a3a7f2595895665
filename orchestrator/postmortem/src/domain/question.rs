//! A question about what was, with everything that is needed to ask it, to show its answer and to draw it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Lower-case words with `-` between them.
    pub name: &'static str,
    /// The question, in words.
    pub title: &'static str,
    /// How its answer is to be read.
    pub about: &'static str,
    /// One SELECT; `$1` and `$2` are from when to when, the second not included.
    pub sql: &'static str,
    /// The columns of its answer, in their order.
    pub columns: &'static [&'static str],
    /// How it is drawn, where it is more than a list.
    pub plot: Option<Plot>,
}

/// How an answer is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Plot {
    /// Beside each other, or one after the other in time.
    pub kind: PlotKind,
    /// The column that names what is drawn.
    pub x: &'static str,
    /// The columns with the figures.
    pub y: &'static [&'static str],
}

/// The form of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlotKind {
    /// Bars, one for each row.
    Bars,
    /// Lines over time.
    Lines,
}

impl Question {
    /// Its SQL about a span of time, as it can be given to `chiffon sql`.
    pub fn sql_about(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> String {
        let literal = |at: DateTime<Utc>| format!("'{}'::timestamptz", at.to_rfc3339_opts(SecondsFormat::Micros, true));
        self.sql_with(&literal(since), &literal(until))
    }

    /// Its SQL about the last thirty days, as it stands in the documentation.
    pub fn sql_about_the_last_month(&self) -> String {
        self.sql_with("now() - interval '30 days'", "now()")
    }

    fn sql_with(&self, since: &str, until: &str) -> String {
        self.sql.trim_end().replace("$1", since).replace("$2", until)
    }
}
