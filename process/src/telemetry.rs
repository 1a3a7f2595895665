//! Logs: JSON lines for machines, short lines for a terminal, always on standard error.
//!
//! Much of what is logged was said by others. An event is one line whatever is in it, and what would act in a terminal is written out.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use chiffon_protocol::Shown;
use tracing::Subscriber;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::variable;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Whether [`init`] can use this filter; why not.
pub fn check(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(drop).map_err(|error| error.to_string())
}

/// Starts logging. `filter` is a tracing directive such as `info` or `chiffon_orchestrator=debug`; a second call changes nothing.
pub fn init(format: Format, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        Format::Json => registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| Screen)).try_init(),
        Format::Text => {
            registry.with(text(|| Screen, is_coloured(), if io::stderr().is_terminal() { Time::Hour } else { Time::Moment })).try_init()
        }
    };
    drop(started);
}

/// What was logged while the screen belonged to somebody else.
static HELD: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// Lets nothing that is logged stand in the middle of what is written to standard error meanwhile: it stands behind it.
#[derive(Debug)]
#[must_use = "what is logged is written when this is dropped"]
pub struct Hold(());

/// Holds back what is logged until the hold is dropped.
pub fn hold() -> Hold {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Written under the lock: what is logged now stands behind it.
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = held.take() {
            io::stderr().write_all(&lines).ok();
        }
    }
}

/// Standard error, or what is held back from it. That nobody reads it any more (a closed terminal, a pipe whose reader has gone) is no
/// error: who logs would complain about it there.
struct Screen;

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = held.as_mut() {
            return lines.write(bytes);
        }
        io::stderr().write_all(bytes).ok();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush().ok();
        Ok(())
    }
}

/// Colours are for a terminal that has them: a file, a pipe and a dumb terminal get plain lines.
fn is_coloured() -> bool {
    let (term, no_colour) = (variable("TERM"), variable("NO_COLOR"));
    io::stderr().is_terminal() && term.is_none_or(|term| term != "dumb") && no_colour.is_none_or(|value| value.is_empty())
}

fn text<S, W>(writer: W, coloured: bool, time: Time) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let fields = debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        let shown = Shown::line(&value);
        if field.name() == "message" { write!(writer, "{shown}") } else { write!(writer, "{}={shown}", field.name()) }
    });
    tracing_subscriber::fmt::layer().compact().fmt_fields(fields.delimited(" ")).with_timer(time).with_ansi(coloured).with_writer(writer)
}

/// When something was logged: for who reads it at a terminal the hour of their clock, in a file the whole moment.
#[derive(Debug, Clone, Copy)]
enum Time {
    Hour,
    Moment,
}

impl FormatTime for Time {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        match self {
            Self::Hour => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a person at a terminal looks at the clock beside it; nothing is decided by it"
                )]
                let now = chrono::Local::now();
                write!(writer, "{}", now.format("%H:%M:%S"))
            }
            Self::Moment => SystemTime.format_time(writer),
        }
    }
}

/// Chooses the one TLS provider of the process; without it the first HTTP client panics.
pub fn install_tls_provider() {
    let installed_before = rustls::crypto::ring::default_provider().install_default().is_err();
    if installed_before {
        tracing::trace!("a TLS provider was installed before");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_in_which_nothing_acts_whatever_others_have_said() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = text(move || writer.clone(), false, Time::Moment);
        let said = "no\n2020-01-01 INFO all is well\u{1b}[2J\u{202e}";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(reason = %said, again = said, ?said, "refused: {said}");
        });
        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.matches('\n').count(), 1, "{written:?}");
        assert!(
            written.contains(r"refused: no\n2020-01-01") && written.contains(r"reason=no\n2020") && written.contains(r"\u{202e}"),
            "{written}"
        );
        assert!(!written.contains('\u{1b}') && !written.contains('\u{202e}'), "no colours where they are not wanted: {written:?}");
    }

    #[test]
    fn at_a_terminal_a_line_begins_with_the_hour_and_elsewhere_with_the_moment() {
        let logged = |time| {
            let lines = Lines::default();
            let writer = lines.clone();
            let layer = text(move || writer.clone(), false, time);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::info!("ready"));
            String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
        };
        let (hour, moment) = (logged(Time::Hour), logged(Time::Moment));
        let first = hour.split(' ').next().unwrap_or_default();
        assert!(chrono::NaiveTime::parse_from_str(first, "%H:%M:%S").is_ok(), "{hour}");
        let first = moment.split(' ').next().unwrap_or_default();
        assert!(chrono::DateTime::parse_from_rfc3339(first).is_ok(), "{moment}");
    }
}
