//! How much is planned in one go. Counted on the words alone, before anything is weighed.

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;

/// Wishes in one request; people who ask for more of them don't read the plan either.
pub const MOST_PARTS: usize = 24;
/// Words in one request; a quoted text is one.
pub const MOST_WORDS: usize = 800;

/// Refuses a text of too many words.
pub fn words(count: usize) -> Result<(), Problem> {
    within(count, MOST_WORDS, "words")
}

/// Refuses a text of too many wishes.
pub fn parts(count: usize) -> Result<(), Problem> {
    within(count, MOST_PARTS, "wishes one after another")
}

fn within(count: usize, most: usize, what: &str) -> Result<(), Problem> {
    if count <= most {
        return Ok(());
    }
    let message = format!("this has {count} {what}; {most} are planned at once, so ask for it in parts");
    Err(Problem::new(ErrorCode::TooMuchAtOnce, message).with_details(json!({"found": count, "most": most})))
}
