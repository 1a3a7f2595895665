//! Asking the person at the terminal, where there is one.

use std::io::{IsTerminal as _, Write as _};

use crate::exit::Failure;

/// A line from the person at the terminal; `None` when there is no terminal or nothing was typed.
pub fn ask(question: &str) -> Result<Option<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    eprint!("{question}");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let line = line.trim();
    Ok((!line.is_empty()).then(|| line.to_owned()))
}
