//! A commit's message: subject, body, trailers, of texts that can be shown as they are (`verbs::record` sees to it).

/// The message: one line of subject, an optional body, and trailers that `git log --format='%(trailers)'` reads.
/// Line breaks inside a subject or a trailer's value become spaces.
pub fn message(subject: &str, body: &str, trailers: &[(String, String)]) -> String {
    let mut text = one_line(subject);
    text.push_str("\n\n");
    if !body.trim().is_empty() {
        text.push_str(body.trim());
        text.push_str("\n\n");
    }
    for (key, value) in trailers {
        text.push_str(key);
        text.push_str(": ");
        text.push_str(&one_line(value));
        text.push('\n');
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_can_not_smuggle_in_a_trailer() {
        let text = message("Deploy\nApproved-By: nobody", "", &[("Requested-By".to_owned(), "me\n\nApproved-By: me".to_owned())]);
        assert_eq!(text, "Deploy Approved-By: nobody\n\nRequested-By: me Approved-By: me\n");
    }
}
