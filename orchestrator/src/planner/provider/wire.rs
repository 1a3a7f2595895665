//! What comes back from `/chat/completions`, read leniently: compatible servers differ in everything that does not matter here.

use serde::Deserialize;
use serde_json::Value;

/// A whole answer, or one chunk of a streamed one.
#[derive(Debug, Default, Deserialize)]
pub struct Completion {
    /// The alternatives; the first counts.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// What it took.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// An error object inside a stream.
    #[serde(default)]
    pub error: Option<Value>,
}

/// One alternative.
#[derive(Debug, Default, Deserialize)]
pub struct Choice {
    /// The message of a whole answer.
    #[serde(default)]
    pub message: Option<Message>,
    /// The piece of a streamed one.
    #[serde(default)]
    pub delta: Option<Message>,
    /// Why it ended.
    #[serde(default)]
    pub finish_reason: Option<String>,
}

/// What the model said.
#[derive(Debug, Default, Deserialize)]
pub struct Message {
    /// A text, or a list of parts with texts.
    #[serde(default)]
    content: Value,
}

impl Message {
    /// The text.
    pub fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
            _ => String::new(),
        }
    }
}

/// Tokens, as the provider counts them.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Usage {
    /// Of the prompt.
    #[serde(default)]
    pub prompt_tokens: Option<f64>,
    /// Of the answer.
    #[serde(default)]
    pub completion_tokens: Option<f64>,
}
