//! The catalogue as something to search: BM25 over what each action says about itself, built once per catalogue.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_process::nearest::edits;
use chiffon_protocol::ActionSpec;
use chiffon_protocol::action::Risk;

use super::parameter::Parameter;
use super::saying::Saying;
use super::tokens::{Token, stem, stems, tokenize};
use super::verbs::{self, Wish};
use super::{example, words};

/// Term saturation and length normalisation of BM25; descriptions differ in length without meaning anything by it.
const K1: f64 = 1.2;
const B: f64 = 0.3;

/// Words in the names of switches that reach further than the action does without them.
const WIDENING: &[&str] = &[
    "destructive",
    "volumes",
    "volume",
    "force",
    "forced",
    "all",
    "data",
    "purge",
    "wipe",
    "delete",
    "remove",
    "destroy",
    "erase",
    "drop",
    "prune",
    "overwrite",
    "everything",
    "recursive",
    "hard",
    "reset",
    "format",
    "unsafe",
    "ignore",
    "insecure",
    "public",
    "anyone",
    "everybody",
    "root",
    "sudo",
];

/// One action, read for searching.
#[derive(Debug)]
pub struct Entry {
    /// What its action.yml says.
    pub spec: ActionSpec,
    /// Its parameters, read for filling.
    pub parameters: Vec<Parameter>,
    /// Nouns of its name, title and aliases: what it is about.
    pub core: BTreeSet<String>,
    /// Other nouns of its examples and enumerations.
    pub hinted: BTreeSet<String>,
    /// All its words.
    pub vocabulary: BTreeSet<String>,
    /// The verbs it uses for itself.
    pub own_verbs: BTreeSet<String>,
    /// The words of each example.
    pub examples: Vec<BTreeSet<String>>,
    /// Each example as it is said.
    pub sayings: Vec<Saying>,
    /// What those verbs want.
    pub wishes: BTreeSet<Wish>,
    /// Words that stand in its examples where a host would, and nowhere else in what it says: stems.
    pub example_hosts: BTreeSet<String>,
    length: f64,
}

/// The searchable catalogue.
#[derive(Debug)]
pub struct Index {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    postings: HashMap<String, Vec<(usize, f64)>>,
    average_length: f64,
    verbs: BTreeSet<String>,
}

impl Index {
    /// Reads a catalogue.
    pub fn new(catalogue: &Catalogue) -> Self {
        let mut index =
            Self { entries: Vec::new(), by_name: HashMap::new(), postings: HashMap::new(), average_length: 1.0, verbs: BTreeSet::new() };
        for action in catalogue.iter() {
            let number = index.entries.len();
            let weights = weights(&action.spec);
            let entry = Entry::new(&action.spec, weights.values().sum(), weights.keys().cloned().collect());
            index.by_name.insert(action.spec.name.clone(), number);
            index.entries.push(entry);
            for (term, weight) in weights {
                index.postings.entry(term).or_default().push((number, weight));
            }
        }
        index.entries.iter_mut().for_each(Entry::forget_hosts);
        let count = f64::from(u32::try_from(index.entries.len()).unwrap_or(u32::MAX)).max(1.0);
        index.verbs = index.entries.iter().flat_map(|entry| entry.own_verbs.iter().cloned()).collect();
        index.average_length = index.entries.iter().map(|entry| entry.length).sum::<f64>().max(1.0) / count;
        index
    }

