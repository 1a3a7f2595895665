//! The one way in which a text of a play is cut: at a line's end where there is one, else between two characters, and it says what was
//! left out. A cut never changes what a run came to.

/// At most `limit` bytes of the text, with what was left out told on a line of its own. Short texts stay as they are.
pub(super) fn at_line(text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let (kept, left) = text.split_at_checked(text.floor_char_boundary(limit)).unwrap_or((&text, ""));
    match kept.rsplit_once('\n') {
        // A line that was half kept counts as left out.
        Some((lines, _)) if !lines.is_empty() => {
            let more = text.lines().count() - (lines.matches('\n').count() + 1);
            format!("{lines}\n... {more} more lines are not shown\n")
        }
        _ => format!(
            "{kept}\n... {} more bytes of this line and {} more lines are not shown\n",
            first_line(left),
            left.lines().skip(1).count()
        ),
    }
}

fn first_line(text: &str) -> usize {
    text.lines().next().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_text_stays() {
        assert_eq!(at_line("one\ntwo".to_owned(), 7), "one\ntwo");
    }

    #[test]
    fn whole_lines_are_kept_and_the_rest_is_counted() {
        assert_eq!(at_line("one\ntwo\nthree\nfour\n".to_owned(), 9), "one\ntwo\n... 2 more lines are not shown\n");
        assert_eq!(at_line("one\ntwo\nthree\n".to_owned(), 7), "one\n... 2 more lines are not shown\n");
    }

    #[test]
    fn a_single_long_line_is_cut_between_two_characters() {
        for (letter, limit) in [("д", 65_535), ("日", 65_535), ("日", 65_534), ("🔥", 65_533)] {
            let cut = at_line(letter.repeat(60_000), limit);
            let kept = cut.split('\n').next().expect("a line");
            assert!(kept.len() <= limit && kept.len() > limit - 4 && kept.replace(letter, "").is_empty(), "{letter} {limit}");
            assert!(cut.contains(&format!("{} more bytes of this line and 0 more lines", letter.len() * 60_000 - kept.len())), "{cut:.40}");
        }
    }

    proptest! {
        #[test]
        fn any_text_at_any_limit_keeps_its_beginning_and_is_bounded(text in "(.|\n){0,300}", limit in 0_usize..400) {
            let cut = at_line(text.clone(), limit);
            if text.len() <= limit {
                prop_assert_eq!(cut, text);
            } else {
                let (kept, told) = cut.rsplit_once("\n... ").expect("it says what is missing");
                prop_assert!(text.starts_with(kept) && kept.len() <= limit && told.ends_with("not shown\n"));
            }
        }
    }
}
