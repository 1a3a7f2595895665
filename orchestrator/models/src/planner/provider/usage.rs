//! What the tries of a call took, as far as anybody can know: counts are claims of the provider, and are held to what is possible.

use super::call::Ask;
use super::wire::Usage;

/// The tokens of all tries of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meter {
    /// Of prompts.
    pub input_tokens: u64,
    /// Of answers.
    pub output_tokens: u64,
    /// Tries that said what they took.
    pub counted: u32,
    /// Tries that may have been charged and did not say; each counts as spent in full.
    pub uncertain: u32,
    /// What was not believed, in words.
    pub doubted: Option<String>,
}

impl Meter {
    /// Adds what one try says it took; whether it says so.
    pub fn count(&mut self, usage: Option<Usage>, ask: &Ask<'_>) -> bool {
        let Some(Usage { prompt_tokens: Some(input), completion_tokens: Some(output) }) = usage else { return false };
        self.input_tokens += self.held(input, ask.most_input_tokens, "input");
        self.output_tokens += self.held(output, u64::from(ask.output_tokens), "output");
        self.counted += 1;
        true
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate, and what is too much is held")]
    fn held(&mut self, claimed: f64, most: u64, what: &str) -> u64 {
        let possible = (claimed.ceil() as u64).min(most);
        if claimed < 0.0 || claimed.ceil() as u64 > most {
            self.doubted = Some(format!("{claimed} {what} tokens were counted, and {possible} are possible; those were booked"));
        }
        possible
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;

    #[test]
    fn counts_are_held_to_what_is_possible() {
        let ask = Ask { messages: &[], schema: &Value::Null, output_tokens: 100, most_input_tokens: 1000, within: Duration::ZERO };
        let count = |input, output| {
            let mut meter = Meter::default();
            assert!(meter.count(Some(Usage { prompt_tokens: Some(input), completion_tokens: Some(output) }), &ask));
            (meter.input_tokens, meter.output_tokens, meter.doubted.is_some())
        };
        assert_eq!(count(10.0, 100.0), (10, 100, false));
        assert_eq!(count(-1e9, 5.0), (0, 5, true));
        assert_eq!(count(1e300, f64::INFINITY), (1000, 100, true));
        let mut meter = Meter::default();
        assert!(!meter.count(None, &ask) && !meter.count(Some(Usage { prompt_tokens: Some(1.0), completion_tokens: None }), &ask));
    }
}
