//! Asking the person at the terminal, where there is one.

use std::io::{IsTerminal as _, Write as _};

use nix::sys::termios::{FlushArg, tcflush};

use crate::exit::Failure;

/// Whether a person reads what is asked here, and can answer.
pub fn is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A line from the person at the terminal; `None` when there is no terminal or nothing was typed.
///
/// What was typed before the question stood there answers nothing, and is thrown away.
pub async fn ask(question: &str) -> Result<Option<String>, Failure> {
    if !is_there() {
        return Ok(None);
    }
    let question = question.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask_now(&question)).await;
    asked.unwrap_or_else(|error| Err(Failure::failed(format!("the terminal can't be read: {error}"))))
}

fn ask_now(question: &str) -> Result<Option<String>, Failure> {
    // Standard input holds no line back: a terminal gives one line a read, and nothing was read between two questions.
    tcflush(std::io::stdin(), FlushArg::TCIFLUSH).map_err(std::io::Error::from)?;
    let mut screen = std::io::stderr().lock();
    screen.write_all(question.as_bytes())?;
    screen.flush()?;
    drop(screen);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let line = line.trim();
    Ok((!line.is_empty()).then(|| line.to_owned()))
}
