//! Configuration in layers: embedded defaults < `/etc/chiffon/chiffon.toml` < `--config FILE` < `CHIFFON__SECTION__KEY` < flags.
//!
//! Unknown keys are errors that name the nearest known one. Every value remembers where it came from.
//! The known keys are exactly those of the embedded default file, so an undocumented key can't exist.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::{Dict, Tag, Value};
use serde::de::DeserializeOwned;

use crate::nearest::nearest;

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that nothing reads.
    #[error("unknown key `{key}` in {origin}{}", suggestion.as_ref().map(|known| format!("; did you mean `{known}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key with its sections.
        key: String,
        /// The file or variable it stands in.
        origin: String,
        /// The nearest known key.
        suggestion: Option<String>,
    },
    /// A value of a wrong type or form.
    #[error("{0}")]
    Value(String),
    /// The file named on the command line is not there.
    #[error("the configuration file {0} does not exist")]
    MissingFile(PathBuf),
}

/// One value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The key with its sections, joined by dots.
    pub key: String,
    /// The value as TOML would show it; secrets are hidden.
    pub value: String,
    /// `default`, a file's path, a variable's name or `command line`.
    pub source: String,
}

/// An environment variable's value, for the few that are no configuration (`HOME`, `CHIFFON_TOKEN`, a provider's key).
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The layers, before they are read into a type.
#[derive(Debug, Clone)]
pub struct Layers {
    figment: Figment,
    known: Vec<String>,
    /// Of these, the tables that are empty by default.
    open: Vec<String>,
}

/// The prefix of environment variables.
pub const ENV_PREFIX: &str = "CHIFFON__";
/// The machine-wide file.
pub const SYSTEM_FILE: &str = "/etc/chiffon/chiffon.toml";

impl Layers {
    /// The layers on top of `defaults` (TOML). `file` is the one named on the command line; it must exist.
    /// Under a key whose default is an empty table any name may stand (lists of tables count as one value anyway).
    pub fn new(defaults: &'static str, file: Option<&Path>) -> Result<Self, ConfigError> {
        let base = Figment::new().merge(Toml::string(defaults));
        let (known, open) = leaf_keys(&base)?;
        let mut figment = base;
        if Path::new(SYSTEM_FILE).is_file() {
            figment = figment.merge(Toml::file_exact(SYSTEM_FILE));
        }
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::MissingFile(file.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment
            .merge(Env::raw().only(&["DATABASE_URL"]).map(|_| "database.url".into()))
            .merge(Env::raw().only(&["AMQP_URL"]).map(|_| "bus.url".into()))
            .merge(Env::prefixed(ENV_PREFIX).split("__"));
        Ok(Self { figment, known, open })
    }

    /// A value from a flag of the command line; it wins over everything.
    #[must_use]
    pub fn with_flag(mut self, key: &str, value: impl serde::Serialize) -> Self {
        self.figment = self.figment.merge(Serialized::global(key, value));
        self
    }

    /// The whole configuration as a type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.refuse_unknown_keys()?;
        self.figment.extract().map_err(|error| ConfigError::Value(describe(&error)))
    }

    /// Each value with where it came from, in the order of the keys.
    pub fn origins(&self) -> Result<Vec<Origin>, ConfigError> {
        let mut origins = Vec::new();
        self.each_leaf(|key, value| {
            let text = if is_secret(key) && !is_empty(value) { "(hidden)".to_owned() } else { show(value) };
            origins.push(Origin { key: key.to_owned(), value: text, source: self.source(value.tag()) });
        })?;
        Ok(origins)
    }

    fn refuse_unknown_keys(&self) -> Result<(), ConfigError> {
        let mut unknown = None;
        self.each_leaf(|key, value| {
            if unknown.is_none() && !self.is_known(key) {
                unknown = Some(ConfigError::UnknownKey {
                    key: key.to_owned(),
                    origin: self.source(value.tag()),
                    suggestion: nearest(key, self.known.iter().map(String::as_str)).map(str::to_owned),
                });
            }
        })?;
        unknown.map_or(Ok(()), Err)
    }

    fn is_known(&self, key: &str) -> bool {
        let is_below = |table: &String| key.strip_prefix(table.as_str()).is_some_and(|rest| rest.starts_with('.'));
        self.known.iter().any(|known| known == key) || self.open.iter().any(is_below)
    }

    fn each_leaf(&self, mut visit: impl FnMut(&str, &Value)) -> Result<(), ConfigError> {
        let dict: Dict = self.figment.extract().map_err(|error| ConfigError::Value(describe(&error)))?;
        drop(dict);
        let value = self.figment.find_value("").map_err(|error| ConfigError::Value(describe(&error)))?;
        walk("", &value, &mut visit);
        Ok(())
    }

    fn source(&self, tag: Tag) -> String {
        let Some(metadata) = self.figment.get_metadata(tag) else { return "command line".to_owned() };
        match metadata.source.as_ref() {
            Some(figment::Source::File(path)) => path.display().to_string(),
            _ if metadata.name.contains("environment") => "environment".to_owned(),
            _ if metadata.name.contains("TOML") => "default".to_owned(),
            _ => "command line".to_owned(),
        }
    }
}

/// All keys, and those of empty tables.
fn leaf_keys(figment: &Figment) -> Result<(Vec<String>, Vec<String>), ConfigError> {
    let value = figment.find_value("").map_err(|error| ConfigError::Value(describe(&error)))?;
    let (mut keys, mut open) = (Vec::new(), Vec::new());
    walk("", &value, &mut |key, value| {
        keys.push(key.to_owned());
        open.extend(matches!(value, Value::Dict(..)).then(|| key.to_owned()));
    });
    Ok((keys, open))
}

