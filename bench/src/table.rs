//! Rows of figures: median, p99, least and most, beside a peer and the limit that were measured in the same run.

use serde::Serialize;

use crate::machine::Machine;

/// What several runs came to, all in one unit.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Half of the runs had less.
    pub median: f64,
    /// One of a hundred runs had more.
    pub p99: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// How many.
    pub runs: usize,
}

impl Figures {
    /// Of these runs; there must be one.
    pub fn of(mut runs: Vec<f64>) -> Self {
        runs.sort_by(f64::total_cmp);
        let count = runs.len();
        // The nearest rank: the least run that is not below 99 % of them.
        let p99 = runs[(count * 99).div_ceil(100) - 1];
        Self { median: runs[count / 2], p99, min: runs[0], max: runs[count - 1], runs: count }
    }
}

/// What stands beside Chiffon: a peer that does the same work, or what can't be undercut.
#[derive(Debug, Clone, Serialize)]
pub struct Beside {
    /// What it is.
    pub name: String,
    /// Its figures; why there are none where it could not be measured.
    pub figures: Result<Figures, String>,
}

impl Beside {
    /// One that was measured.
    pub fn measured(name: impl Into<String>, figures: Figures) -> Self {
        Self { name: name.into(), figures: Ok(figures) }
    }

    /// One that could not be measured on this machine.
    pub fn missing(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), figures: Err(why.into()) }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was done.
    pub work: String,
    /// Of all figures of the row.
    pub unit: &'static str,
    /// What Chiffon came to.
    pub chiffon: Figures,
    /// Who does the same work.
    pub peer: Option<Beside>,
    /// What can't be undercut.
    pub limit: Option<Beside>,
}

impl Row {
    /// A row of Chiffon's own figures.
    pub fn alone(work: impl Into<String>, unit: &'static str, chiffon: Figures) -> Self {
        Self { work: work.into(), unit, chiffon, peer: None, limit: None }
    }

    /// The same beside a peer.
    #[must_use]
    pub fn beside(self, peer: Beside) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// The same beside a limit.
    #[must_use]
    pub fn with_limit(self, limit: Beside) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

/// Prints the table as Markdown.
pub fn print(machine: &Machine, rows: &[Row]) {
    println!("{}\n", machine.words());
    println!(
        "| work | Chiffon: median (p99; min to max) | runs | peer, same run | ratio | limit, same run | ratio |\n|---|---|---|---|---|---|---|"
    );
    for row in rows {
        let (figures, unit) = (&row.chiffon, row.unit);
        let spread = if figures.runs == 1 {
            String::new()
        } else {
            format!(" ({}; {} to {})", shown(figures.p99), shown(figures.min), shown(figures.max))
        };
        let [(peer, to_peer), (limit, to_limit)] = [&row.peer, &row.limit].map(|beside| words(beside.as_ref(), figures, unit));
        let median = shown(figures.median);
        println!("| {} | {median} {unit}{spread} | {} | {peer} | {to_peer} | {limit} | {to_limit} |", row.work, figures.runs);
    }
}

/// How it is shown beside these figures, and how many times its median theirs is.
fn words(beside: Option<&Beside>, own: &Figures, unit: &str) -> (String, String) {
    let none = || "-".to_owned();
    let Some(Beside { name, figures }) = beside else { return (none(), none()) };
    match figures {
        Ok(its) if its.runs == 1 => (format!("{name}: {} {unit}", shown(its.median)), shown(own.median / its.median)),
        Ok(its) => {
            let text = format!("{name}: {} {unit} (p99 {})", shown(its.median), shown(its.p99));
            (text, shown(own.median / its.median))
        }
        Err(why) => (format!("{name}: not measured ({why})"), none()),
    }
}

/// Three digits that count, and never fewer than all before the point.
fn shown(figure: f64) -> String {
    let size = figure.abs();
    let places = if size >= 99.95 || size == 0.0 {
        0
    } else if size >= 9.995 {
        1
    } else {
        2
    };
    format!("{figure:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_hundred_runs_is_above_the_p99_and_a_single_run_is_all_of_them() {
        let hundred = Figures::of((1..=100).rev().map(f64::from).collect());
        assert_eq!((hundred.median, hundred.p99, hundred.min, hundred.max, hundred.runs), (51.0, 99.0, 1.0, 100.0, 100));
        let one = Figures::of(vec![7.0]);
        assert_eq!((one.median, one.p99), (7.0, 7.0));
    }

    #[test]
    fn a_peer_that_was_not_measured_says_why_and_has_no_ratio() {
        let own = Figures::of(vec![10.0]);
        let missing = Beside::missing("Celery", "no python3");
        assert_eq!(words(Some(&missing), &own, "ms"), ("Celery: not measured (no python3)".to_owned(), "-".to_owned()));
        let measured = Beside::measured("Celery", Figures::of(vec![40.0]));
        assert_eq!(words(Some(&measured), &own, "ms"), ("Celery: 40.0 ms".to_owned(), "0.25".to_owned()));
    }

    #[test]
    fn figures_keep_three_digits() {
        assert_eq!([0.0, 0.123, 9.99, 12.34, 99.96, 1234.5].map(shown), ["0", "0.12", "9.99", "12.3", "100", "1234"]);
    }
}
