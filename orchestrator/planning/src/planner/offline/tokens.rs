//! Words of a sentence: split, stripped of punctuation, stemmed lightly. No knowledge of any action.

use super::scope::Scope;
use super::words;

/// One word of a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says by itself how the word was written")]
pub struct Token {
    /// As written, without the punctuation around it.
    pub raw: String,
    /// In lower case.
    pub lower: String,
    /// What is left of the word when its ending is gone.
    pub stem: String,
    /// Whether it stood in quotation marks: a value, never a keyword.
    pub quoted: bool,
    /// Whether it stood behind `name=`: a value of that name, and of no other.
    pub assigned: bool,
    /// Whether a comma followed.
    pub comma: bool,
    /// Whether a sentence ended here.
    pub stop: bool,
    /// Whether it is wanted as it stands.
    pub scope: Scope,
    /// In which piece of the request it stands, from 0.
    pub part: usize,
}

impl Token {
    fn new(raw: &str, quoted: bool) -> Self {
        let lower = raw.to_lowercase();
        let stem = if quoted { String::new() } else { stem(&lower) };
        Self { raw: raw.to_owned(), lower, stem, quoted, ..Self::default() }
    }

    /// Whether it can be a word of an order: neither quoted nor negated.
    pub fn is_spoken(&self) -> bool {
        !self.quoted && self.scope == Scope::Open
    }

    /// Whether it says how much: digits, or digits with a unit behind them.
    pub fn is_quantity(&self) -> bool {
        let unit = self.lower.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
        let known = [
            "", "b", "k", "m", "g", "t", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "%", "ms", "s", "h", "d", "w", "min", "days",
            "hours",
        ];
        !self.quoted && unit.len() < self.lower.len() && known.contains(&unit)
    }

    /// Whether it is a number, a name with digits, dots or slashes in it, or quoted: a value by its looks.
    pub fn looks_like_a_value(&self) -> bool {
        self.quoted || self.raw.chars().any(|c| c.is_ascii_digit() || "./:@_".contains(c))
    }
}

/// The words of a text. Quoted parts are one word; `name=value` is two.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some((inner, after)) = quoted(rest) {
            tokens.push(Token::new(inner, true));
            rest = after.trim_start();
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        push_word(word, &mut tokens);
        if after.starts_with('\n')
            && let Some(last) = tokens.last_mut()
        {
            last.stop = true;
        }
        rest = after.trim_start();
    }
    tokens
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut chars = text.chars();
    let close = match chars.next()? {
        '"' => '"',
        '`' => '`',
        '\'' => '\'',
        '“' | '„' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    chars.as_str().split_once(close).filter(|(inner, _)| !inner.is_empty())
}

/// Whether this is a minus sign with a number, and nothing else but marks behind it.
fn is_below_zero(word: &str) -> bool {
    let number = word.strip_prefix('-').map(|number| number.trim_end_matches([',', ';', '.', ':', '!', '?', ')', ']', '}', '%']));
    number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn push_word(word: &str, tokens: &mut Vec<Token>) {
    let mut opened = word.trim_start_matches(['(', '[', '{', ',', ';', '<', '>', '-', '*']);
    // "-50": a number below zero is not the one above it.
    let minus = word.len() - opened.len();
    if opened.starts_with(|c: char| c.is_ascii_digit())
        && let Some(below) = minus.checked_sub(1).and_then(|at| word.get(at..)).filter(|below| is_below_zero(below))
    {
        opened = below;
    }
    let core = opened.trim_end_matches([',', ';', '.', ':', '!', '?', ')', ']', '}', '"', '\'']);
    let tail = opened.strip_prefix(core).unwrap_or_default();
    if core.is_empty() {
        // "pi01 - pi03", "pi01.lan ... pi03.lan": after a number such a mark counts on.
        let mark = match word {
            "-" => Some("-"),
            ".." | "..." => Some("…"),
            _ => None,
        };
        if let Some(mark) = mark
            && tokens.last().is_some_and(|last| last.raw.contains(|c: char| c.is_ascii_digit()) && !last.comma)
        {
            tokens.push(Token::new(mark, false));
            return;
        }
        if let Some(last) = tokens.last_mut() {
            last.comma |= word.contains(',');
            last.stop |= word.contains([';', '.']);
        }
        return;
    }
    let core = if matches!(core, "–" | "—") { "-" } else { core };
    let core = core.strip_suffix("'s").or_else(|| core.strip_suffix("’s")).unwrap_or(core);
    match core.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() && !name.contains("://") => {
            tokens.push(Token::new(name, false));
            tokens.push(Token { assigned: true, ..Token::new(value.trim_matches('"'), true) });
        }
        _ => tokens.push(Token::new(core, false)),
    }
    if let Some(last) = tokens.last_mut() {
        last.comma = tail.contains(',');
        last.stop = tail.contains([';', '.', '!', '?']);
    }
}

