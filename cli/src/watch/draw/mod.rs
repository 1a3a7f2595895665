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

use super::cell::cut;
use super::model::{State, Tab};

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
        frame.render_widget(Paragraph::new(super::cell::lines(&words, usize::from(area.width))), area);
        return;
    }
    head(frame, state, row(area, 0));
    let body = Rect { y: area.y + 2, height: area.height - 4, ..area };
    match &mut state.detail {
        Some(detail) => detail::draw(frame, detail, body, theme),
        None => lists::draw(frame, state, body, theme),
    }
    foot(frame, state, now, row(area, area.height - 1), theme);
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

fn foot(frame: &mut Frame, state: &State, now: Instant, area: Rect, theme: &Theme) {
    let width = usize::from(area.width);
    let hint = match &state.detail {
        Some(detail) if detail.may("approve") => "a approve  r change  x reject  C cancel  1 2 3 parts  d diffs  Esc back  ? keys  q leave",
        Some(_) => "1 Change  2 Run  3 Log  d diffs  C cancel  Esc back  ? keys  q leave",
        None => "j k choose  Enter opens  Tab next list  ? keys  q leave",
    };
    let line = match state.word(now, theme.place) {
        Some(word) if state.lost.is_some() => Line::styled(cut(&crate::show::text::line(&word), width), theme.colour(Color::Red)),
        Some(word) => Line::styled(cut(&word, width), Style::default().add_modifier(Modifier::BOLD)),
        None => Line::styled(cut(hint, width), Style::default().add_modifier(Modifier::DIM)),
    };
    frame.render_widget(Paragraph::new(line), area);
}
