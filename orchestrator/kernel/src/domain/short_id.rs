//! Ids as people type them: what a message tells somebody to type has to work when it is copied.

use uuid::Uuid;

/// The last eight characters of a request's id, as `chiffon` takes it.
pub fn short(id: Uuid) -> String {
    let id = id.to_string();
    id.chars().skip(id.len().saturating_sub(8)).collect()
}

/// The first id in a text.
pub fn find(text: &str) -> Option<Uuid> {
    text.split(|c: char| !c.is_ascii_hexdigit() && c != '-').find_map(|word| word.parse().ok())
}
