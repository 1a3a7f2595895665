//! The form of a model's answer: its JSON Schema, and reading what came, fences and chatter around it included.

use chiffon_plans::domain::assemble::MOST_STEPS;
use chiffon_plans::domain::plan::{Draft, DraftStep};
use chiffon_protocol::{ErrorCode, Problem, Shown};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// No answer's text is longer.
const TEXT_CHARS: usize = 4_000;
const TITLE_CHARS: usize = 200;
const NOTE_CHARS: usize = 1_000;
const MOST_NOTES: usize = 20;
const NAME_CHARS: usize = 128;
/// The parameters of one step, as JSON.
const PARAMETERS_BYTES: usize = 64 * 1024;
/// An answer begins within so many bytes of chatter.
const CHATTER_BYTES: usize = 4096;

/// What the model comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A plan.
    Plan,
    /// A question to the person.
    Question,
    /// The catalogue has nothing for it.
    Impossible,
}

/// A model's answer. What else is in it is of no interest.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Answer {
    /// What it is.
    pub kind: Kind,
    /// For people: the plan in one sentence, the question, or why it is impossible and what could be asked instead.
    pub text: String,
    /// The steps of a plan; empty otherwise.
    #[serde(default, deserialize_with = "or_nothing")]
    pub steps: Vec<AnswerStep>,
    /// What the person should know: assumptions, words that were not used.
    #[serde(default, deserialize_with = "or_nothing")]
    pub notes: Vec<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct AnswerStep {
    /// Unique within the plan: lower-case letters, digits, `_` and `-`.
    pub step_id: String,
    /// What it does, with its host.
    #[serde(default, deserialize_with = "or_nothing")]
    pub title: String,
    /// A name of the catalogue.
    pub action: String,
    /// A JSON object as text: the parameters by the action's schema.
    #[serde(deserialize_with = "object_or_text")]
    #[schemars(with = "String")]
    pub parameters: Map<String, Value>,
    /// Step ids that must be completed first.
    #[serde(default, deserialize_with = "or_nothing")]
    pub depends_on: Vec<String>,
}

/// `null` is what models write for "none".
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Strict schemas allow no free objects, so parameters travel as text; servers without strictness send the object itself.
fn object_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    use serde::de::Error as _;
    match Value::deserialize(deserializer)? {
        Value::Object(members) => Ok(members),
        Value::Null => Ok(Map::new()),
        Value::String(text) if text.trim().is_empty() => Ok(Map::new()),
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|error| D::Error::custom(format!("`parameters` is not a JSON object: {error}")))
        }
        other => {
            let shown = other.to_string();
            Err(D::Error::custom(format!("`parameters` must be a JSON object, not {}", Shown::line(&shown).at_most(80))))
        }
    }
}

impl Answer {
    /// What can't be stored: texts that are longer than any plan needs, and NUL, which no database takes. They are named and not repeated.
    pub fn unstorable(&self) -> Vec<Problem> {
        let mut problems = self.too_long();
        let texts = self
            .notes
            .iter()
            .chain([&self.text])
            .chain(self.steps.iter().flat_map(|step| [&step.title, &step.step_id, &step.action].into_iter().chain(&step.depends_on)));
        let in_parameters = |step: &AnswerStep| step.parameters.iter().any(|(name, value)| name.contains('\0') || has_nul(value));
        if texts.into_iter().any(|text| text.contains('\0')) || self.steps.iter().any(in_parameters) {
            problems.push(Problem::new(ErrorCode::ModelAnswerInvalid, "a text in the answer holds the character NUL; leave it out"));
        }
        problems
    }

    fn too_long(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut most = |what: String, is: usize, most: usize, unit: &str| {
            if is > most {
                problems.push(Problem::new(ErrorCode::AnswerTooLong, format!("{what} has {is} {unit}; {most} are allowed")));
            }
        };
        most("`text`".to_owned(), self.text.chars().count(), TEXT_CHARS, "characters");
        most("`notes`".to_owned(), self.notes.len(), MOST_NOTES, "entries");
        most("`steps`".to_owned(), self.steps.len(), MOST_STEPS, "entries");
        for (number, note) in self.notes.iter().take(MOST_NOTES).enumerate() {
            most(format!("`notes[{number}]`"), note.chars().count(), NOTE_CHARS, "characters");
        }
        for (number, step) in self.steps.iter().take(MOST_STEPS).enumerate() {
            let of = |member: &str| format!("`steps[{number}].{member}`");
            most(of("title"), step.title.chars().count(), TITLE_CHARS, "characters");
            most(of("step_id"), step.step_id.chars().count(), NAME_CHARS, "characters");
            most(of("action"), step.action.chars().count(), NAME_CHARS, "characters");
            most(of("depends_on"), step.depends_on.len(), MOST_STEPS, "entries");
            most(of("depends_on"), step.depends_on.iter().map(String::len).sum(), MOST_STEPS * NAME_CHARS, "bytes");
            let bytes = serde_json::to_vec(&step.parameters).map_or(0, |json| json.len());
            most(of("parameters"), bytes, PARAMETERS_BYTES, "bytes");
        }
        problems
    }

