//! The terminal while it belongs to the full screen: it is given back however the program ends or stops.

use std::io::{IsTerminal as _, Stdout, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event, read};
use crossterm::execute;
use crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::exit::Failure;
use crate::show::called::CHIFFON;
use crate::show::style::is_dumb;

/// Whether the terminal is ours at this moment.
static OURS: AtomicBool = AtomicBool::new(false);

/// The terminal.
pub struct Screen {
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal; says what to use where there is none that can show a full screen.
    pub fn take() -> Result<Self, Failure> {
        if is_dumb() || !stdin().is_terminal() || !stdout().is_terminal() {
            let why = if is_dumb() { "this terminal says that it can only print (TERM=dumb)" } else { "this is no terminal" };
            return Err(Failure::usage(format!(
                "{why}, and `watch` needs one that can show a full screen. `{CHIFFON} requests` lists requests, `{CHIFFON} show ID` shows one, \
                 `{CHIFFON} logs --follow ID` follows one, `{CHIFFON} agents` lists agents"
            )));
        }
        give_back_on_panic();
        enter()?;
        Ok(Self { terminal: Terminal::new(CrosstermBackend::new(stdout()))? })
    }

    /// Whether it is still ours: a panic elsewhere has given it back.
    pub fn is_ours() -> bool {
        OURS.load(Ordering::SeqCst)
    }

    /// Gives the terminal to the shell, and stops until it says to go on.
    pub fn stop() -> Result<(), Failure> {
        leave();
        // Stopped before this returns, and gone on when it does.
        kill(Pid::this(), Signal::SIGSTOP).map_err(std::io::Error::from)?;
        Ok(())
    }

    /// Takes it again after a stop, whoever stopped it.
    pub fn again(&mut self) -> Result<(), Failure> {
        enter()?;
        // What is there is not known; asking where the cursor is would take keys from whoever reads them.
        execute!(stdout(), Clear(ClearType::All))?;
        self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> Result<(), Failure> {
    enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
    Ok(())
}

fn leave() {
    if OURS.swap(false, Ordering::SeqCst) {
        // A terminal that has gone can't be told.
        execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show).ok();
        disable_raw_mode().ok();
    }
}

fn give_back_on_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        leave();
        usual(info);
    }));
}

/// What is pressed, pasted and resized, with its moment; it ends with the terminal.
pub fn input() -> UnboundedReceiver<(Event, Instant)> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        while let Ok(event) = read() {
            if sender.send((event, Instant::now())).is_err() {
                return;
            }
        }
    });
    receiver
}
