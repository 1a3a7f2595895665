//! Where something stands in a YAML file. Our YAML reader keeps no places, so the file's lines are walked along a JSON pointer; what
//! can't be followed (anchors, several keys in one line) is as near as it gets.

/// The line, from 1, of what a JSON pointer names, or of the nearest thing around it.
pub(super) fn line_of(text: &str, pointer: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let (mut at, mut indent) = (0, 0);
    for segment in pointer.split('/').filter(|segment| !segment.is_empty()) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        // A flow mapping goes on in the line itself.
        if at > 0 && lines.get(at - 1).is_some_and(|line| value_of(line).is_some_and(|value| value.starts_with(['{', '[']))) {
            continue;
        }
        let found = match name.parse::<usize>() {
            Ok(index) => item(&lines, at, indent, index),
            Err(_) => lines
                .iter()
                .enumerate()
                .skip(at.saturating_sub(1))
                .find(|(_, line)| depth(line) >= indent && has_key(line, &name))
                .map(|(number, _)| number),
        };
        let Some(number) = found else { break };
        at = number + 1;
        indent = depth(lines[number]) + usize::from(name.parse::<usize>().is_err());
    }
    at.max(1)
}

/// The line of an item of a block sequence that begins after `at`.
fn item(lines: &[&str], at: usize, indent: usize, index: usize) -> Option<usize> {
    let is_item = |line: &str| line.trim_start().starts_with("- ") || line.trim() == "-";
    let depth_of = lines.iter().skip(at).find(|line| is_item(line)).map(|line| spaces(line))?;
    let mut items =
        lines.iter().enumerate().skip(at).filter(|(_, line)| is_item(line) && spaces(line) == depth_of && spaces(line) + 1 >= indent);
    items.nth(index).map(|(number, _)| number)
}

fn spaces(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where its key begins: after the dash of an item.
fn depth(line: &str) -> usize {
    let after = line.trim_start().trim_start_matches("- ");
    line.len() - after.len()
}

fn has_key(line: &str, key: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ");
    let rest = line
        .strip_prefix(key)
        .or_else(|| ['"', '\''].iter().find_map(|quote| line.strip_prefix(*quote)?.strip_prefix(key)?.strip_prefix(*quote)));
    rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
}

fn value_of(line: &str) -> Option<&str> {
    line.split_once(": ").map(|(_, value)| value.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_its_line() {
        let text = "# x\nname: a\nparameters:\n  type: object\n  required: [host]\n  properties:\n    host: {type: wrong}\n    name:\n      type: [string]\n\
                    examples:\n  - one\n  - two\n\"risk\": none\n";
        for (pointer, line) in [
            ("", 1),
            ("/name", 2),
            ("/parameters", 3),
            ("/parameters/required/0", 5),
            ("/parameters/properties/host/type", 7),
            ("/parameters/properties/name", 8),
            ("/parameters/properties/name/type", 9),
            ("/parameters/properties/missing", 6),
            ("/examples/1", 12),
            ("/risk", 13),
        ] {
            assert_eq!(line_of(text, pointer), line, "{pointer}");
        }
        assert_eq!(line_of("größe: {ä: 1}\nß: 2\n", "/ß"), 2);
    }
}
