//! English for asking: verbs by what they want, words that say nothing, and words that join. No knowledge of any action.

use super::tokens::{Token, stem};

/// What a verb wants, whatever its object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Bring something into being.
    Create,
    /// Take something away.
    Remove,
    /// Make room.
    Clean,
    /// Tell.
    Show,
    /// Again from the beginning.
    Restart,
    /// Make it different.
    Change,
    /// Keep a copy.
    Save,
    /// Bring a copy back.
    Restore,
    /// Make it rest.
    Stop,
    /// Make it run.
    Start,
}

/// Verbs of more than one word come first, so that they win over their first word.
const PHRASES: &[(&[&str], Wish)] = &[
    (&["get", "rid", "of"], Wish::Remove),
    (&["set", "up"], Wish::Create),
    (&["spin", "up"], Wish::Create),
    (&["stand", "up"], Wish::Create),
    (&["roll", "out"], Wish::Create),
    (&["tear", "down"], Wish::Remove),
    (&["take", "down"], Wish::Remove),
    (&["take", "off"], Wish::Remove),
    (&["throw", "away"], Wish::Remove),
    (&["clean", "up"], Wish::Clean),
    (&["free", "up"], Wish::Clean),
    (&["back", "up"], Wish::Save),
    (&["bring", "back"], Wish::Restore),
    (&["roll", "back"], Wish::Restore),
    (&["shut", "down"], Wish::Stop),
    (&["turn", "off"], Wish::Stop),
    (&["switch", "off"], Wish::Stop),
    (&["turn", "on"], Wish::Start),
    (&["switch", "on"], Wish::Start),
    (&["bring", "up"], Wish::Start),
    (&["fire", "up"], Wish::Start),
    (&["boot", "up"], Wish::Start),
    (&["how", "much"], Wish::Show),
    (&["how", "many"], Wish::Show),
    (&["how", "full"], Wish::Show),
    (&["look", "for"], Wish::Show),
    (&["look", "at"], Wish::Show),
    (&["tell", "me"], Wish::Show),
];

const VERBS: &[(Wish, &[&str])] = &[
    (Wish::Create, &["deploy", "install", "add", "create", "make", "put", "provision", "setup", "register", "launch", "introduce", "generate", "issue", "open", "build"]),
    (Wish::Remove, &["remove", "delete", "uninstall", "destroy", "drop", "wipe", "purge", "erase", "undeploy", "revoke", "kill", "decommission", "eliminate", "unregister"]),
    (Wish::Clean, &["clean", "prune", "purge", "tidy", "vacuum", "flush", "clear", "wipe"]),
    (Wish::Show, &["show", "list", "report", "check", "display", "see", "find", "discover", "inspect", "view", "what", "which", "where", "who", "is", "are", "detect", "scan"]),
    (Wish::Restart, &["restart", "reboot", "bounce", "cycle", "reload"]),
    (Wish::Change, &["change", "update", "upgrade", "set", "bump", "configure", "edit", "modify", "adjust", "resize", "rename", "switch", "move"]),
    (Wish::Save, &["backup", "save", "snapshot", "dump", "archive", "export"]),
    (Wish::Restore, &["restore", "recover", "import", "revert"]),
    (Wish::Stop, &["stop", "halt", "disable", "suspend", "pause", "block", "ban"]),
    (Wish::Start, &["start", "enable", "run", "resume", "launch", "boot", "wake", "unblock"]),
];

