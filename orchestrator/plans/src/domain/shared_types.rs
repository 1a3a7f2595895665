//! The value types that several actions share (`$ref: types#/portal`), and putting them in place of their references.
//!
//! They are built in, so a schema never makes anybody fetch anything.

use std::sync::LazyLock;

use serde_json::Value;

/// How a schema refers to a shared type.
pub const PREFIX: &str = "types#/";

/// The file that action.yml schemas refer to; agents read the same one.
static TYPES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../../playbooks/types.json")).expect("playbooks/types.json is JSON"));

/// The JSON Schema of a shared type.
pub fn schema_of(name: &str) -> Option<&'static Value> {
    TYPES.get(name).filter(|schema| schema.is_object())
}

/// The schema with each reference to a shared type replaced by the type. References to others stay as they are.
#[must_use]
pub fn inlined(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let named = members.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix(PREFIX));
            if let Some(found) = named.and_then(schema_of) {
                return found.clone();
            }
            Value::Object(members.iter().map(|(key, member)| (key.clone(), inlined(member))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(inlined).collect()),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_to_a_shared_type_is_replaced_wherever_it_stands() {
        let schema = json!({"properties": {"portals": {"type": "array", "items": {"$ref": "types#/portal"}}}});
        let inlined = inlined(&schema);
        assert_eq!(inlined.pointer("/properties/portals/items/properties/name/type"), Some(&json!("string")));
    }

    #[test]
    fn an_unknown_reference_is_left_for_the_validator_to_refuse() {
        let schema = json!({"items": {"$ref": "types#/unicorn"}});
        assert_eq!(inlined(&schema), schema);
    }
}
