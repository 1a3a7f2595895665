//! Actions that agents have and do not offer, and whether a request asks for one of them.

use chiffon_protocol::{ErrorCode, Problem};

/// An action that an agent leaves out of its catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOffered {
    /// Its name.
    pub name: String,
    /// The agent that has it.
    pub agent_id: String,
    /// The error code under which it is left out.
    pub code: i32,
    /// Everything that is wrong with it.
    pub reason: String,
}

impl NotOffered {
    /// Whether the text has its name as it is written.
    pub fn is_written_in(&self, text: &str) -> bool {
        let is_apart = |c: char| !(c.is_alphanumeric() || c == '_' || c == '-');
        self.name.contains(['_', '-']) && text.split(is_apart).any(|word| word.eq_ignore_ascii_case(&self.name))
    }

    /// Whether the text says every word of its name, or a longer form of it: `rotate the certificate` for `rotate_cert`.
    pub fn is_meant_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let said: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        let says = |word: &str| said.iter().any(|said| *said == word || (word.len() > 3 && said.starts_with(word)));
        self.name.to_lowercase().split(['_', '-']).filter(|word| !word.is_empty()).all(says)
    }

    /// What whoever asks for it is told.
    pub fn problem(&self) -> Problem {
        let text = format!("`{}` is not offered by {}: {} (error {})", self.name, self.agent_id, self.reason, self.code);
        Problem::new(ErrorCode::ActionNotOffered, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_asked_for_by_its_name_or_by_the_words_of_it() {
        let one = |name: &str| NotOffered { name: name.to_owned(), agent_id: "a".to_owned(), code: 5508, reason: "wrong".to_owned() };
        let cert = one("rotate_cert");
        assert!(cert.is_written_in("run rotate_cert, on web2") && !cert.is_written_in("run rotate_certs on web2"));
        assert!(cert.is_meant_in("Rotate the certificate on web2") && !cert.is_meant_in("rotate the logs on web2"));
        assert!(!one("reboot").is_written_in("reboot nas") && one("reboot").is_meant_in("reboot nas"));
        assert!(!one("is").is_meant_in("island hopping") && !one("größe").is_meant_in("gr"));
    }
}
