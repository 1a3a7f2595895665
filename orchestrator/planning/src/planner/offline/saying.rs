//! An example of an action, as it is said: case, punctuation and articles aside, and whatever host it names.

use std::collections::BTreeSet;

use super::tokens::Token;

/// The words of an example in order, and whether each could be the name of a host.
#[derive(Debug, PartialEq, Eq)]
pub struct Saying(Vec<(String, bool)>);

impl Saying {
    /// Reads an example. What its action is about (`core`) is no host.
    pub fn new(tokens: &[Token], core: &BTreeSet<String>) -> Self {
        let word = |token: &Token| (token.lower.clone(), !core.contains(&token.stem));
        Self(tokens.iter().filter(|token| counts(token)).map(word).collect())
    }

    /// Whether a sentence says the same. `is_host` tells which of its words are names of the inventory: any stands for the example's.
    pub fn is_said_by(&self, tokens: &[Token], is_host: impl Fn(usize) -> bool) -> bool {
        let said: Vec<usize> = (0..tokens.len()).filter(|at| counts(&tokens[*at])).collect();
        said.len() == self.0.len()
            && self.0.iter().zip(said).all(|((word, may_be_host), at)| tokens[at].lower == *word || (*may_be_host && is_host(at)))
    }
}

fn counts(token: &Token) -> bool {
    token.quoted || (!matches!(token.lower.as_str(), "a" | "an" | "the") && token.raw.chars().any(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;

    #[test]
    fn a_saying_is_the_same_in_other_case_and_punctuation_and_with_another_host_and_no_other_word_differs() {
        let saying = Saying::new(&tokenize("Remove the Kuma from nas"), &BTreeSet::from(["kuma".to_owned()]));
        let is_said = |text: &str| {
            let tokens = tokenize(text);
            saying.is_said_by(&tokens, |at| tokens[at].lower.starts_with("web"))
        };
        for same in ["remove kuma from nas", "Remove a KUMA, from web1!", "remove the kuma from the web2."] {
            assert!(is_said(same), "{same}");
        }
        for other in
            ["remove kuma from box", "remove kuma from nas and web1", "remove kuma", "kuma remove from nas", "remove web1 from nas", ""]
        {
            assert!(!is_said(other), "{other}");
        }
    }
}
