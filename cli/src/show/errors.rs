//! Errors of one answer, each told once: that of a request is often that of its task, and hosts that are off fail alike.

use serde_json::Value;

use super::text::{said, text};

/// Those that were told.
#[derive(Debug, Default)]
pub struct Errors {
    told: Vec<Told>,
}

#[derive(Debug)]
struct Told {
    message: String,
    /// Its words without the names of its hosts.
    words: Vec<String>,
    hosts: Vec<String>,
}

impl Errors {
    /// An error of what ran on these hosts, if there is one to tell: whole, or as the one that another host had.
    pub fn line(&mut self, error: &Value, hosts: &[String]) -> Option<String> {
        let code = text(&error["code"]);
        Some(match self.tell(&said(&error["message"])?, hosts)? {
            Tell::Whole(message) => format!("error {code}: {message} (`chiffon explain {code}`)"),
            Tell::Same(same) => format!("error {code}: {same}"),
        })
    }

    /// Why something failed on these hosts, in the same way.
    pub fn reason(&mut self, message: &str, hosts: &[String]) -> String {
        match self.tell(message, hosts) {
            Some(Tell::Whole(reason) | Tell::Same(reason)) => reason,
            None => "the same as above".to_owned(),
        }
    }

    fn tell(&mut self, message: &str, hosts: &[String]) -> Option<Tell> {
        let is_part = |told: &&Told| told.message.contains(message) || message.contains(told.message.as_str());
        if self.told.iter().find(is_part).is_some_and(|told| hosts.is_empty() || told.hosts == hosts) {
            return None;
        }
        let words = without(message, hosts);
        if let Some(told) = self.told.iter().find(|told| told.words == words && !told.hosts.is_empty()) {
            return Some(Tell::Same(format!("the same as on {}", told.hosts.join(", "))));
        }
        self.told.push(Told { message: message.to_owned(), words, hosts: hosts.to_vec() });
        Some(Tell::Whole(message.to_owned()))
    }

    /// The error of a request, before those of its tasks: it is that of the task whose words it has.
    pub fn first(&mut self, request: &Value) -> Option<String> {
        let line = self.line(&request["error"], &[])?;
        let told = self.told.last_mut()?;
        for task in request["tasks"].as_array().into_iter().flatten() {
            if let Some(words) = said(&task["error"]["message"]).filter(|words| told.message.contains(words)) {
                told.hosts = hosts_of(task);
                told.words = without(&words, &told.hosts);
                break;
            }
        }
        Some(line)
    }
}

/// What there is to tell of an error.
enum Tell {
    Whole(String),
    Same(String),
}

/// The hosts of a task or a step.
pub fn hosts_of(thing: &Value) -> Vec<String> {
    thing["hosts"].as_array().into_iter().flatten().map(text).collect()
}

fn without(message: &str, hosts: &[String]) -> Vec<String> {
    let is_between = |c: char| !(c.is_alphanumeric() || "-_.".contains(c));
    let words = message.split(is_between).map(|word| word.trim_matches('.'));
    words.map(|word| if hosts.iter().any(|host| host == word) { String::new() } else { word.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_that_hosts_have_alike_is_told_once() {
        let mut errors = Errors::default();
        let mut line = |message: &str, hosts: &[&str]| {
            errors.line(&json!({"code": 5503, "message": message}), &hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())
        };
        let off = |host: &str| format!("{host} can't be reached: refused. See that {host} is on; `ansible {host} -m ping` tries it");
        assert_eq!(line(&off("a"), &["a"]), Some(format!("error 5503: {} (`chiffon explain 5503`)", off("a"))));
        assert_eq!(line(&off("nas.lan"), &["nas.lan"]).as_deref(), Some("error 5503: the same as on a"));
        assert_eq!(line(&off("pi"), &["pi"]).as_deref(), Some("error 5503: the same as on a"));
        assert_eq!(line(&off("a"), &["a"]), None, "on the same host it was told");
        assert_eq!(line(&format!("step install: {}", off("a")), &[]), None, "a request's error is that of its task");
        let other = "pi can't be reached: no route to host";
        assert_eq!(line(other, &["pi"]), Some(format!("error 5503: {other} (`chiffon explain 5503`)")));
        assert_eq!(line("disk full", &["pi"]).as_deref(), Some("error 5503: disk full (`chiffon explain 5503`)"));
        assert_eq!(line("disk full", &["nas"]).as_deref(), Some("error 5503: the same as on pi"));
    }

    #[test]
    fn an_error_of_a_request_that_is_told_first_stands_for_those_of_its_tasks() {
        let off = |host: &str| json!({"code": 5503, "message": format!("{host} can't be reached")});
        let task = |host: &str| json!({"hosts": [host], "error": off(host)});
        let request = json!({"error": {"code": 5503, "message": "step one: a can't be reached"}, "tasks": [task("a"), task("b")]});
        let mut errors = Errors::default();
        assert_eq!(errors.first(&request).as_deref(), Some("error 5503: step one: a can't be reached (`chiffon explain 5503`)"));
        let mut told = |host: &str| errors.line(&off(host), &[host.to_owned()]);
        assert_eq!((told("a"), told("b").as_deref()), (None, Some("error 5503: the same as on a")));
    }
}
