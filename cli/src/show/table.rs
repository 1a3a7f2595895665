//! Tables, as wide as the terminal.

use serde_json::Value;
use unicode_width::UnicodeWidthChar as _;
use unicode_width::UnicodeWidthStr as _;

use super::style::bold;
pub use super::text::{json, text};

/// Between two columns.
const GAP: usize = 2;
/// What a column is not made narrower than.
const NARROWEST: usize = 8;

/// Prints rows under a head; an empty table prints `empty` instead, which says what to do.
pub fn print(head: &[&str], rows: Vec<Vec<String>>, empty: &str) {
    if rows.is_empty() {
        say!("{empty}");
        return;
    }
    let head: Vec<String> = head.iter().map(|name| bold(&super::text::line(name))).collect();
    let wide = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    for line in arranged(&[vec![head], rows].concat(), wide) {
        println!("{line}");
    }
}

/// Says that a list goes on, and how to see more of it.
pub fn say_more(listed: &Value, what: &str) {
    if !listed["next_cursor"].is_null() {
        let shown = listed["items"].as_array().map_or(0, Vec::len);
        say!("Only the newest {shown} of the {what} are shown; --limit NUMBER shows more, --all shows all.");
    }
}

/// The lines of a table; without a width (a file, a pipe) each row is one line.
fn arranged(rows: &[Vec<String>], wide: Option<usize>) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or_default();
    let mut widths: Vec<usize> = (0..columns).map(widest).collect();
    if let Some(wide) = wide {
        fit(&mut widths, wide);
    }
    rows.iter().flat_map(|row| lines_of(row, &widths)).collect()
}

/// Takes from the widest column until all fit, or none can become narrower.
fn fit(widths: &mut [usize], wide: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > wide {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST) else { return };
        *widest -= 1;
    }
}

fn lines_of(row: &[String], widths: &[usize]) -> Vec<String> {
    let cells: Vec<Vec<String>> = row.iter().zip(widths).map(|(cell, width)| wrapped(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let line = |number: usize| {
        let mut line = String::new();
        for (cell, wide) in cells.iter().zip(widths) {
            let part = cell.get(number).map_or("", String::as_str);
            line += part;
            line.extend(std::iter::repeat_n(' ', wide.saturating_sub(width(part)) + GAP));
        }
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// A cell's lines: broken between words, and within one that is too long.
fn wrapped(cell: &str, wide: usize) -> Vec<String> {
    // What is painted is one word, and its colour must not be cut off.
    if width(cell) <= wide || cell.contains('\u{1b}') {
        return vec![cell.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in cell.split(' ') {
        let last = lines.last().map_or(0, |line| width(line));
        let fits = last + usize::from(last > 0) + width(word) <= wide;
        if !fits && last > 0 {
            lines.push(String::new());
        }
        for (at, c) in word.chars().enumerate() {
            let line = lines.last_mut().expect("there is one from the beginning");
            if at == 0 && !line.is_empty() {
                line.push(' ');
            }
            if width(line) + c.width().unwrap_or_default() > wide {
                lines.push(String::new());
            }
            lines.last_mut().expect("there is one from the beginning").push(c);
        }
    }
    lines
}

/// How many columns a text takes; our own colours take none.
fn width(text: &str) -> usize {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().width();
    first + parts.map(|part| part.split_once('m').map_or(part, |(_, rest)| rest).width()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn a_head_stands_over_its_column_whatever_is_coloured_or_wide() {
        let table = rows(&[&["ID", "STATUS", "WORDS"], &["1", "\u{1b}[32mcompleted\u{1b}[0m", "x"], &["设置", "failed", "y"]]);
        let lines = arranged(&table, None);
        assert_eq!(lines[0], "ID    STATUS     WORDS");
        assert_eq!(lines[1], "1     \u{1b}[32mcompleted\u{1b}[0m  x");
        assert_eq!(lines[2], "设置  failed     y");
    }

    #[test]
    fn a_narrow_terminal_breaks_the_widest_column_between_words() {
        let table = rows(&[&["ID", "WORDS"], &["3f9a1c02", "Deploy Kuma to the small server and add portals"]]);
        let lines = arranged(&table, Some(30));
        assert_eq!(lines, ["ID        WORDS", "3f9a1c02  Deploy Kuma to the", "          small server and add", "          portals"]);
        assert!(lines.iter().all(|line| width(line) <= 30));
    }

    #[test]
    fn a_word_that_is_wider_than_its_column_is_broken_and_none_of_it_is_lost() {
        let word = "a".repeat(100);
        let lines = arranged(&rows(&[&["1234", &word]]), Some(30));
        assert!(lines.iter().all(|line| width(line) <= 30), "{lines:#?}");
        assert_eq!(lines.concat().matches('a').count(), 100);
        assert_eq!(arranged(&rows(&[&["1234", &word]]), None).len(), 1, "a pipe gets whole rows");
    }
}
