//! The lists: a row each, cut at the width.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use serde_json::Value;

use super::Theme;
use crate::show::style::short;
use crate::show::table::text;
use crate::show::{request, time};
use crate::verb::agents;
use crate::watch::cell::{cut, filled, lines};
use crate::watch::model::{State, Tab, words};

/// A row: what stands first, its state, and the rest, which takes what is left.
struct Row {
    first: String,
    status: String,
    age: String,
    rest: String,
}

/// Draws the list that is shown.
pub fn draw(frame: &mut Frame, state: &State, area: Rect, theme: &Theme) {
    let Some(lists) = &state.lists else {
        frame.render_widget(Paragraph::new("Reading …"), area);
        return;
    };
    let width = usize::from(area.width);
    let rows = state.rows(state.tab);
    let reserved = if state.tab == Tab::Fleet { reserved(&lists.reserved, width) } else { Vec::new() };
    if rows.is_empty() {
        let mut told = lines(empty(state.tab), width);
        told.extend(reserved);
        frame.render_widget(Paragraph::new(told), area);
        return;
    }
    let room = usize::from(area.height).saturating_sub(1 + reserved.len().min(usize::from(area.height) / 2)).max(1);
    let at = state.at();
    let from = at.saturating_sub(room.saturating_sub(1));
    let mut shown = vec![Line::styled(cut(head(state.tab, width).as_str(), width), Style::default().add_modifier(Modifier::BOLD))];
    for (number, row) in rows.iter().enumerate().skip(from).take(room) {
        shown.push(line(&of(state.tab, row), number == at, width, theme));
    }
    shown.extend(reserved);
    frame.render_widget(Paragraph::new(shown), area);
}

fn head(tab: Tab, width: usize) -> String {
    let (first, last) = match tab {
        Tab::Fleet => ("AGENT", "WHAT IT DOES"),
        Tab::Queue => ("ID", "WHAT IT WAITS FOR"),
        Tab::Inbox | Tab::Requests => ("ID", "WORDS"),
    };
    let (one, age) = widths(tab, width);
    format!("  {} {} {} {last}", filled(first, one), filled("STATE", 17), filled("SINCE", age))
}

/// How wide the first column and the age are.
fn widths(tab: Tab, width: usize) -> (usize, usize) {
    let first = if tab == Tab::Fleet { (width / 4).clamp(8, 24) } else { 8 };
    (first, if width < 60 { 0 } else { 10 })
}

fn line(row: &(Tab, Row), is_chosen: bool, width: usize, theme: &Theme) -> Line<'static> {
    let (tab, row) = row;
    let (first, age) = widths(*tab, width);
    let mark = if is_chosen { "▸ " } else { "  " };
    let head = format!("{mark}{} ", filled(&row.first, first));
    let status = filled(&row.status, 17);
    let rest = format!(" {} {}", filled(&row.age, age), row.rest);
    let room = width.saturating_sub(2 + first + 1 + 17);
    let line = Line::from(vec![Span::raw(head), Span::styled(status, theme.status(&row.status)), Span::raw(cut(&rest, room))]);
    if is_chosen { line.style(Style::default().add_modifier(Modifier::REVERSED)) } else { line }
}

fn of(tab: Tab, row: &Value) -> (Tab, Row) {
    let row = match tab {
        Tab::Fleet => agent(row),
        Tab::Inbox | Tab::Requests | Tab::Queue => {
            let waits = text(&row["waiting_for"]["text"]);
            let since = if row["waiting_for"]["since"].is_string() { &row["waiting_for"]["since"] } else { &row["created_at"] };
            let words = words(row);
            let rest = match tab {
                Tab::Queue if !waits.is_empty() => format!("{waits} · {words}"),
                Tab::Inbox => format!("{words} · asked by {}", text(&row["requested_by"])),
                _ => words,
            };
            Row {
                first: short(&text(&row["request_id"])).to_owned(),
                status: text(&row["status"]),
                age: time::ago(if tab == Tab::Requests { &row["created_at"] } else { since }),
                rest,
            }
        }
    };
    (tab, row)
}

fn agent(agent: &Value) -> Row {
    let heartbeat = &agent["heartbeat"];
    let cpu = heartbeat["cpu"]["used_percent"].as_f64().map(|percent| format!("CPU {percent:.0} %, ")).unwrap_or_default();
    let free = heartbeat["memory"]["available_mb"].as_f64().map(|mb| format!("{:.1} GiB free, ", mb / 1024.0)).unwrap_or_default();
    let running = agent["running"].as_array().map_or(0, Vec::len);
    let hosts = agents::hosts(agent);
    let hosts = if hosts.is_empty() { String::new() } else { format!(", hosts {}", hosts.join(" ")) };
    Row {
        first: text(&agent["agent_id"]),
        status: agents::state(agent),
        age: time::ago(&agent["last_seen_at"]),
        rest: format!("{cpu}{free}{running} running{hosts}"),
    }
}

fn reserved(reserved: &[Value], width: usize) -> Vec<Line<'static>> {
    let mut shown = Vec::new();
    for host in reserved {
        shown.push(Line::default());
        shown.extend(request::reserved_lines(host).iter().flat_map(|line| lines(line, width)));
    }
    shown
}

fn empty(tab: Tab) -> &'static str {
    match tab {
        Tab::Inbox => "Nothing waits for a person.",
        Tab::Requests => "No requests yet. `chiffon request \"what you want\"` asks for something.",
        Tab::Fleet => "No agent has ever said hello.",
        Tab::Queue => "Nothing is under way.",
    }
}
