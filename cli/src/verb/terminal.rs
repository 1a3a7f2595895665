//! Asking the person at the terminal, where there is one.

use std::io::{IsTerminal as _, Write as _};

use nix::sys::termios::{FlushArg, LocalFlags, SetArg, tcflush, tcgetattr, tcsetattr};

use crate::exit::{Exit, Failure};

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

/// A line that is not shown while it is typed; `None` when there is no terminal or nothing was typed. Spaces are kept.
pub async fn ask_hidden(question: &str) -> Result<Option<String>, Failure> {
    if !is_there() {
        return Ok(None);
    }
    let question = question.to_owned();
    // Whoever leaves with Ctrl-C here must get their terminal back as it was; the signal ends the question, not the process.
    let before = tcgetattr(std::io::stdin()).map_err(std::io::Error::from)?;
    let mut quiet = before.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(std::io::stdin(), SetArg::TCSAFLUSH, &quiet).map_err(std::io::Error::from)?;
    let asked = tokio::select! {
        asked = tokio::task::spawn_blocking(move || ask_raw(&question)) => {
            asked.unwrap_or_else(|error| Err(Failure::failed(format!("the terminal can't be read: {error}"))))
        }
        _ = tokio::signal::ctrl_c() => Err(Failure { exit: Exit::Interrupted, message: "left; nothing was changed".to_owned() }),
    };
    tcsetattr(std::io::stdin(), SetArg::TCSANOW, &before).map_err(std::io::Error::from)?;
    say!("");
    asked
}

fn ask_raw(question: &str) -> Result<Option<String>, Failure> {
    let mut screen = std::io::stderr().lock();
    screen.write_all(question.as_bytes())?;
    screen.flush()?;
    drop(screen);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let line = line.trim_end_matches(['\r', '\n']);
    Ok((!line.is_empty()).then(|| line.to_owned()))
}
