//! What a password is: text in one form (Unicode's NFC), and what a new one must be. It is never shown.
//!
//! Lengths and a list of common ones in place of rules about kinds of characters, as NIST SP 800-63B says (section 3.1.1.2). The form is that
//! of RFC 8265 (OpaqueString), so that two keyboards which compose a letter differently type one password.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;

/// Characters that a new one has at least.
pub const LEAST_CHARS: usize = 8;
/// Characters that any has at most: whoever sends more is not let into the hash.
pub const MOST_CHARS: usize = 1024;
/// Of so few different characters none is made.
const LEAST_DIFFERENT: usize = 4;
/// A name of fewer characters stands in many a good password by chance.
const LEAST_NAME_CHARS: usize = 3;

/// Those that are tried first, in small letters, without what people put behind them.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password as it is hashed.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    /// What somebody has typed; `None` where it is longer than any may be.
    pub fn new(typed: &SecretString) -> Option<Self> {
        let typed = typed.expose_secret();
        let fits = typed.chars().take(MOST_CHARS + 1).count() <= MOST_CHARS;
        fits.then(|| Self(typed.nfc().collect::<String>().into()))
    }

    /// What is hashed.
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// Why somebody of this name can't have it as a new one, to go on after "the password".
    pub fn check(&self, name: &str) -> Result<(), String> {
        let text = self.0.expose_secret();
        if text.chars().count() < LEAST_CHARS {
            return Err(format!("is shorter than {LEAST_CHARS} characters; some words in a row are long and easy to remember"));
        }
        if text.chars().any(char::is_control) {
            return Err("holds a control character, which not every keyboard types; leave it out".to_owned());
        }
        let plain = text.to_lowercase();
        if plain.chars().collect::<BTreeSet<_>>().len() < LEAST_DIFFERENT {
            return Err("has too few different characters; take another".to_owned());
        }
        let name = name.to_lowercase();
        let rest = plain.replace(&name, "");
        if name.chars().count() >= LEAST_NAME_CHARS && rest.chars().count() < LEAST_DIFFERENT {
            return Err("is little more than the name; take another".to_owned());
        }
        // What people put behind a word (`Password2026!`) is put there by whoever guesses, too.
        let stem = plain.trim_end_matches(|letter: char| !letter.is_alphabetic());
        if common().contains(plain.as_str()) || common().contains(stem) {
            return Err("is one of those that are tried first; take another".to_owned());
        }
        Ok(())
    }
}

fn common() -> &'static BTreeSet<&'static str> {
    static KNOWN: OnceLock<BTreeSet<&str>> = OnceLock::new();
    KNOWN.get_or_init(|| COMMON.lines().filter(|line| !line.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Password {
        Password::new(&text.into()).expect("it is not too long")
    }

    #[test]
    fn a_new_one_is_long_enough_and_none_that_is_guessed_first() {
        for good in ["trombone under glass", "Größenwahn7", "пароль-на-море", "aB3$xY9k", "annihilate the lamp"] {
            assert_eq!(typed(good).check("ann"), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("seven77", "shorter than 8"),
            ("", "shorter than 8"),
            ("password", "tried first"),
            ("Password2026!", "tried first"),
            ("QWERTYUIOP", "tried first"),
            ("chiffon-1", "tried first"),
            ("annann12", "little more than the name"),
            ("ababababab", "too few different"),
            ("a lamp\u{7}light", "control character"),
        ] {
            let refused = typed(bad).check("ann").expect_err(bad);
            assert!(refused.contains(why), "{bad}: {refused}");
        }
    }

    #[test]
    fn one_password_on_two_keyboards_is_one() {
        assert_eq!(typed("Gr\u{f6}\u{df}enwahn").bytes(), typed("Gro\u{308}\u{df}enwahn").bytes());
        assert_ne!(typed("fine").bytes(), typed("\u{fb01}ne").bytes(), "what looks alike is not the same");
    }

    #[test]
    fn what_is_longer_than_any_is_not_even_looked_at() {
        assert!(Password::new(&"ö".repeat(MOST_CHARS).into()).is_some());
        assert!(Password::new(&"ö".repeat(MOST_CHARS + 1).into()).is_none());
    }
}