    /// The steps as a draft.
    pub fn into_draft(self) -> Draft {
        let steps = self.steps.into_iter().map(|step| DraftStep {
            step_id: step.step_id,
            title: step.title,
            action: step.action,
            parameters: step.parameters,
            depends_on: step.depends_on,
        });
        Draft { summary: self.text, steps: steps.collect(), notes: self.notes }
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// The schema of an answer as strict providers want it: every member required, no others allowed.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Answer).to_value();
    make_strict(&mut schema);
    schema
}

fn make_strict(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for key in ["$schema", "default", "format"] {
                members.remove(key);
            }
            if let Some(properties) = members.get("properties").and_then(Value::as_object) {
                let names: Vec<Value> = properties.keys().map(|name| Value::from(name.as_str())).collect();
                members.insert("required".to_owned(), Value::Array(names));
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(make_strict);
        }
        Value::Array(items) => items.iter_mut().for_each(make_strict),
        _ => {}
    }
}

/// Reads an answer out of a text: the first JSON object in it that is one.
pub fn read(text: &str) -> Result<Answer, Problem> {
    let text = text.rsplit_once("</think>").map_or(text, |(_, after)| after);
    let mut first_error = None;
    for (at, _) in text.match_indices('{').take_while(|(at, _)| *at <= CHATTER_BYTES) {
        let Some(rest) = text.get(at..) else { continue };
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let error = match values.next() {
            Some(Ok(value)) => match serde_json::from_value::<Answer>(value) {
                Ok(answer) => return Ok(answer),
                Err(error) => error.to_string(),
            },
            Some(Err(error)) => error.to_string(),
            None => continue,
        };
        first_error.get_or_insert(error);
    }
    let reason = first_error.unwrap_or_else(|| "there is no JSON object in it".to_owned());
    let reason = Shown::line(&reason).at_most(300).to_string();
    Err(Problem::new(ErrorCode::ModelAnswerInvalid, format!("the answer does not have the form that was asked for: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_inside_fences_and_chatter() {
        let text = "<think>{hm}</think>Sure! Here {it} is:\n```json\n{\"kind\": \"plan\", \"text\": \"t\", \"steps\": [{\"step_id\": \"a\", \"action\": \"x\", \"parameters\": \"{\\\"port\\\": 1}\"}]}\n```\nAnything else?";
        let answer = read(text).unwrap();
        assert_eq!(answer.steps[0].parameters["port"], 1);
    }

    #[test]
    fn what_is_not_an_answer_says_why() {
        assert!(read("I would rather not.").unwrap_err().message.contains("no JSON object"));
        assert!(read("{\"kind\": \"poem\", \"text\": \"\"}").unwrap_err().message.contains("poem"));
    }

    #[test]
    fn what_was_not_asked_for_does_no_harm() {
        let text = r#"{"kind": "plan", "text": "t", "confidence": 0.9, "notes": null, "steps": [{"step_id": "a", "why": {"x": [1]}, "title": null,
            "action": "x", "parameters": {}, "depends_on": null}]}"#;
        assert_eq!(read(text).unwrap().steps[0].action, "x");
    }

    #[test]
    fn texts_that_are_too_long_are_named_and_not_repeated() {
        let mut answer = read(r#"{"kind": "plan", "text": "t", "steps": [{"step_id": "a", "action": "x", "parameters": {}}]}"#).unwrap();
        assert_eq!(answer.unstorable(), []);
        answer.notes = vec!["x".repeat(1_000_000)];
        answer.steps[0].title = "ä".repeat(300);
        let problems = answer.unstorable();
        assert!(problems.iter().all(|problem| problem.code == ErrorCode::AnswerTooLong && problem.message.len() < 100), "{problems:?}");
        assert_eq!(problems.len(), 2);
        assert!(read(&format!(r#"{{"kind": "{}", "text": ""}}"#, "x".repeat(1_000_000))).unwrap_err().message.len() < 500);
    }

    #[test]
    fn the_schema_is_strict_all_the_way_down() {
        fn check(schema: &Value) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                assert_eq!(schema["additionalProperties"], false);
                assert_eq!(schema["required"].as_array().unwrap().len(), properties.len());
            }
            match schema {
                Value::Object(members) => members.values().for_each(check),
                Value::Array(items) => items.iter().for_each(check),
                _ => {}
            }
        }
        check(&schema());
        assert!(schema().to_string().contains("step_id"));
    }
}
