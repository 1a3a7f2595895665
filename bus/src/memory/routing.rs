//! Which queue a message goes to: the three exchange types that Chiffon uses.

/// Whether a binding's key leads a message's key to its queue.
pub fn leads(kind: &str, binding: &str, key: &str) -> bool {
    match kind {
        "fanout" => true,
        "topic" => words_fit(&binding.split('.').collect::<Vec<_>>(), &key.split('.').collect::<Vec<_>>()),
        _ => binding == key,
    }
}

/// `*` is one word, `#` any number of them.
fn words_fit(pattern: &[&str], words: &[&str]) -> bool {
    match pattern.split_first() {
        None => words.is_empty(),
        Some((&"#", rest)) => (0..=words.len()).any(|skipped| words_fit(rest, &words[skipped..])),
        Some((first, rest)) => words.split_first().is_some_and(|(word, words)| (*first == "*" || first == word) && words_fit(rest, words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_key_leads_where_its_pattern_says() {
        for (pattern, key, expected) in [
            ("agent.control.a.1", "agent.control.a.1", true),
            ("agent.control.a.1", "agent.control.a.2", false),
            ("agent.*.a", "agent.control.a", true),
            ("agent.*.a", "agent.x.control.a", false),
            ("agent.#", "agent", true),
            ("agent.#.a", "agent.x.y.a", true),
            ("#", "", true),
            ("*", "a.b", false),
        ] {
            assert_eq!(leads("topic", pattern, key), expected, "{pattern} and {key}");
        }
    }
}