/// What is left of an English word when its ending is gone. Light: it serves matching, not grammar.
pub fn stem(word: &str) -> String {
    if !word.is_ascii() || word.len() < 4 || !word.bytes().all(|b| b.is_ascii_alphabetic()) {
        return word.to_owned();
    }
    let mut stem = word.to_owned();
    if let Some(base) = stem.strip_suffix("ies") {
        stem = format!("{base}y");
    } else if stem.ends_with("sses") || stem.ends_with("xes") || stem.ends_with("ches") || stem.ends_with("shes") {
        stem.truncate(stem.len() - 2);
    } else if stem.ends_with('s') && !stem.ends_with("ss") && !stem.ends_with("us") && !stem.ends_with("is") {
        stem.pop();
    }
    for ending in ["ing", "ed"] {
        let Some(base) = stem.strip_suffix(ending) else { continue };
        if base.len() >= 3 && base.bytes().any(|b| b"aeiouy".contains(&b)) {
            let mut letters = base.bytes().rev();
            let (last, before) = (letters.next(), letters.next());
            let doubled = last == before && !matches!(last, Some(b'l' | b's' | b'z'));
            stem = base.to_owned();
            if doubled {
                stem.pop();
            }
            break;
        }
    }
    // "note" is not "not", nor "theme" "them".
    if stem.len() > 3 && stem.ends_with('e') && !stem.strip_suffix('e').is_some_and(words::is_grammar) {
        stem.pop();
    }
    stem
}

/// The stems of the words of a name or phrase: `deploy_kuma`, `Kuma uptime`.
pub fn stems(phrase: &str) -> Vec<String> {
    phrase.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(|word| stem(&word.to_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_below_zero_is_not_the_one_above_it() {
        for (text, words) in [
            ("warn at -50 percent", &["warn", "at", "-50", "percent"][..]),
            ("on port (-8443), then", &["on", "port", "-8443", "then"]),
            ("-1", &["-1"]),
            ("- 5 -x --dry -5x", &["5", "x", "dry", "5x"]),
        ] {
            let found: Vec<String> = tokenize(text).into_iter().map(|token| token.raw).collect();
            assert_eq!(found, words, "{text}");
        }
    }

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (one, other) in [
            ("deploys", "deployed"),
            ("removing", "remove"),
            ("backups", "backup"),
            ("policies", "policy"),
            ("stopped", "stop"),
            ("named", "name"),
            ("installing", "install"),
            ("boxes", "box"),
        ] {
            assert_eq!(stem(one), stem(other), "{one} and {other}");
        }
    }

    #[test]
    fn quotes_commas_and_assignments_are_seen() {
        let tokens = tokenize("add \"my page\", port=3002 to nas.");
        let raw: Vec<&str> = tokens.iter().map(|token| token.raw.as_str()).collect();
        assert_eq!(raw, ["add", "my page", "port", "3002", "to", "nas"]);
        assert!(tokens[1].quoted && tokens[1].comma && tokens[5].stop);
    }

    #[test]
    fn an_address_stays_whole() {
        let tokens = tokenize("see http://nas:3001/a?b=1, ok");
        assert_eq!(tokens[1].raw, "http://nas:3001/a?b=1");
    }
}
