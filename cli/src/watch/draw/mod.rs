//! How the full screen looks. Only what the model knows is drawn, and every text passes `show::text` and fits its cell.

mod detail;
mod lists;
mod over;

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::cell::{cut, lines};
use super::model::{State, Tab, View};

/// What is smaller shows nothing that could be decided about.
const SMALLEST: (u16, u16) = (40, 10);

/// How things look here.
#[derive(Debug, Clone, Copy)]
pub struct Theme<'t> {
    /// `NO_COLOR` is not set, and the terminal has colours.
    pub coloured: bool,
    /// Where Chiffon is asked.
    pub place: &'t str,
}

impl Theme<'_> {
    fn colour(self, colour: Color) -> Style {
        if self.coloured { Style::default().fg(colour) } else { Style::default() }
    }

    /// A state, coloured by what it means.
    fn status(self, word: &str) -> Style {
        match word {
            "completed" | "available" => self.colour(Color::Green),
            "failed" | "unknown" | "interrupted" | "needs_attention" | "unreachable" => self.colour(Color::Red),
            "running" | "dispatched" | "awaiting_approval" | "needs_input" => self.colour(Color::Yellow),
            _ => Style::default().add_modifier(Modifier::DIM),
        }
    }
}

/// Draws everything.
pub fn draw(frame: &mut Frame, state: &mut State, now: Instant, theme: &Theme) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let words = format!(
            "This terminal is too small: {} columns and {} lines at least, now {} and {}. q leaves.",
            SMALLEST.0, SMALLEST.1, area.width, area.height
        );
        // A question that can't be read takes no key.
        if let Some(question) = &mut state.question {
            question.again(now);
        }
        frame.render_widget(Paragraph::new(lines(&words, usize::from(area.width))), area);
        return;
    }
    head(frame, state, row(area, 0));
    let low = u16::try_from(foot(state, now, area, theme).len()).unwrap_or(1);
    let body = Rect { y: area.y + 2, height: area.height - 3 - low, ..area };
    match &mut state.detail {
        Some(detail) => detail::draw(frame, detail, body, theme),
        None => lists::draw(frame, state, body, theme),
    }
    // What was looked for in a log is known once that is drawn.
    frame.render_widget(Paragraph::new(foot(state, now, area, theme)), Rect { y: area.y + area.height - low, height: low, ..area });
    if state.help {
        over::help(frame, body);
    }
    if let Some(question) = &state.question {
        over::question(frame, question, now, Rect { y: area.y + 1, height: area.height - 2, ..area }, theme);
    }
}

fn row(area: Rect, number: u16) -> Rect {
    Rect { y: area.y + number, height: 1, ..area }
}

fn head(frame: &mut Frame, state: &State, area: Rect) {
    let is_narrow = area.width < 70;
    let mut spans = Vec::new();
    for tab in Tab::ALL {
        let (name, key) = tab.name();
        let count = if tab == Tab::Inbox && state.waits() > 0 { format!(" {}", state.waits()) } else { String::new() };
        let label = if is_narrow { format!(" {name}{count} ") } else { format!(" {name}{count} (g {key}) ") };
        let style = if tab == state.tab { Style::default().add_modifier(Modifier::REVERSED) } else { Style::default() };
        spans.push(Span::styled(label, style));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// So many lines a word at the foot may take.
const FOOT: usize = 3;

/// The last lines: what was said last, else what is looked for, else the keys that fit.
fn foot(state: &State, now: Instant, area: Rect, theme: &Theme) -> Vec<Line<'static>> {
    let width = usize::from(area.width);
    let keys: &[&str] = match &state.detail {
        Some(detail) if detail.may("approve") => {
            &["a approve", "r change", "x reject", "C cancel", "? keys", "Esc back", "q leave", "1 2 3 parts", "d diffs"]
        }
        Some(detail) if detail.may("resolve") => {
            &["R decide", "C cancel", "? keys", "Esc back", "q leave", "1 2 3 parts", "/ search the log"]
        }
        Some(_) => &["1 Change", "2 Run", "3 Log", "? keys", "Esc back", "q leave", "d diffs", "/ search the log", "C cancel"],
        None => &["j k choose", "Enter opens", "Tab next list", "? keys", "q leave"],
    };
    let bold = Style::default().add_modifier(Modifier::BOLD);
    let searched = || state.detail.as_ref().filter(|detail| detail.shown() == View::Log).and_then(|detail| detail.search.line());
    let (words, style) = match state.word(now, theme.place) {
        Some(word) if state.lost.is_some() => (crate::show::text::line(&word), theme.colour(Color::Red)),
        Some(word) => (word, bold),
        None => match searched() {
            Some(searched) => (searched, bold),
            None => return vec![Line::styled(fitting(keys, width), Style::default().add_modifier(Modifier::DIM))],
        },
    };
    let mut shown = lines(&words, width);
    if shown.len() > FOOT {
        shown.truncate(FOOT);
        let rest = shown.pop().map(|line| line.to_string()).unwrap_or_default();
        shown.push(Line::from(cut(&format!("{rest} …"), width)));
    }
    shown.into_iter().map(|line| line.style(style)).collect()
}

/// As many whole keys as fit, the most needed ones first.
fn fitting(keys: &[&str], width: usize) -> String {
    let mut shown = String::new();
    for key in keys {
        let gap = if shown.is_empty() { "" } else { "  " };
        if shown.chars().count() + gap.len() + key.chars().count() > width {
            break;
        }
        shown = shown + gap + key;
    }
    shown
}
