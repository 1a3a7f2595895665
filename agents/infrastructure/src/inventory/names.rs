//! Names of a YAML inventory that YAML reads as something else than a text (`off`, `12`, `null`), and entries of another kind than
//! they must be: Ansible says what it read and no line, so the line is found here, with what helps.

/// Where a file says what this complaint is about, and the cure; `None` where it is about something else.
pub(super) fn place(words: &str, file: &str) -> Option<(usize, String)> {
    not_text(words, file).or_else(|| wrong_kind(words, file))
}

/// `Host pattern False must be a string`, or the same of a group.
fn not_text(words: &str, file: &str) -> Option<(usize, String)> {
    let read = match words.split_once("Host pattern ") {
        Some((_, rest)) => rest.split_once(" must be a string")?.0,
        None => words.split_once("Unable to add group ").filter(|_| words.contains("expected a string"))?.1.split_once(':')?.0,
    };
    let (number, key) = keys(file).find(|(_, key)| reads_as(key, read))?;
    let what = match read {
        "True" | "False" => "a truth value",
        "None" => "nothing",
        _ => "a number",
    };
    Some((number, format!("`{key}` is {what} for YAML, not a name; write it in quotes: \"{key}\":")))
}

/// `Invalid "hosts" entry for "web" group, requires a dictionary`.
fn wrong_kind(words: &str, file: &str) -> Option<(usize, String)> {
    let (entry, rest) = words.split_once("Invalid \"")?.1.split_once("\" entry for \"")?;
    let (group, _) = rest.split_once("\" group, requires a dictionary")?;
    let mut after = keys(file).skip_while(|(_, key)| *key != group);
    let (number, _) = after.find(|(_, key)| *key == entry)?;
    let text = format!(
        "`{entry}` of the group `{group}` is no dictionary: write each name on a line of its own, further in, with a colon (`nas:`)"
    );
    Some((number, text))
}

/// Each line's key without quotes, with the line's number.
fn keys(file: &str) -> impl Iterator<Item = (usize, &str)> {
    file.lines().enumerate().filter_map(|(number, line)| Some((number + 1, line.trim_start().split_once(':')?.0.trim_end())))
}

/// Whether Python shows as `read` what YAML makes of this key.
fn reads_as(key: &str, read: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    match read {
        "False" => matches!(lower.as_str(), "off" | "no" | "false"),
        "True" => matches!(lower.as_str(), "on" | "yes" | "true"),
        "None" => matches!(lower.as_str(), "null" | "~" | ""),
        number => key == number || key.replace('_', "") == number || key.parse::<f64>().is_ok_and(|key| number.parse() == Ok(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_yaml_takes_for_something_else_is_found_with_its_line_and_its_cure() {
        let file = "all:\n  hosts:\n    nas:\n      off: false\n    \"off\":\n    off:\n  children:\n    on:\n      hosts: [nas]\n    12: {}\n    ~: {}\n";
        for (words, number, cure) in [
            ("Host pattern True must be a string. Enclose", 8, "\"on\":"),
            ("Unable to add group True: Invalid group name supplied, expected a string but got <class 'bool'> for True", 8, "\"on\":"),
            ("Host pattern 12 must be a string. Enclose integers/floats in quotation marks.", 10, "\"12\":"),
            ("Host pattern None must be a string.", 11, "\"~\":"),
            ("Invalid \"hosts\" entry for \"on\" group, requires a dictionary, found \"<class 'x'>\" instead.", 9, "`nas:`"),
        ] {
            let found = place(words, file).unwrap_or_else(|| panic!("{words} is not found"));
            assert!(found.0 == number && found.1.contains(cure), "{words}: {found:?}");
        }
        assert_eq!(place("Host pattern False must be a string.", "all:\n  hosts:\n    off:\n").map(|found| found.0), Some(3));
        for other in ["", "Host pattern ", "Unable to add group x", "Invalid \"", "no root 'plugin' key found"] {
            assert_eq!(place(other, file), None, "{other}");
        }
    }
}