const SILENT: &[&str] = &[
    "a", "an", "the", "this", "that", "these", "those", "my", "our", "your", "its", "their", "me", "us", "i", "we", "you", "it", "them", "please",
    "can", "could", "would", "should", "will", "want", "need", "like", "have", "has", "had", "do", "does", "did", "be", "been", "was", "were", "to",
    "on", "at", "in", "of", "for", "from", "with", "by", "and", "or", "as", "so", "also", "too", "then", "now", "just", "some", "any", "all", "every",
    "existing", "current", "new", "there", "here", "up", "down", "off", "out", "over", "into", "onto", "via", "using", "use", "let", "lets", "get", "give", "go",
    "hi", "hello", "hey", "thanks", "kindly", "thank", "ok", "okay", "each", "both", "one", "ones", "again", "instead", "more", "much", "many", "how", "when", "if",
    "called", "named", "call", "pointing", "points", "point", "via", "not", "no", "without", "but", "about", "left", "still", "after", "before", "yet", "say", "tell", "look", "take", "bring", "turn", "rid",
    "am", "is", "are", "what", "which", "where", "who", "found", "i'd", "i'm", "we'd", "let's", "don't", "never", "only", "well", "set", "shall", "may", "might", "must", "whole", "except", "excluding", "besides", "right", "today", "around", "available",
];

/// Nouns that name the kind of a thing rather than the thing: never a value by themselves.
const GENERIC: &[&str] = &[
    "package", "program", "software", "tool", "app", "application", "service", "server", "host", "machine", "box", "computer", "system", "thing", "stuff", "number", "everything", "everywhere", "one",
];

/// Words between a parameter's name and its value.
pub const BETWEEN: &[&str] = &["to", "it", "is", "of", "at", "be", "should", "=", "->", "as", "number", "called", "named", "for", "the", "a", "an", "with", "on", "by", "into"];

/// The wish of the verb that begins at `at`, with the words it takes.
pub fn wishes_at(tokens: &[Token], at: usize) -> (Vec<Wish>, usize) {
    for (phrase, wish) in PHRASES {
        let matches = phrase.iter().enumerate().all(|(offset, word)| {
            tokens.get(at + offset).is_some_and(|token| !token.quoted && (token.lower == *word || token.stem == stem(word)))
        });
        if matches {
            return (vec![*wish], phrase.len());
        }
        // "put htop up", "shut nas down": the particle after the object, at the end.
        if let [first, last] = phrase
            && *last != "me"
            && tokens.get(at).is_some_and(|token| token.lower == *first)
            && tokens.iter().enumerate().skip(at + 2).any(|(end, token)| token.lower == *last && (token.stop || end + 1 == tokens.len()))
        {
            return (vec![*wish], 1);
        }
    }
    let Some(token) = tokens.get(at).filter(|token| !token.quoted) else { return (Vec::new(), 0) };
    let wishes = wishes_of_stem(&token.stem);
    let taken = usize::from(!wishes.is_empty());
    (wishes, taken)
}

/// What a single word wants, by its stem.
pub fn wishes_of_stem(word: &str) -> Vec<Wish> {
    VERBS.iter().filter(|(_, verbs)| verbs.iter().any(|verb| stem(verb) == word)).map(|(wish, _)| *wish).collect()
}

/// The wishes of a sentence in the order of its verbs, and which words are verbs.
pub fn wishes(tokens: &[Token]) -> (Vec<Vec<Wish>>, Vec<bool>) {
    let (mut found, mut verbs) = (Vec::new(), vec![false; tokens.len()]);
    let mut at = 0;
    while at < tokens.len() {
        let (wishes, taken) = wishes_at(tokens, at);
        if !wishes.is_empty() {
            found.push(wishes);
            verbs[at..at + taken].fill(true);
        }
        at += taken.max(1);
    }
    (found, verbs)
}

/// Whether a word says nothing about what is wanted.
pub fn is_silent(token: &Token) -> bool {
    !token.quoted && (SILENT.contains(&token.lower.as_str()) || !token.raw.chars().any(char::is_alphanumeric))
}

/// Whether a word names a kind of thing only.
pub fn is_generic(token: &Token) -> bool {
    !token.quoted && GENERIC.iter().any(|word| *word == token.lower || stem(word) == token.stem)
}

/// Whether a sentence forbids what it names: "don't …", "never …".
pub fn forbids(tokens: &[Token]) -> bool {
    tokens.iter().take(4).enumerate().any(|(at, token)| {
        matches!(token.lower.as_str(), "don't" | "dont" | "don’t" | "never")
            || (token.lower == "do" && tokens.get(at + 1).is_some_and(|next| next.lower == "not"))
    })
}
