//! What began a request: a person, or something that asks by itself, such as a schedule. A kind is a word, known here or not: what another
//! version has written is shown as it is.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What began a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Origin {
    /// `person`, or a lower-case word such as `schedule`, `webhook`, `workflow`, `service` or `session`.
    kind: String,
    /// Which of that kind; of a person the id of the principal.
    id: String,
}

/// The kind of what a person asks, however they do.
pub const PERSON: &str = "person";
/// Characters of a kind.
const MOST_KIND: usize = 32;
/// Characters of an id.
const MOST_ID: usize = 200;

impl Origin {
    /// A person who asks.
    pub fn person(principal_id: Uuid) -> Self {
        Self { kind: PERSON.to_owned(), id: principal_id.to_string() }
    }

    /// Something that asks by itself; `None` where the kind is no lower-case word or that of people, or the id is empty, too long, or holds
    /// what is not seen.
    pub fn of(kind: &str, id: &str) -> Option<Self> {
        let id_is_shown = (1..=MOST_ID).contains(&id.chars().count()) && !id.chars().any(char::is_control);
        (is_kind(kind) && kind != PERSON && id_is_shown).then(|| Self { kind: kind.to_owned(), id: id.to_owned() })
    }

    /// As it is stored; without an id it is the person's who asked.
    pub fn stored(kind: String, id: Option<String>, principal_id: Uuid) -> Self {
        Self { kind, id: id.unwrap_or_else(|| principal_id.to_string()) }
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id that is stored with it: a person's is that of the principal, which stands beside it.
    pub fn own_id(&self) -> Option<&str> {
        (!self.is_person()).then_some(self.id.as_str())
    }

    /// Whether a person asked.
    pub fn is_person(&self) -> bool {
        self.kind == PERSON
    }
}

/// Whether a word is a kind's.
pub fn is_kind(word: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c == '_';
    word.len() <= MOST_KIND && word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_lower_case_word_that_need_not_be_known() {
        for kind in ["schedule", "moon_phase"] {
            assert!(Origin::of(kind, "nightly").is_some_and(|origin| origin.kind() == kind && !origin.is_person()), "{kind}");
        }
        for kind in ["", "Schedule", "_x", "web hook", "x1", "person", &"x".repeat(33)] {
            assert_eq!(Origin::of(kind, "nightly"), None, "{kind:?}");
        }
        for id in ["", "a\nb", &"x".repeat(201)] {
            assert_eq!(Origin::of("schedule", id), None, "{id:?}");
        }
    }

    #[test]
    fn what_is_stored_without_an_id_is_the_persons_who_asked() {
        let origin = Origin::stored("person".to_owned(), None, Uuid::nil());
        assert_eq!((&origin, origin.own_id()), (&Origin::person(Uuid::nil()), None));
        let unknown = Origin::stored("moon-phase 2".to_owned(), Some("full".to_owned()), Uuid::nil());
        assert_eq!((unknown.kind(), unknown.own_id()), ("moon-phase 2", Some("full")), "it is shown as it is");
    }
}
