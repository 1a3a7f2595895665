//! Validators of the action format's schemas, compiled once for each schema and kept.
//!
//! Compiling costs milliseconds where a schema has patterns; a plan of many steps, each accept and each dispatch validate
//! the same few schemas. What is kept is found by the schema's content, so an action that changes gets a validator of its own.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::parameters::HOST_FORMAT;
use crate::domain::shared_types;

/// More are not kept; the catalogue of a large installation has a few thousand.
const MOST_KEPT: usize = 8192;

type Kept = HashMap<[u8; 32], Result<Arc<Validator>, String>>;

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// A validator for a schema of the action format: shared types in place, our own keywords and formats let through.
pub fn validator(schema: &Value) -> Result<Arc<Validator>, String> {
    let key: [u8; 32] = Sha256::digest(schema.to_string()).into();
    if let Some(known) = kept().get(&key) {
        return known.clone();
    }
    // Compiled without the lock: another that wants the same one meanwhile compiles it too, and nobody waits.
    let compiled = compile(schema).map(Arc::new);
    let mut kept = kept();
    if kept.len() >= MOST_KEPT {
        kept.clear();
    }
    kept.entry(key).or_insert(compiled).clone()
}

fn kept() -> std::sync::MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_format(HOST_FORMAT, |_: &str| true)
        .should_validate_formats(true)
        .build(&shared_types::inlined(schema))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_compiled_once_and_another_one_for_itself() {
        let schema = json!({"type": "string", "pattern": "^[a-z]{1,40}$"});
        let (first, again) = (validator(&schema).expect("compiles"), validator(&schema.clone()).expect("compiles"));
        assert!(Arc::ptr_eq(&first, &again));
        let other = validator(&json!({"type": "string", "pattern": "^[a-z]{1,41}$"})).expect("compiles");
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn a_broken_schema_is_told_each_time() {
        let broken = json!({"type": "string", "pattern": "["});
        assert!(validator(&broken).is_err() && validator(&broken).is_err());
    }
}
