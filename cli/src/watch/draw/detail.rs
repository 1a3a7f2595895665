//! One request: the plan with its previews, the run by steps and hosts, the log.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use serde_json::Value;

use super::Theme;
use crate::show::plan::Diffs;
use crate::show::style::{short, status};
use crate::show::table::text;
use crate::show::text::{line, said};
use crate::show::{errors, request as show_request, summary};
use crate::watch::cell::{cut, lines};
use crate::watch::model::{Detail, View};

/// The width of a bar of progress.
const BAR: usize = 20;
/// So many of the last lines of the log stand under the run.
const TAIL: usize = 8;

/// Draws it.
pub fn draw(frame: &mut Frame, detail: &mut Detail, area: Rect, theme: &Theme) {
    let width = usize::from(area.width);
    let Some(request) = &detail.request else {
        let words = detail.failure.as_deref().map_or_else(|| "Reading …".to_owned(), line);
        frame.render_widget(Paragraph::new(lines(&words, width)), area);
        return;
    };
    let mut head = vec![title(request, detail.shown(), width, theme)];
    if detail.has_changed() && detail.shown() == View::Change {
        let word = "The plan has changed since you looked. Look again, and press Enter when you have.";
        head.extend(lines(word, width).into_iter().map(|line| line.style(theme.colour(Color::Red).add_modifier(Modifier::BOLD))));
    }
    if let Some(failure) = &detail.failure {
        head.extend(lines(&format!("It is not followed any more: {}", line(failure)), width));
    }
    let told = match detail.shown() {
        View::Change => change(request, detail.diffs),
        View::Run => run(request, detail),
        View::Log if detail.log.is_empty() => vec!["Nothing was logged yet.".to_owned()],
        View::Log => detail.log.iter().cloned().collect(),
    };
    let is_log = detail.shown() == View::Log && !detail.log.is_empty();
    let hits = if is_log { detail.search.hits(detail.log.iter()) } else { Vec::new() };
    let mut body: Vec<Line> = Vec::new();
    // Where each of the told lines begins.
    let mut begins = Vec::new();
    for told in told {
        begins.push(body.len());
        if told.is_empty() {
            body.push(Line::default());
        }
        body.extend(lines(&told, width));
    }
    if is_log {
        let from = begins.iter().position(|begin| *begin >= detail.scroll).unwrap_or_default();
        if let Some(found) = detail.search.found(&hits, detail.gone, from) {
            (detail.scroll, detail.follows) = (begins[found], false);
        }
        for hit in hits {
            let ends = begins.get(hit + 1).copied().unwrap_or(body.len());
            let mark = if detail.search.is_at(hit, detail.gone) { Modifier::REVERSED } else { Modifier::UNDERLINED };
            for line in &mut body[begins[hit]..ends] {
                line.style = line.style.add_modifier(mark);
            }
        }
    }
    let room = usize::from(area.height).saturating_sub(head.len()).max(1);
    detail.most = body.len().saturating_sub(room);
    let is_at_end = detail.follows && detail.shown() == View::Log;
    detail.scroll = if is_at_end { detail.most } else { detail.scroll.min(detail.most) };
    let mut shown = head;
    shown.extend(body.into_iter().skip(detail.scroll).take(room).map(|line| plain_without(line, theme)));
    frame.render_widget(Paragraph::new(shown), area);
    if detail.scroll < detail.most {
        let more = format!(" {} more lines below ", detail.most - detail.scroll);
        let wide = u16::try_from(more.len()).unwrap_or(area.width).min(area.width);
        let at = Rect { x: area.x + area.width - wide, y: area.y + area.height, width: wide, height: 1 };
        frame.render_widget(Paragraph::new(Line::styled(more, Style::default().add_modifier(Modifier::DIM))), at);
    }
}

/// Without colours where they are not wanted; bold and faint stay.
fn plain_without(mut line: Line<'static>, theme: &Theme) -> Line<'static> {
    if !theme.coloured {
        line.spans.iter_mut().for_each(|span| span.style.fg = None);
    }
    line
}

fn title(request: &Value, view: View, width: usize, theme: &Theme) -> Line<'static> {
    let id = text(&request["request_id"]);
    let word = text(&request["status"]);
    let parts = [(View::Change, "1 Change"), (View::Run, "2 Run"), (View::Log, "3 Log")];
    let parts = parts.map(|(one, name)| if one == view { format!("[{name}]") } else { format!(" {name} ") });
    Line::styled(cut(&format!("{} {word}  {}  {}", short(&id), parts.concat(), text(&request["text"])), width), theme.status(&word))
}

fn change(request: &Value, with_diffs: bool) -> Vec<String> {
    show_request::lines(request, if with_diffs { Diffs::Shown } else { Diffs::Counted })
}

fn run(request: &Value, detail: &Detail) -> Vec<String> {
    let tasks = request["tasks"].as_array().map_or(&[][..], Vec::as_slice);
    let mut told = Vec::new();
    for task in tasks.iter().filter(|task| task["purpose"] == "apply") {
        put_task(&mut told, task);
    }
    if told.is_empty() {
        told.push("Nothing of the plan has run yet.".to_owned());
    } else if summary::has_run(request) && crate::verb::follow::is_over(request) {
        told.push(String::new());
        told.extend(summary::lines(request));
    }
    if !detail.log.is_empty() {
        told.push(String::new());
        told.push(format!("The last of the log (3 shows it, {} lines):", detail.log.len()));
        told.extend(detail.log.iter().skip(detail.log.len().saturating_sub(TAIL)).map(|line| format!("  {line}")));
    }
    told
}

fn put_task(told: &mut Vec<String>, task: &Value) {
    let word = text(&task["status"]);
    let percent = task["progress"].as_u64().unwrap_or(0).min(100);
    let progress = if word == "running" { format!("  {} {percent} %", bar(percent)) } else { String::new() };
    told.push(format!("{} {}{progress}", status(&word), text(&task["title"])));
    if let Some(wait) = said(&task["waiting_for"]["text"]) {
        told.push(format!("    waits: {wait}"));
    }
    if let Some(message) = said(&task["message"]).filter(|_| word == "running") {
        told.push(format!("    {message}"));
    }
    let results = task["host_results"].as_array().map_or(&[][..], Vec::as_slice);
    for host in errors::hosts_of(task) {
        let result = results.iter().find(|result| text(&result["host"]) == host);
        let how = result.map_or_else(|| if word == "running" { "…".to_owned() } else { status(&word) }, summary::outcome);
        told.push(format!("    {host}: {}", how.trim_end_matches(',')));
    }
    if let Some(error) = said(&task["error"]["message"]) {
        told.push(format!("    error {}: {error}", text(&task["error"]["code"])));
    }
}

fn bar(percent: u64) -> String {
    let full = usize::try_from(percent).unwrap_or_default() * BAR / 100;
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}
