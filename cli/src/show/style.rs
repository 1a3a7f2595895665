//! Colours, only on a terminal that has them, and only without `NO_COLOR`.

use std::io::IsTerminal as _;

use chiffon_process::config::variable;

/// Whether standard output may be coloured.
pub fn coloured() -> bool {
    std::io::stdout().is_terminal() && !is_dumb() && variable("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether the terminal says of itself that it can only print.
pub fn is_dumb() -> bool {
    variable("TERM").is_some_and(|term| term == "dumb")
}

/// Text in one of the terminal's colours.
pub fn paint(code: &str, text: &str) -> String {
    if coloured() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// What matters.
pub fn bold(text: &str) -> String {
    paint("1", text)
}

/// What matters less.
pub fn faint(text: &str) -> String {
    paint("2", text)
}

/// A state, coloured by what it means.
pub fn status(word: &str) -> String {
    let code = match word {
        "completed" => "32",
        "failed" | "unknown" | "interrupted" | "needs_attention" => "31",
        "running" | "dispatched" | "awaiting_approval" | "needs_input" => "33",
        _ => "2",
    };
    paint(code, word)
}

/// A line of a unified diff, as people may be shown it.
pub fn diff_line(line: &str) -> String {
    let shown = super::text::diff(line);
    match shown.as_bytes().first() {
        Some(b'+') => paint("32", &shown),
        Some(b'-') => paint("31", &shown),
        Some(b'@') => paint("36", &shown),
        _ => shown,
    }
}

/// The last eight characters of an id, which tell requests of one minute apart.
pub fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}
