//! One parameter of an action, read for filling it from words: what it is called, and which values fit it.

use std::sync::{Arc, OnceLock};

use chiffon_plans::domain::assemble::parameters::is_host_schema;
use chiffon_plans::domain::assemble::validators::validator;
use chiffon_plans::domain::shared_types;
use chiffon_protocol::ActionSpec;
use jsonschema::Validator;
use serde_json::{Map, Value};

use super::tokens::{Token, stem, stems};

/// What values look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Names of the inventory.
    Host,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Yes or no.
    Boolean,
    /// One of a few words.
    Choice,
    /// Text.
    Text,
    /// Anything else.
    Other,
}

const UNITS: &[&str] =
    &["gb", "mb", "kb", "tb", "seconds", "minutes", "hours", "days", "weeks", "percent", "ms", "mbit", "megabytes", "gigabytes"];

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its schema, shared types in place.
    pub schema: Value,
    /// What it is called, as stems.
    pub phrases: Vec<Vec<String>>,
    /// The unit in its name: `retention_days`.
    pub unit: Option<String>,
    /// What its values, or its items, look like.
    pub kind: Kind,
    /// Whether it is a list.
    pub list: bool,
    /// Whether it must be given.
    pub required: bool,
    /// The type of output that it takes.
    pub accepts: Option<String>,
    fits: OnceLock<Option<Arc<Validator>>>,
}

impl Parameter {
    /// Reads a parameter of an action.
    pub fn new(spec: &ActionSpec, name: &str, schema: &Value) -> Self {
        let schema = shared_types::inlined(schema);
        let is_target = spec.target.as_ref().is_some_and(|target| target.parameter == name);
        let list = schema.get("type").and_then(Value::as_str) == Some("array");
        let element = if list { schema.get("items").unwrap_or(&Value::Null) } else { &schema };
        let kind = if is_target || is_host_schema(&schema) { Kind::Host } else { kind_of(element) };
        let (phrases, unit) = phrases(spec, name);
        Self {
            name: name.to_owned(),
            phrases,
            unit,
            kind,
            list,
            required: spec.required_parameters().contains(&name) && schema.get("default").is_none(),
            accepts: schema.get("accepts").and_then(Value::as_str).map(str::to_owned),
            fits: OnceLock::new(),
            schema,
        }
    }

    /// Whether a value is allowed.
    pub fn fits(&self, value: &Value) -> bool {
        self.fits.get_or_init(|| validator(&self.schema).ok()).as_ref().is_some_and(|validator| validator.is_valid(value))
    }

    /// Whether an item of a list, or a single value, is allowed.
    pub fn fits_item(&self, value: &Value) -> bool {
        if self.list { self.fits(&Value::Array(vec![value.clone()])) } else { self.fits(value) }
    }

    /// The schema of its values, or of its items.
    pub fn element(&self) -> &Value {
        if self.list { self.schema.get("items").unwrap_or(&Value::Null) } else { &self.schema }
    }

