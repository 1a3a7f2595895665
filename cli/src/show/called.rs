//! Chiffon's own commands as they are told to people: with the flags that led here, so that they can be typed as they stand.

use std::fmt;
use std::sync::OnceLock;

use crate::args::Global;

/// The program's name with these flags, where a command is told: `{CHIFFON} approve bc6173fd`.
pub const CHIFFON: Called = Called;

static FLAGS: OnceLock<String> = OnceLock::new();

/// See [`CHIFFON`].
#[derive(Debug, Clone, Copy)]
pub struct Called;

impl fmt::Display for Called {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "chiffon{}", FLAGS.get().map_or("", String::as_str))
    }
}

/// Keeps the flags of this call. What the environment says, the next command hears, too.
pub fn remember(global: &Global) {
    FLAGS.set(flags(global, chiffon_process::config::variable)).ok();
}

fn flags(global: &Global, variable: impl Fn(&str) -> Option<String>) -> String {
    let data_dir = global.data_dir.as_ref().map(|path| path.display().to_string());
    let said = [("--url", "CHIFFON_URL", global.url.clone()), ("--data-dir", "CHIFFON_DATA_DIR", data_dir)];
    let said =
        said.into_iter().filter_map(|(flag, name, value)| Some((flag, value.filter(|value| variable(name).as_ref() != Some(value))?)));
    let words = said.flat_map(|(flag, value)| [flag.to_owned(), shlex::try_quote(&value).unwrap_or_default().into_owned()]);
    words.fold(String::new(), |flags, word| flags + " " + &word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_this_call_are_part_of_the_next_one_unless_the_environment_says_the_same() {
        let global = |url: Option<&str>, data_dir: &str| Global {
            output: crate::args::Output::Text,
            url: url.map(str::to_owned),
            data_dir: Some(data_dir.into()),
            config: None,
        };
        let environment = |name: &str| (name == "CHIFFON_DATA_DIR").then(|| "/srv/chiffon".to_owned());
        assert_eq!(flags(&global(None, "/srv/chiffon"), environment), "");
        assert_eq!(flags(&global(Some("http://nas:8080"), "/my data"), environment), " --url http://nas:8080 --data-dir '/my data'");
        assert_eq!(CHIFFON.to_string(), "chiffon");
    }
}
