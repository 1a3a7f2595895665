//! What comes back from `/chat/completions`, read leniently: compatible servers differ in everything that does not matter here.
//!
//! One answer or a stream of events, asked for or not; the text, or what a tool is called with; a refusal; the usage in numbers or in
//! words. Reading never fails on what is only missing, and never panics.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a server said, whole or in pieces.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// The text of the first alternative.
    pub text: String,
    /// What a tool would be called with: some models answer a schema in this way.
    pub called_with: String,
    /// The words of a refusal.
    pub refusal: String,
    /// Why it ended; `None` where a stream broke off.
    pub ended: Option<String>,
    /// Whether there was an alternative at all.
    pub answered: bool,
    /// The words of an error inside an answer.
    pub error: Option<String>,
    /// What it took.
    pub usage: Option<Usage>,
}

/// Tokens, as the provider counts them; whatever it says is a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Of the prompt.
    pub prompt_tokens: Option<f64>,
    /// Of the answer.
    pub completion_tokens: Option<f64>,
}

/// Whether a body is a stream of events, whatever was asked for.
pub fn is_event_stream(content_type: Option<&str>, body: &[u8]) -> bool {
    let begins = |with: &str| body.trim_ascii_start().starts_with(with.as_bytes());
    content_type.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
        || ["data:", "event:", "id:", "retry:", ": "].into_iter().any(begins)
}

impl Heard {
    /// One JSON object.
    pub fn whole(body: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if !value.is_object() {
            return Err("it is not a JSON object".to_owned());
        }
        let mut heard = Self::default();
        heard.take(&value);
        heard.ended.get_or_insert_default();
        Ok(heard.without_nul())
    }

    /// No database stores NUL in a text.
    fn without_nul(mut self) -> Self {
        for text in [&mut self.text, &mut self.called_with, &mut self.refusal] {
            if text.contains('\0') {
                *text = text.replace('\0', "\u{fffd}");
            }
        }
        self
    }

    /// Server-sent events, up to `[DONE]`. No event may be longer than this.
    pub fn events(body: &[u8], longest_event_bytes: usize) -> Result<Self, String> {
        let (mut heard, mut data) = (Self::default(), Vec::new());
        for line in body.split(|byte| *byte == b'\n').chain(std::iter::once(b"".as_slice())) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(piece) = line.strip_prefix(b"data:") {
                data.extend_from_slice(piece.strip_prefix(b" ").unwrap_or(piece));
                continue;
            }
            if !line.is_empty() || data.is_empty() {
                continue;
            }
            if data.trim_ascii() == b"[DONE]" {
                heard.ended.get_or_insert_default();
                break;
            }
            if data.len() > longest_event_bytes {
                return Err(format!("an event is longer than {longest_event_bytes} bytes"));
            }
            let value: Value = serde_json::from_slice(&data).map_err(|error| format!("an event is not JSON: {error}"))?;
            heard.take(&value);
            data.clear();
        }
        Ok(heard.without_nul())
    }

    /// Adds an answer, or a piece of one.
    fn take(&mut self, value: &Value) {
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            self.error = Some(words(error));
        }
        if let Some(usage) = value.get("usage").and_then(usage) {
            self.usage = Some(usage);
        }
        let Some(choice) = value.get("choices").and_then(|choices| choices.get(0)) else { return };
        self.answered = true;
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.ended = Some(reason.to_owned());
        }
        let Some(message) = ["message", "delta"].into_iter().find_map(|name| choice.get(name)).filter(|message| message.is_object()) else {
            self.text.push_str(choice.get("text").and_then(Value::as_str).unwrap_or_default());
            return;
        };
        self.refusal.push_str(message.get("refusal").and_then(Value::as_str).unwrap_or_default());
        match message.get("content") {
            Some(Value::String(text)) => self.text.push_str(text),
            Some(Value::Array(parts)) => parts.iter().for_each(|part| self.part(part)),
            _ => {}
        }
        let called = message.pointer("/tool_calls/0/function").or_else(|| message.get("function_call"));
        match called.and_then(|function| function.get("arguments")) {
            Some(Value::String(arguments)) => self.called_with.push_str(arguments),
            Some(arguments @ Value::Object(_)) => self.called_with.push_str(&arguments.to_string()),
            _ => {}
        }
    }

    fn part(&mut self, part: &Value) {
        match (part.get("text"), part.get("refusal")) {
            (Some(Value::String(text)), _) => self.text.push_str(text),
            (_, Some(Value::String(words))) => self.refusal.push_str(words),
            _ => self.text.push_str(part.as_str().unwrap_or_default()),
        }
    }
}