    /// The words of its enumeration.
    pub fn enumerated(&self) -> Vec<String> {
        let values = self.element().get("enum").and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Where it is named at `at`: how many words its name takes there.
    pub fn named_at(&self, tokens: &[Token], at: usize) -> Option<usize> {
        self.phrases
            .iter()
            .filter(|phrase| {
                phrase.iter().enumerate().all(|(offset, word)| {
                    tokens
                        .get(at + offset)
                        .is_some_and(|token| !token.quoted && (token.stem == *word || stem(&token.lower.replace(['_', '-'], "")) == *word))
                })
            })
            .map(Vec::len)
            .max()
            .or_else(|| (tokens.get(at)?.lower == self.name).then_some(1))
    }

    /// Where all words of its name stand at `at`, rather than an alias or a part of it: how many they are.
    pub fn is_named_in_full(&self, tokens: &[Token], at: usize) -> Option<usize> {
        let name = stems(&self.name);
        let said = tokens.get(at..at + name.len())?;
        let in_words = !name.is_empty() && said.iter().zip(&name).all(|(token, word)| !token.quoted && token.stem == *word);
        let as_written = tokens.get(at).is_some_and(|token| !token.quoted && token.lower == self.name);
        if in_words { Some(name.len()) } else { as_written.then_some(1) }
    }

    /// Whether any text will do, of several words, too.
    pub fn takes_any_text(&self) -> bool {
        self.kind == Kind::Text && !self.list && !self.is_distinctive() && self.fits(&Value::from("two words"))
    }

    /// The value that a word stands for, if it can be one of this parameter; not yet checked against limits.
    pub fn value_of(&self, token: &Token) -> Option<Value> {
        match self.kind {
            Kind::Integer => self.number(token).and_then(|text| text.parse::<i64>().ok()).map(Value::from),
            Kind::Number => self.number(token).and_then(|text| text.parse::<f64>().ok()).map(Value::from),
            Kind::Choice => self.enumerated().into_iter().find(|word| same_word(word, token)).map(Value::from),
            Kind::Text => Some(Value::from(token.raw.clone())),
            Kind::Boolean => match token.lower.as_str() {
                "true" | "yes" | "on" | "enabled" => Some(Value::Bool(true)),
                "false" | "no" | "off" | "disabled" => Some(Value::Bool(false)),
                _ => None,
            },
            Kind::Host => None,
            Kind::Other => self.object_from_address(token),
        }
    }

    /// Whether a word behind a number says that the number is this parameter's: its unit, or its name.
    pub fn is_counted_by(&self, next: &Token) -> bool {
        let own = self.unit.as_ref().is_some_and(|unit| stem(unit) == next.stem || unit.starts_with(&next.lower));
        own || self.named_at(std::slice::from_ref(next), 0).is_some()
    }

    /// The digits of a number, with or without a unit that is the parameter's.
    fn number<'a>(&self, token: &'a Token) -> Option<&'a str> {
        let end = token.lower.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(token.lower.len());
        let (digits, unit) = token.lower.split_at(end);
        let allowed =
            unit.is_empty() || self.unit.as_ref().is_some_and(|own| unit.chars().next().is_some_and(|first| own.starts_with(first)));
        (allowed && digits.chars().any(|c| c.is_ascii_digit())).then_some(digits)
    }

    /// An object made of an address, where the schema has a `url`: its name is the host's first part.
    fn object_from_address(&self, token: &Token) -> Option<Value> {
        let element = self.element();
        let properties = element.get("properties")?.as_object()?;
        let address = &token.raw;
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
        if !properties.contains_key("url") {
            return None;
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = host.split(':').next().unwrap_or(host);
        let mut object = Map::from_iter([("url".to_owned(), Value::from(address.as_str()))]);
        if properties.contains_key("name") {
            object.insert("name".to_owned(), Value::from(host.split('.').find(|part| *part != "www").unwrap_or(host)));
        }
        let value = Value::Object(object.clone());
        if self.fits_item(&value) {
            return Some(value);
        }
        object.insert("source".to_owned(), Value::from("request"));
        Some(Value::Object(object))
    }

    /// Whether its values are known by their form: addresses, and what has a format.
    pub fn has_form(&self) -> bool {
        self.kind == Kind::Other || self.element().get("format").is_some()
    }

    /// Whether its format or pattern is one that ordinary words don't match.
    pub fn is_distinctive(&self) -> bool {
        let element = self.element();
        element.get("format").is_some() || element.get("pattern").is_some()
    }
}

fn same_word(word: &str, token: &Token) -> bool {
    let plain = word.to_lowercase().replace(['_', '-'], "");
    token.lower.replace(['_', '-'], "") == plain || (!token.quoted && token.stem == stem(&plain))
}

fn kind_of(schema: &Value) -> Kind {
    let strings = |values: &Vec<Value>| values.iter().all(Value::is_string);
    if schema.get("enum").and_then(Value::as_array).is_some_and(strings) {
        return Kind::Choice;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        Some("string") => Kind::Text,
        _ => Kind::Other,
    }
}

fn phrases(spec: &ActionSpec, name: &str) -> (Vec<Vec<String>>, Option<String>) {
    let words: Vec<&str> = name.split(['_', '-']).filter(|word| !word.is_empty()).collect();
    let unit = words.last().filter(|last| words.len() > 1 && UNITS.contains(last)).map(|unit| (*unit).to_owned());
    let mut phrases = vec![stems(name)];
    if unit.is_some() {
        phrases.push(stems(&words[..words.len() - 1].join(" ")));
    } else if let (Some(last), true) = (words.last(), words.len() > 1) {
        phrases.push(stems(last));
    }
    if words.last() == Some(&"name") {
        phrases.extend([stems("called"), stems("named")]);
        if words.len() > 1 {
            phrases.push(stems(&words[..words.len() - 1].join(" ")));
        }
    }
    phrases.extend(spec.aliases.get(name).into_iter().flatten().map(|alias| stems(alias)));
    phrases.retain(|phrase| !phrase.is_empty());
    (phrases, unit)
}
