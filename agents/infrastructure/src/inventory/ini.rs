//! Lines of an inventory in Ansible's own form that it complains about without saying where: from ansible-core 2.19 on it names no line.

/// The line, from 1, that this complaint is about; `None` where it is about something else.
pub(super) fn place(words: &str, file: &str) -> Option<usize> {
    let said = |what: &str| words.split_once(what).map(|(_, rest)| rest);
    let first = |is_meant: &dyn Fn(&str) -> bool| {
        let lines = file.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        lines.filter(|(_, line)| !line.starts_with(['#', ';'])).find(|(_, line)| is_meant(line)).map(|(number, _)| number)
    };
    if let Some(word) = said("Expected key=value host variable assignment, got: ") {
        let word = word.split_whitespace().next()?;
        return first(&|line| line.split_whitespace().skip(1).any(|part| part == word));
    }
    if let Some(section) = said("Section [").and_then(|rest| rest.split_once(']')).map(|(section, _)| format!("[{section}]")) {
        return first(&|line| line.starts_with(&section));
    }
    // A heading without its end, in Python's words or in Ansible's.
    if words.contains("not enough values to unpack") || words.contains("Invalid section entry") {
        return first(&|line| line.starts_with('[') && !line.contains(']'));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_by_what_stands_in_it() {
        let file = "# w1 port 22\nnas port=22\n[web]\nw1 port 22\n[web:nonsense]\n[open\n";
        for (words, line) in [
            ("Failed to parse inventory: Expected key=value host variable assignment, got: port", Some(4)),
            ("Section [web:nonsense] has unknown type: nonsense", Some(5)),
            ("not enough values to unpack (expected 3, got 2)", Some(6)),
            ("Expected key=value host variable assignment, got: ", None),
            ("Section [", None),
            ("", None),
        ] {
            assert_eq!(place(words, file), line, "{words}");
        }
    }
}