    /// The entry of an action.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|number| &self.entries[*number])
    }

    /// Whether some action uses this word as its verb.
    pub fn is_verb(&self, word: &str) -> bool {
        self.verbs.contains(word)
    }

    /// All entries, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The word of the catalogue that a word stands for: itself, or the one it was mistyped from.
    pub fn known_word(&self, word: &str) -> Option<String> {
        if self.postings.contains_key(word) {
            return Some(word.to_owned());
        }
        let mistypable = word.len() >= 5 && word.bytes().all(|b| b.is_ascii_alphabetic());
        mistypable.then(|| {
            self.postings
                .keys()
                .filter(|known| known.len().abs_diff(word.len()) <= 1 && known.chars().next() == word.chars().next())
                .filter(|known| edits(known, word) == 1)
                .min()
                .cloned()
        })?
    }

    /// The actions that a sentence's words point to, best first, with their scores.
    pub fn search(&self, words: &[String], most: usize) -> Vec<(&Entry, f64)> {
        let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
        let documents = f64::from(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        for word in words.iter().collect::<BTreeSet<_>>() {
            let Some(postings) = self.postings.get(word) else { continue };
            let holding = f64::from(u32::try_from(postings.len()).unwrap_or(u32::MAX));
            let idf = (1.0 + (documents - holding + 0.5) / (holding + 0.5)).ln();
            for (number, weight) in postings {
                let norm = 1.0 - B + B * self.entries[*number].length / self.average_length;
                *scores.entry(*number).or_default() += idf * weight * (K1 + 1.0) / (weight + K1 * norm);
            }
        }
        let mut ranked: Vec<(&Entry, f64)> = scores.into_iter().map(|(number, score)| (&self.entries[number], score)).collect();
        ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.spec.name.cmp(&other.0.spec.name)));
        ranked.truncate(most);
        ranked
    }
}

impl Entry {
    fn new(spec: &ActionSpec, length: f64, vocabulary: BTreeSet<String>) -> Self {
        let parameters: Vec<Parameter> = spec.parameter_schemas().map(|(name, schema)| Parameter::new(spec, name, schema)).collect();
        let (mut own_verbs, mut wishes) = (BTreeSet::new(), BTreeSet::new());
        let mut sayings = vec![spec.title.clone()];
        let name = spec.name.replace('_', " ");
        let name_verb = stems(&name).into_iter().next().unwrap_or_default();
        if !verbs::wishes_of_stem(&name_verb).is_empty() || stems(&spec.title).first() == Some(&name_verb) {
            sayings.push(name);
        }
        sayings.extend(spec.examples.iter().cloned());
        for saying in &sayings {
            let tokens = tokenize(saying);
            let tokens = match verbs::leading(&tokens) {
                (_, 0) => &tokens[..],
                (last, _) => &tokens[last..],
            };
            let polite = |token: &&Token| matches!(token.lower.as_str(), "please" | "also" | "can" | "could" | "you");
            let light = |token: &Token| token.lower == "make" && *saying != spec.title;
            if let Some(verb) = tokens.iter().find(|token| !polite(token)).filter(|verb| !words::is_silent(verb) && !light(verb)) {
                own_verbs.insert(verb.stem.clone());
            }
            wishes.extend(verbs::wishes(tokens).0.into_iter().next().unwrap_or_default());
        }
        let noun = |word: &String| verbs::wishes_of_stem(word).is_empty() && !is_plain(word);
        let names = stems(&spec.name).into_iter().chain(stems(&spec.title));
        let mut core: BTreeSet<String> = names.filter(noun).collect();
        let of_parameter = |key: &str| spec.parameter_schemas().any(|(name, _)| name == key);
        for (key, phrases) in spec.aliases.iter().filter(|(key, _)| !of_parameter(key)) {
            if !verbs::wishes_of_stem(&stem(key)).is_empty() || own_verbs.contains(&stem(key)) {
                let said: Vec<Vec<Token>> = phrases.iter().map(|phrase| tokenize(phrase)).collect();
                let single = said.iter().filter_map(|tokens| {
                    let mut spoken = tokens.iter().filter(|token| !words::is_silent(token));
                    spoken.next().filter(|_| spoken.next().is_none())
                });
                own_verbs.extend(single.map(|token| token.stem.clone()));
                wishes.extend(said.iter().flat_map(|tokens| verbs::wishes_at(tokens, 0).0));
                continue;
            }
            core.extend(stems(key).into_iter().chain(phrases.iter().flat_map(|phrase| stems(phrase))).filter(noun));
        }
        let examples = spec.examples.iter().flat_map(|example| example_words(example));
        let values = parameters.iter().flat_map(Parameter::enumerated).flat_map(|value| stems(&value));
        let hinted = examples.chain(values).filter(noun).filter(|word| !core.contains(word)).collect();
        let examples = spec.examples.iter().map(|example| example_words(example).into_iter().collect()).collect();
        let sayings = spec.examples.iter().map(|example| Saying::new(&tokenize(example), &core)).collect();
        Self {
            spec: spec.clone(),
            parameters,
            core,
            hinted,
            vocabulary,
            own_verbs,
            examples,
            sayings,
            wishes,
            example_hosts: BTreeSet::new(),
            length,
        }
    }

