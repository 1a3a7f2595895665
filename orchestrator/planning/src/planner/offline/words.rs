//! English words that say nothing by themselves, that name only a kind of thing, and that join. No knowledge of any action.

use super::tokens::{Token, stem};

const SILENT: &[&str] = &[
    "a",
    "an",
    "the",
    "this",
    "that",
    "these",
    "those",
    "my",
    "our",
    "your",
    "its",
    "their",
    "me",
    "us",
    "i",
    "we",
    "you",
    "it",
    "them",
    "please",
    "can",
    "could",
    "would",
    "should",
    "will",
    "want",
    "need",
    "like",
    "have",
    "has",
    "had",
    "do",
    "does",
    "did",
    "be",
    "been",
    "was",
    "were",
    "to",
    "on",
    "at",
    "in",
    "of",
    "for",
    "from",
    "with",
    "by",
    "and",
    "or",
    "as",
    "so",
    "also",
    "too",
    "then",
    "now",
    "just",
    "some",
    "any",
    "all",
    "every",
    "existing",
    "current",
    "new",
    "there",
    "here",
    "up",
    "down",
    "off",
    "out",
    "over",
    "into",
    "onto",
    "via",
    "using",
    "use",
    "let",
    "lets",
    "get",
    "give",
    "go",
    "hi",
    "hello",
    "hey",
    "thanks",
    "kindly",
    "thank",
    "ok",
    "okay",
    "each",
    "both",
    "one",
    "ones",
    "again",
    "instead",
    "more",
    "much",
    "many",
    "how",
    "when",
    "if",
    "called",
    "named",
    "call",
    "pointing",
    "points",
    "point",
    "via",
    "not",
    "no",
    "without",
    "but",
    "about",
    "left",
    "still",
    "after",
    "before",
    "yet",
    "say",
    "tell",
    "look",
    "take",
    "bring",
    "turn",
    "rid",
    "am",
    "is",
    "are",
    "what",
    "which",
    "where",
    "who",
    "found",
    "i'd",
    "i'm",
    "we'd",
    "let's",
    "don't",
    "never",
    "only",
    "well",
    "set",
    "shall",
    "may",
    "might",
    "must",
    "whole",
    "except",
    "excluding",
    "besides",
    "right",
    "today",
    "around",
    "available",
    "pls",
    "plz",
    "thx",
    "ty",
    "u",
    "asap",
    "quickly",
    "immediately",
];

/// Nouns that name the kind of a thing rather than the thing: never a value by themselves.
const GENERIC: &[&str] = &[
    "package",
    "program",
    "software",
    "tool",
    "app",
    "application",
    "service",
    "server",
    "host",
    "machine",
    "box",
    "computer",
    "system",
    "thing",
    "stuff",
    "number",
    "everything",
    "everywhere",
    "copy",
    "access",
    "one",
];

/// Words between a parameter's name and its value.
pub const BETWEEN: &[&str] = &[
    "to", "it", "is", "of", "at", "be", "should", "=", "->", "as", "number", "called", "named", "for", "the", "a", "an", "with", "on",
    "by", "into",
];

/// Whether a word, in lower case, is one of grammar.
pub fn is_grammar(word: &str) -> bool {
    SILENT.contains(&word)
}

/// Whether a word says nothing about what is wanted.
pub fn is_silent(token: &Token) -> bool {
    !token.quoted && (SILENT.contains(&token.lower.as_str()) || !token.raw.chars().any(char::is_alphanumeric))
}

/// Whether a word names a kind of thing only.
pub fn is_generic(token: &Token) -> bool {
    !token.quoted && GENERIC.iter().any(|word| *word == token.lower || stem(word) == token.stem)
}

/// Nouns and adverbs that are never what a thing is called, unless they are quoted.
const NEVER_VALUES: &[&str] = &[
    "user",
    "account",
    "database",
    "name",
    "value",
    "version",
    "release",
    "something",
    "anything",
    "nothing",
    "someone",
    "somebody",
    "everyone",
    "nobody",
    "people",
    "space",
    "room",
    "time",
    "tonight",
    "tomorrow",
    "yesterday",
    "soon",
    "later",
    "carefully",
    "old",
    "other",
    "another",
    "same",
    "last",
    "first",
    "next",
    "second",
    "way",
    "kind",
    "size",
    "half",
    "twice",
    "once",
    "always",
    "safely",
];

/// Whether a word is never a value by itself.
pub fn is_never_a_value(token: &Token) -> bool {
    !token.quoted && NEVER_VALUES.contains(&token.lower.as_str())
}

/// Whether what follows is to be left out.
pub fn leaves_out(token: &Token) -> bool {
    let words =
        ["without", "no", "not", "minus", "skip", "omit", "except", "excluding", "exclude", "remove", "drop", "delete", "forget", "unlist"];
    !token.quoted && words.contains(&token.lower.as_str())
}

/// Whether a question is an order said kindly: "could you …?", "please …?".
pub fn is_polite(tokens: &[Token]) -> bool {
    tokens.iter().take(3).enumerate().any(|(at, token)| {
        token.lower == "please"
            || (matches!(token.lower.as_str(), "can" | "could" | "would" | "will")
                && tokens.get(at + 1).is_some_and(|next| matches!(next.lower.as_str(), "you" | "we" | "someone" | "somebody")))
    })
}

/// Whether a sentence forbids what it names: "don't …", "never …".
pub fn forbids(tokens: &[Token]) -> bool {
    tokens.iter().take(4).enumerate().any(|(at, token)| {
        matches!(token.lower.as_str(), "don't" | "dont" | "don’t" | "never")
            || (token.lower == "do" && tokens.get(at + 1).is_some_and(|next| next.lower == "not"))
    })
}
