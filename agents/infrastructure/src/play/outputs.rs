//! What a play puts out by `set_stats`, told apart by host: Ansible itself keeps what the last host said.
//!
//! Where hosts differ, an output is an object with a value for each host. What Ansible sums up without loss (lists and numbers, with
//! `aggregate`) stays as it sums it up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The key that holds warnings for people; each host's are told.
const WARNINGS: &str = "chiffon_warnings";

/// What hosts have put out so far.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// By output, then by host.
    told: BTreeMap<String, BTreeMap<String, Value>>,
    /// Outputs that Ansible was asked to sum up.
    summed: BTreeSet<String>,
    /// What Ansible made of it in the end.
    all: Map<String, Value>,
    /// Outputs that are too long to be one, each with a sentence.
    too_long: BTreeMap<String, String>,
}

/// What a play has put out.
#[derive(Debug, Default)]
pub(super) struct PutOut {
    /// By name.
    pub(super) values: Map<String, Value>,
    /// Those that are an object with a value for each host.
    pub(super) by_host: BTreeSet<String>,
    /// What people should know.
    pub(super) warnings: Vec<String>,
    /// A sentence for each output that was too long to be one.
    pub(super) too_long: Vec<String>,
}

impl Outputs {
    /// A host's result, where it is one of `set_stats`.
    pub(super) fn result(&mut self, host: &str, result: &Value) {
        let Some(stats) = result.get("ansible_stats") else { return };
        let is_summed = stats.get("aggregate").and_then(Value::as_bool).unwrap_or(true);
        for (name, value) in stats.get("data").and_then(Value::as_object).into_iter().flatten() {
            if is_summed {
                self.summed.insert(name.clone());
            }
            if !self.too_long.contains_key(name) {
                self.told.entry(name.clone()).or_default().insert(host.to_owned(), value.clone());
            }
        }
    }

    /// The event of our own callback which says that an output is too long to be one: nobody has it.
    pub(super) fn too_long(&mut self, event: &Value) {
        let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or_default();
        let name = event.get("name").and_then(Value::as_str).unwrap_or_default();
        let sentence = format!(
            "the output `{name}` is too long and was left out for all hosts: {} bytes, and all outputs of all hosts have {} KiB; write it to a file on \
             the host, and put out its path",
            number("bytes"),
            number("most") / 1024
        );
        self.told.remove(name);
        self.too_long.insert(name.to_owned(), sentence);
    }

    /// The event with a play's statistics.
    pub(super) fn statistics(&mut self, event: &Value) {
        for (host, stats) in event.get("custom_stats").and_then(Value::as_object).into_iter().flatten() {
            for (name, value) in stats.as_object().into_iter().flatten() {
                self.told.entry(name.clone()).or_default().insert(host.clone(), value.clone());
            }
        }
        if let Some(all) = event.get("global_custom_stats").and_then(Value::as_object) {
            self.all.clone_from(all);
        }
    }

    /// Everything together.
    pub(super) fn finish(mut self) -> PutOut {
        let too_long = std::mem::take(&mut self.too_long).into_values().collect();
        let mut put_out = PutOut { warnings: self.warnings(), too_long, ..PutOut::default() };
        for (name, of_hosts) in std::mem::take(&mut self.told) {
            let is_lossless = self.summed.contains(&name) && self.all.get(&name).is_some_and(|all| all.is_array() || all.is_number());
            let mut values = of_hosts.values();
            let first = values.next();
            if is_lossless || (of_hosts.len() == 1 && self.all.contains_key(&name)) {
                continue;
            }
            if let Some(same) = first.filter(|first| values.all(|value| value == *first)) {
                put_out.values.insert(name, same.clone());
            } else {
                put_out.values.insert(name.clone(), Value::Object(of_hosts.into_iter().collect()));
                put_out.by_host.insert(name);
            }
        }
        for (name, value) in self.all {
            put_out.values.entry(name).or_insert(value);
        }
        put_out
    }

    fn warnings(&mut self) -> Vec<String> {
        let (all, told) = (self.all.remove(WARNINGS), self.told.remove(WARNINGS).unwrap_or_default());
        let mut texts: Vec<String> = Vec::new();
        for value in told.into_values().chain(all) {
            let said = match value {
                Value::Array(items) => items,
                Value::Null => Vec::new(),
                one => vec![one],
            };
            for text in said.iter().map(super::result_text::as_text) {
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
        texts
    }
}

impl PutOut {
    /// The outputs as each host has them; one map where no output differs.
    pub(super) fn of_each_host(&self) -> Vec<(Option<&str>, Map<String, Value>)> {
        let objects = || self.by_host.iter().filter_map(|name| Some((name, self.values.get(name)?.as_object()?)));
        let hosts: BTreeSet<&str> = objects().flat_map(|(_, values)| values.keys().map(String::as_str)).collect();
        if hosts.is_empty() {
            return vec![(None, self.values.clone())];
        }
        let of_host = |host: &str| {
            let mut values = self.values.clone();
            for (name, of_hosts) in objects() {
                match of_hosts.get(host) {
                    Some(value) => values.insert(name.clone(), value.clone()),
                    None => values.remove(name),
                };
            }
            values
        };
        hosts.into_iter().map(|host| (Some(host), of_host(host))).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put_out(results: &[(&str, Value)], all: &Value) -> PutOut {
        let mut outputs = Outputs::default();
        for (host, stats) in results {
            outputs.result(host, &json!({"ansible_stats": stats}));
        }
        outputs.statistics(&json!({"custom_stats": {}, "global_custom_stats": all}));
        outputs.finish()
    }

    #[test]
    fn what_hosts_put_out_differently_is_told_by_host_and_the_same_once() {
        let of = |url: &str| json!({"aggregate": false, "data": {"url": url, "port": 80, "chiffon_warnings": [url]}});
        let found = put_out(&[("nas", of("a")), ("pi", of("b"))], &json!({"url": "b", "port": 80, "chiffon_warnings": ["b"]}));
        assert_eq!(Value::Object(found.values.clone()), json!({"url": {"nas": "a", "pi": "b"}, "port": 80}));
        assert_eq!(found.warnings, ["a", "b"], "no host's warning is lost");
        let each = found.of_each_host();
        assert_eq!(each.len(), 2);
        assert_eq!((each[0].0, &each[0].1["url"]), (Some("nas"), &json!("a")));
    }

    #[test]
    fn lists_and_numbers_that_ansible_sums_up_stay_summed_up() {
        let of = |name: &str| json!({"aggregate": true, "data": {"names": [name], "count": 1, "word": name}});
        let found = put_out(&[("nas", of("a")), ("pi", of("b"))], &json!({"names": ["a", "b"], "count": 2, "word": "ab"}));
        assert_eq!(Value::Object(found.values), json!({"names": ["a", "b"], "count": 2, "word": {"nas": "a", "pi": "b"}}));
    }

    #[test]
    fn one_host_and_an_unknown_format_are_taken_as_ansible_tells_them() {
        let one = json!({"aggregate": true, "data": {"word": "b"}});
        let found = put_out(&[("nas", one)], &json!({"word": "ab", "other": 1}));
        assert_eq!(Value::Object(found.values), json!({"word": "ab", "other": 1}));
        assert!(found.by_host.is_empty());
    }
}