fn walk(path: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Dict(_, members) if !members.is_empty() => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&path, member, visit);
            }
        }
        leaf => visit(path, leaf),
    }
}

/// What is wrong where, in words of settings instead of types.
fn describe(error: &figment::Error) -> String {
    let key = error.path.join(".");
    let of_environment = error.metadata.as_ref().is_some_and(|metadata| metadata.name.contains(ENV_PREFIX));
    let source = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref()).map(|source| match source {
        // A flag's source is the line of code that took it.
        figment::Source::Code(_) => "the command line".to_owned(),
        other => other.to_string(),
    });
    let place = match (key.is_empty(), source) {
        (false, _) if of_environment => format!("`{key}` ({}): ", variable_of(&key)),
        (false, Some(source)) => format!("`{key}` in {source}: "),
        (false, None) => format!("`{key}`: "),
        (true, Some(source)) => format!("{source}: "),
        (true, None) => String::new(),
    };
    let what = match &error.kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("{} can't be used; it takes {}", given(found), taken(expected))
        }
        Kind::UnknownVariant(found, known) => format!("`{found}` can't be used; it takes one of {}", known.join(", ")),
        Kind::MissingField(name) => format!("`{name}` is missing"),
        other => other.to_string(),
    };
    format!("{place}{what}")
}

/// The variable of the environment that sets a key.
fn variable_of(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

fn given(found: &Actual) -> String {
    match found {
        Actual::Str(text) => format!("\"{text}\""),
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(number) => number.to_string(),
        Actual::Signed(number) => number.to_string(),
        Actual::Float(number) => number.to_string(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

fn taken(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not below 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list, such as [\"one\", \"two\"]",
        "a map" => "a table",
        other => other.strip_prefix("struct ").map_or(other, |_| "a table"),
    }
}

fn is_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    // What says where a secret is, is none.
    if name.ends_with("_file") || name.ends_with("_env") {
        return false;
    }
    name == "url"
        || name == "postmortem_url"
        || name.contains("password")
        || name.contains("secret")
        || name == "token"
        || name == "api_key"
}

fn is_empty(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty)
}

fn show(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: &str = "[http]\nlisten = \"127.0.0.1:8080\"\n[bus]\nurl = \"\"\nprefetch = 8\n";

    fn layers(toml: &str) -> Layers {
        let folder = std::env::temp_dir().join(format!("chiffon-config-{}-{}", std::process::id(), toml.len()));
        std::fs::write(&folder, toml).expect("writes");
        let layers = Layers::new(DEFAULTS, Some(&folder)).expect("layers");
        layers.read::<serde_json::Value>().ok();
        layers
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = layers("[bus]\nprefetsch = 3\n").read::<serde_json::Value>().expect_err("refused");
        assert!(error.to_string().contains("unknown key `bus.prefetsch`"), "{error}");
        assert!(error.to_string().ends_with("did you mean `bus.prefetch`?"), "{error}");
    }

    #[test]
    fn under_an_empty_table_any_name_may_stand_and_nowhere_else() {
        let folder = std::env::temp_dir().join(format!("chiffon-config-open-{}", std::process::id()));
        std::fs::write(&folder, "[a.roles]\nops = \"x\"\n\"team.leads\" = \"y\"\n").expect("writes");
        let open = Layers::new("[a]\nroles = {}\n", Some(&folder)).expect("layers");
        let read = open.read::<serde_json::Value>().expect("any name");
        assert_eq!(read["a"]["roles"]["team.leads"], "y");
        let closed = Layers::new("[a]\nrole = 1\n", Some(&folder)).expect("layers").read::<serde_json::Value>();
        assert!(closed.expect_err("no such table").to_string().contains("unknown key `a.roles.ops`"));
        assert!(!is_secret("oidc.client_secret_file") && is_secret("oidc.client_secret"));
    }

    #[test]
    fn a_value_of_a_wrong_type_is_said_in_words_of_settings_with_what_it_takes() {
        #[derive(Debug, serde::Deserialize)]
        struct Read {
            #[expect(dead_code, reason = "only read")]
            bus: Bus,
        }
        #[derive(Debug, serde::Deserialize)]
        struct Bus {
            #[expect(dead_code, reason = "only read")]
            prefetch: u32,
        }
        for (given, said) in [("-1", "-1 can't"), ("\"many\"", "\"many\" can't"), ("[1]", "a list can't")] {
            let error = layers(&format!("[bus]\nprefetch = {given}\n")).read::<Read>().expect_err("refused").to_string();
            assert!(error.contains(said) && error.ends_with("it takes a whole number that is not below 0"), "{error}");
            assert!(error.contains("`bus.prefetch` in ") && !error.contains("u32"), "{error}");
        }
        let flag = layers("").with_flag("bus.prefetch", "many").read::<Read>().expect_err("refused").to_string();
        assert!(flag.contains("`bus.prefetch` in the command line: ") && !flag.contains(".rs"), "{flag}");
        assert_eq!(variable_of("http.max_connections"), "CHIFFON__HTTP__MAX_CONNECTIONS");
    }

    #[test]
    fn a_value_says_where_it_came_from_and_secrets_stay_hidden() {
        let origins = layers("[bus]\nurl = \"amqp://me:secret@host\"\n").origins().expect("origins");
        let url = origins.iter().find(|origin| origin.key == "bus.url").expect("there");
        assert_eq!(url.value, "(hidden)");
        assert!(url.source.contains("chiffon-config-"), "{}", url.source);
        let listen = origins.iter().find(|origin| origin.key == "http.listen").expect("there");
        assert_eq!((listen.value.as_str(), listen.source.as_str()), ("\"127.0.0.1:8080\"", "default"));
    }
}
