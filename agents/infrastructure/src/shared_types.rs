//! The value types that several actions share: `playbooks/types.json`, put in place of `$ref: types#/<name>` before an
//! action is announced, so that whoever validates needs nothing but the schema.

use std::path::Path;

use serde_json::{Map, Value};

use super::content_hash::read_regular;

/// How a schema refers to a shared type.
pub(super) const PREFIX: &str = "types#/";
/// The file that defines them.
pub(super) const FILE: &str = "types.json";
/// No file of types is longer.
const LONGEST_BYTES: u64 = 16 * 1024 * 1024;
/// A type that refers to itself would never end.
const DEEPEST: usize = 16;

/// The types of one playbooks folder.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedTypes {
    types: Map<String, Value>,
}

impl SharedTypes {
    /// Reads `types.json`; none where there is no such file.
    pub(super) fn load(playbooks: &Path) -> Result<Self, String> {
        let path = playbooks.join(FILE);
        match read_regular(&path, LONGEST_BYTES) {
            Ok(text) => serde_json::from_str(&text).map(|types| Self { types }).map_err(|error| format!("{}: {error}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// The schema with each reference replaced by its type; the name of the first reference that leads nowhere.
    pub(super) fn inlined(&self, schema: &Value) -> Result<Value, String> {
        self.inline(schema, 0)
    }

    fn inline(&self, schema: &Value, depth: usize) -> Result<Value, String> {
        match schema {
            Value::Object(members) => {
                let named = members.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix(PREFIX));
                if let Some(name) = named {
                    let found = self.types.get(name).filter(|found| found.is_object() && depth < DEEPEST);
                    let found = found.ok_or_else(|| format!("`{PREFIX}{name}` is not defined in {FILE}"))?;
                    return self.inline(found, depth + 1);
                }
                let inlined = members.iter().map(|(key, member)| Ok((key.clone(), self.inline(member, depth)?)));
                inlined.collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
            Value::Array(items) => {
                let inlined = items.iter().map(|item| self.inline(item, depth));
                inlined.collect::<Result<Vec<_>, String>>().map(Value::Array)
            }
            scalar => Ok(scalar.clone()),
        }
    }

    /// [`SharedTypes::inlined`] for the members of an object.
    pub(super) fn inlined_members(&self, members: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        members.iter().map(|(key, member)| Ok((key.clone(), self.inlined(member)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn types() -> SharedTypes {
        let Value::Object(types) = json!({
            "title": "the types",
            "portal": {"type": "object", "properties": {"address": {"$ref": "types#/address"}}},
            "address": {"type": "string"},
            "endless": {"items": {"$ref": "types#/endless"}}
        }) else {
            unreachable!("it is an object")
        };
        SharedTypes { types }
    }

    #[test]
    fn a_reference_is_replaced_wherever_it_stands_also_inside_a_type() {
        let schema = json!({"properties": {"portals": {"items": {"$ref": "types#/portal"}}}});
        let inlined = types().inlined(&schema).expect("it is defined");
        assert_eq!(inlined.pointer("/properties/portals/items/properties/address/type"), Some(&json!("string")));
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        for name in ["unicorn", "title", "endless"] {
            let error = types().inlined(&json!([{"$ref": format!("types#/{name}")}])).expect_err("it leads nowhere");
            assert!(error.contains(&format!("types#/{name}")), "{error}");
        }
    }
}
