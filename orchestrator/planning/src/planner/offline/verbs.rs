//! English verbs by what they want, whatever their object. No knowledge of any action.

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
    (
        Wish::Create,
        &[
            "deploy",
            "install",
            "add",
            "create",
            "make",
            "put",
            "provision",
            "setup",
            "register",
            "launch",
            "introduce",
            "generate",
            "issue",
            "allow",
            "permit",
            "grant",
            "give",
            "share",
            "open",
            "build",
        ],
    ),
    (
        Wish::Remove,
        &[
            "remove",
            "delete",
            "uninstall",
            "destroy",
            "drop",
            "wipe",
            "purge",
            "erase",
            "undeploy",
            "revoke",
            "kill",
            "decommission",
            "eliminate",
            "unregister",
            "kick",
            "evict",
        ],
    ),
    (Wish::Clean, &["clean", "prune", "purge", "tidy", "vacuum", "flush", "clear", "wipe"]),
    (
        Wish::Show,
        &[
            "show", "list", "report", "check", "display", "see", "find", "discover", "inspect", "view", "what", "which", "where", "who",
            "is", "are", "detect", "scan",
        ],
    ),
    (Wish::Restart, &["restart", "reboot", "bounce", "cycle", "reload"]),
    (
        Wish::Change,
        &["change", "update", "upgrade", "set", "bump", "configure", "edit", "modify", "adjust", "resize", "rename", "switch", "move"],
    ),
    (Wish::Save, &["backup", "save", "snapshot", "dump", "archive", "export"]),
    (Wish::Restore, &["restore", "recover", "import", "revert"]),
    (Wish::Stop, &["stop", "halt", "kill", "deny", "forbid", "reject", "disable", "suspend", "pause", "block", "ban"]),
    (Wish::Start, &["start", "enable", "run", "resume", "launch", "boot", "wake", "unblock"]),
];

/// The wish of the verb that begins at `at`, with the words it takes.
pub fn wishes_at(tokens: &[Token], at: usize) -> (Vec<Wish>, usize) {
    for (phrase, wish) in PHRASES {
        let matches = phrase.iter().enumerate().all(|(offset, word)| {
            tokens.get(at + offset).is_some_and(|token| token.is_spoken() && (token.lower == *word || token.stem == stem(word)))
        });
        if matches {
            return (vec![*wish], phrase.len());
        }
        // "put htop up", "shut nas down": the particle after the object, at the end.
        if let [first, last] = phrase
            && *last != "me"
            && tokens.get(at).is_some_and(|token| token.is_spoken() && token.lower == *first)
            && tokens.iter().enumerate().skip(at + 2).any(|(end, token)| token.lower == *last && (token.stop || end + 1 == tokens.len()))
        {
            return (vec![*wish], 1);
        }
    }
    let Some(token) = tokens.get(at).filter(|token| token.is_spoken()) else { return (Vec::new(), 0) };
    let wishes = wishes_of_stem(&token.stem);
    let count = usize::from(!wishes.is_empty());
    (wishes, count)
}

/// "stop and remove …": where the last of the verbs with which a sentence begins stands, and how many verbs it has before.
pub fn leading(tokens: &[Token]) -> (usize, usize) {
    let begins = |at: usize| tokens.get(at).is_some_and(Token::is_spoken) && !wishes_at(tokens, at).0.is_empty();
    let Some(mut at) = (0..tokens.len()).find(|at| begins(*at)) else { return (0, 0) };
    let mut skipped = 0;
    loop {
        let next = match tokens.get(at + 1).map(|token| token.lower.as_str()) {
            Some("and" | "&" | "then") => at + 2,
            Some(_) if tokens[at].comma || tokens[at].part != tokens[at + 1].part => at + 1,
            _ => return (at, skipped),
        };
        if !begins(next) || wishes_at(tokens, at).1 != 1 {
            return (at, skipped);
        }
        (at, skipped) = (next, skipped + 1);
    }
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
