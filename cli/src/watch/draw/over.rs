//! What lies over the screen: a question, and the list of keys.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use super::Theme;
use crate::show::text;
use crate::watch::cell::{cut, lines};
use crate::watch::keys;
use crate::watch::question::Question;

/// Draws a question over everything else.
pub fn question(frame: &mut Frame, question: &Question, now: Instant, area: Rect, theme: &Theme) {
    let wide = area.width.saturating_sub(4).min(90);
    let inner = usize::from(wide.saturating_sub(2)).max(1);
    let mut about: Vec<Line> = question.about.iter().flat_map(|line| lines(line, inner)).collect();
    let mut last = Vec::new();
    if question.has_field() {
        // What is typed last is what is seen.
        let typed = text::line(&question.typed);
        let from = typed.chars().count().saturating_sub(inner.saturating_sub(4));
        last.push(Line::from(cut(&format!("> {}▏", typed.chars().skip(from).collect::<String>()), inner)));
    }
    let state = if question.is_sent {
        "Sent, waiting for the answer …".to_owned()
    } else if question.is_ready(now) {
        text::line(&question.keys())
    } else {
        "…".to_owned()
    };
    last.extend(lines(&state, inner).into_iter().map(|line| line.style(theme.colour(Color::Yellow).add_modifier(Modifier::BOLD))));
    let most = usize::from(area.height).saturating_sub(2 + last.len() + 1).max(1);
    if about.len() > most {
        about.truncate(most.saturating_sub(1));
        about.push(Line::from(cut("… (the plan behind this has all of it)", inner)));
    }
    about.push(Line::default());
    about.extend(last);
    let height = u16::try_from(about.len() + 2).unwrap_or(area.height).min(area.height);
    let at = Rect { x: area.x + (area.width - wide) / 2, y: area.y + area.height - height, width: wide, height };
    frame.render_widget(Clear, at);
    frame.render_widget(Paragraph::new(about).block(Block::bordered().title(question.title())), at);
}

/// Draws the list of keys.
pub fn help(frame: &mut Frame, area: Rect) {
    let wide = area.width.saturating_sub(2).min(76);
    let inner = usize::from(wide.saturating_sub(2));
    let shown: Vec<Line> = keys::ALL.iter().map(|(keys, does)| Line::from(cut(&format!("{keys:<6} {does}"), inner))).collect();
    let height = u16::try_from(shown.len() + 2).unwrap_or(area.height).min(area.height);
    let at = Rect { x: area.x + (area.width - wide) / 2, y: area.y, width: wide, height };
    frame.render_widget(Clear, at);
    frame.render_widget(Paragraph::new(shown).style(Style::default()).block(Block::bordered().title("Keys (any key closes this)")), at);
}