/// The message inside an error, whatever its shape.
pub fn words(error: &Value) -> String {
    let message = ["message", "detail", "error"].into_iter().find_map(|name| error.get(name)).unwrap_or(error);
    message.as_str().map_or_else(|| message.to_string(), str::to_owned)
}

fn usage(value: &Value) -> Option<Usage> {
    if let Value::String(text) = value {
        return usage(&serde_json::from_str::<Value>(text).ok().filter(Value::is_object)?);
    }
    let count = |names: [&str; 2]| names.into_iter().find_map(|name| number(value.get(name)?));
    let usage =
        Usage { prompt_tokens: count(["prompt_tokens", "input_tokens"]), completion_tokens: count(["completion_tokens", "output_tokens"]) };
    (usage != Usage::default()).then_some(usage)
}

fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn heard(message: &Value) -> Heard {
        Heard::whole(json!({"choices": [{"message": message}]}).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_text_is_found_wherever_servers_put_it() {
        assert_eq!(heard(&json!({"content": "hi"})).text, "hi");
        assert_eq!(heard(&json!({"content": [{"type": "text", "text": "h"}, {"text": "i"}, 7]})).text, "hi");
        assert_eq!(heard(&json!({"content": null, "tool_calls": [{"function": {"arguments": "{}"}}]})).called_with, "{}");
        assert_eq!(heard(&json!({"function_call": {"arguments": {"a": 1}}})).called_with, r#"{"a":1}"#);
        assert_eq!(heard(&json!({"content": null, "refusal": "no"})).refusal, "no");
        assert_eq!(Heard::whole(br#"{"choices": [{"text": "hi"}]}"#).unwrap().text, "hi");
    }

    #[test]
    fn usage_is_read_in_numbers_and_in_words() {
        for usage in [
            json!({"prompt_tokens": 7, "completion_tokens": 3}),
            json!({"prompt_tokens": "7", "completion_tokens": " 3.0 "}),
            json!({"input_tokens": 7, "output_tokens": 3, "prompt_tokens": null}),
            json!(r#"{"prompt_tokens": 7, "completion_tokens": 3}"#),
        ] {
            let heard = Heard::whole(json!({"choices": [{}], "usage": usage}).to_string().as_bytes()).unwrap();
            assert_eq!(heard.usage, Some(Usage { prompt_tokens: Some(7.0), completion_tokens: Some(3.0) }), "{usage}");
        }
        for nothing in [json!("many"), json!([]), json!({"prompt_tokens": "NaN"}), json!(3)] {
            let heard = Heard::whole(json!({"choices": [{}], "usage": nothing}).to_string().as_bytes()).unwrap();
            assert_eq!(heard.usage, None, "{nothing}");
        }
    }

    #[test]
    fn events_are_put_together_until_they_are_done() {
        let body = b": hello\r\n\r\nevent: x\ndata: {\"choices\": [{\"delta\": {\"content\": \"h\"}}]}\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"i\"},\ndata: \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\ndata: {\"choices\": [{\"delta\": {\"content\": \"!\"}}]}\n\n";
        assert!(is_event_stream(None, body) && is_event_stream(Some("Text/Event-Stream; charset=utf-8"), b""));
        let heard = Heard::events(body, 1000).unwrap();
        assert_eq!((heard.text.as_str(), heard.ended.as_deref()), ("hi", Some("stop")));
        assert_eq!(Heard::events(b"data: {\"choices\": []}", 1000).unwrap().ended, None);
        assert!(Heard::events(b"data: {\n\n", 1000).is_err() && Heard::events(body, 10).is_err());
    }
}
