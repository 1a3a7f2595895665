//! Text as cells of the screen: lines with our own colours become styled ones, broken at a width. What was said outside has passed
//! `show::text` by then, so the only escapes in it are ours; and no cell gets more marks on one letter than a letter has.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar as _;

/// So many marks stand on one letter; a tower of them would reach into the lines above.
const MARKS: usize = 2;

/// A letter, its style, and how many columns it takes.
type Letter = (char, Style, usize);

/// The lines that a text takes on so many columns; what goes on is indented as the text is.
pub fn lines(text: &str, width: usize) -> Vec<Line<'static>> {
    text.lines().flat_map(|line| broken(&letters(line), width.max(1))).collect()
}

/// A text on one line, cut at a width with `…` where it is longer.
pub fn cut(text: &str, width: usize) -> String {
    let letters = letters(text);
    let total: usize = letters.iter().map(|(_, _, wide)| wide).sum();
    if total <= width {
        return letters.into_iter().map(|(c, ..)| c).collect();
    }
    let mut cut = String::new();
    let mut taken = 0;
    for (c, _, wide) in letters {
        if taken + wide > width.saturating_sub(1) {
            break;
        }
        taken += wide;
        cut.push(c);
    }
    if width > 0 { cut + "…" } else { cut }
}

/// A text cut and filled up to a width.
pub fn filled(text: &str, width: usize) -> String {
    let cut = cut(text, width);
    let taken: usize = cut.chars().map(|c| c.width().unwrap_or_default()).sum();
    cut + &" ".repeat(width.saturating_sub(taken))
}

fn letters(line: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    let (mut style, mut marks) = (Style::default(), 0);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            let code: String = rest.by_ref().take_while(|c| *c != 'm').filter(char::is_ascii_digit).collect();
            style = of(&code);
            continue;
        }
        let wide = if c == '\t' { 4 } else { c.width().unwrap_or_default() };
        marks = if wide == 0 { marks + 1 } else { 0 };
        match c {
            '\t' => letters.extend([(' ', style, 1); 4]),
            // What joins letters or changes their form changes how wide they are, on some terminals.
            _ if marks > MARKS || c.is_control() || matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}') => {}
            _ => letters.push((c, style, wide)),
        }
    }
    letters
}

fn of(code: &str) -> Style {
    match code {
        "1" => Style::default().add_modifier(Modifier::BOLD),
        "2" => Style::default().add_modifier(Modifier::DIM),
        "31" => Style::default().fg(Color::Red),
        "32" => Style::default().fg(Color::Green),
        "33" => Style::default().fg(Color::Yellow),
        "36" => Style::default().fg(Color::Cyan),
        _ => Style::default(),
    }
}

fn broken(letters: &[Letter], width: usize) -> Vec<Line<'static>> {
    let indent = letters.iter().take_while(|(c, ..)| *c == ' ').count().min(width / 2);
    let mut lines = Vec::new();
    let mut from = 0;
    while from < letters.len() {
        let room = if from == 0 { width } else { width - indent };
        let mut taken = 0;
        let fitting = letters[from..].iter().take_while(|(_, _, wide)| {
            taken += wide;
            taken <= room
        });
        // A letter that is wider than the screen stands alone.
        let mut to = from + fitting.count().max(1);
        if to < letters.len()
            && let Some(blank) = letters[from..to].iter().rposition(|(c, ..)| *c == ' ').filter(|at| *at > indent)
        {
            to = from + blank + 1;
        }
        lines.push(line(&letters[from..to], if from == 0 { 0 } else { indent }));
        from = to;
    }
    if lines.is_empty() { vec![Line::default()] } else { lines }
}

fn line(letters: &[Letter], indent: usize) -> Line<'static> {
    let mut spans = vec![Span::raw(" ".repeat(indent))];
    for (c, style, _) in letters {
        match spans.last_mut() {
            Some(last) if last.style == *style => last.content.to_mut().push(*c),
            _ => spans.push(Span::styled(c.to_string(), *style)),
        }
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, width: usize) -> Vec<String> {
        lines(text, width).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_are_broken_between_words_and_go_on_under_themselves() {
        assert_eq!(plain("  step one and two", 12), ["  step one ", "  and two"]);
        assert_eq!(plain("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(plain("设置设置", 5), ["设置", "设置"]);
        assert_eq!(plain("", 5), Vec::<String>::new());
        assert_eq!(plain("a\n\nb", 5), ["a", "", "b"]);
    }

    #[test]
    fn our_own_colours_become_styles_and_no_escape_is_left() {
        let shown = lines("\u{1b}[32m+ added\u{1b}[0m rest", 40);
        assert_eq!(shown[0].to_string(), "+ added rest");
        assert!(shown[0].spans.iter().any(|span| span.style.fg == Some(Color::Green) && span.content == "+ added"), "{shown:?}");
    }

    #[test]
    fn a_cut_text_fits_its_cell_whatever_its_letters_are() {
        assert_eq!(cut("设置设置", 5), "设置…");
        assert_eq!(filled("设置", 6), "设置  ");
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 0), "");
        let tower = format!("e{}x", "\u{301}".repeat(100));
        assert_eq!(cut(&tower, 9), "e\u{301}\u{301}x");
    }
}
