//! Colours, only on a terminal and only without `NO_COLOR`.

use std::io::IsTerminal as _;

/// Whether standard output may be coloured.
pub fn coloured() -> bool {
    std::io::stdout().is_terminal() && chiffon_process::config::variable("NO_COLOR").is_none_or(|value| value.is_empty())
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

/// A line of a unified diff.
pub fn diff_line(line: &str) -> String {
    match line.as_bytes().first() {
        Some(b'+') => paint("32", line),
        Some(b'-') => paint("31", line),
        Some(b'@') => paint("36", line),
        _ => line.to_owned(),
    }
}

/// The last eight characters of an id, which tell requests of one minute apart.
pub fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}