    /// The hosts of its examples explain nothing in a sentence: who says `nas` where there is none is not understood because an example
    /// says it.
    fn forget_hosts(&mut self) {
        let places: BTreeSet<String> = self.spec.examples.iter().flat_map(|text| example::places(text)).collect();
        let own: BTreeSet<String> = weights(&ActionSpec { examples: Vec::new(), ..self.spec.clone() }).into_keys().collect();
        let said_otherwise = |word: &String| own.contains(word) || self.core.contains(word) || self.own_verbs.contains(word);
        let forgotten: BTreeSet<String> = places.into_iter().filter(|word| !said_otherwise(word)).collect();
        self.vocabulary.retain(|word| !forgotten.contains(word));
        self.example_hosts = forgotten;
    }

    /// Whether a switch makes the harm of this action larger, so that only words that ask for it set it.
    pub fn widens(&self, parameter: &Parameter) -> bool {
        let harsh = |word: &str| WIDENING.contains(&word);
        self.spec.is_risk_bearing(&parameter.name) || self.spec.risk == Risk::Destructive || parameter.name.split(['_', '-']).any(harsh)
    }

    /// Whether a sentence is one of its examples, said exactly.
    pub fn is_said_by(&self, tokens: &[Token], is_host: impl Fn(usize) -> bool) -> bool {
        self.sayings.iter().any(|saying| saying.is_said_by(tokens, &is_host))
    }

    /// The parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// How much a sentence's words are those of one of its examples, 0 to 1.
    pub fn likeness(&self, words: &BTreeSet<String>) -> f64 {
        let count = |words: usize| f64::from(u32::try_from(words).unwrap_or(u32::MAX));
        let likeness =
            |example: &BTreeSet<String>| count(example.intersection(words).count()) / count(example.union(words).count()).max(1.0);
        self.examples.iter().map(likeness).fold(0.0, f64::max)
    }

    /// The name of the parameter that says where it runs.
    pub fn target(&self) -> Option<&str> {
        self.spec.target.as_ref().map(|target| target.parameter.as_str())
    }
}

/// Whether a stem is of a word that says nothing, or names only the kind of a thing.
fn is_plain(word: &str) -> bool {
    let token = Token { raw: word.to_owned(), lower: word.to_owned(), stem: word.to_owned(), ..Token::default() };
    words::is_silent(&token) || words::is_generic(&token) || word.chars().any(|c| c.is_ascii_digit())
}

/// The words of an example, without its values (addresses, numbers, versions).
fn example_words(example: &str) -> Vec<String> {
    tokenize(example).into_iter().filter(|token| !token.looks_like_a_value()).flat_map(|token| stems(&token.lower)).collect()
}

/// How much each word says about an action, by where it stands.
fn weights(spec: &ActionSpec) -> HashMap<String, f64> {
    let mut weights: HashMap<String, f64> = HashMap::new();
    let mut add = |words: Vec<String>, weight: f64| {
        for word in words {
            *weights.entry(word).or_default() += weight;
        }
    };
    add(stems(&spec.name), 3.0);
    add(stems(&spec.title), 2.0);
    add(stems(&spec.description), 0.6);
    for example in &spec.examples {
        add(example_words(example), 1.0);
    }
    for (key, phrases) in &spec.aliases {
        let weight = if spec.parameter_schemas().any(|(name, _)| name == key) { 0.5 } else { 2.0 };
        add(stems(key), weight);
        for phrase in phrases {
            add(stems(phrase), weight);
        }
    }
    for (name, schema) in spec.parameter_schemas() {
        add(stems(name), 0.7);
        add(stems(schema.get("description").and_then(serde_json::Value::as_str).unwrap_or_default()), 0.3);
        for value in schema.get("enum").and_then(serde_json::Value::as_array).into_iter().flatten() {
            add(stems(value.as_str().unwrap_or_default()), 1.0);
        }
    }
    weights.retain(|word, _| !is_plain(word) || words::is_generic(&word_token(word)));
    weights
}

fn word_token(word: &str) -> Token {
    Token { raw: word.to_owned(), lower: word.to_owned(), stem: stem(word), ..Token::default() }
}
