//! Changes whose content nobody is shown: Ansible leaves files that are large or binary out of a diff, and says so only beside it.

use serde_json::{Map, Value};

/// Why this part of a diff holds nothing to compare, where it says so.
pub(super) fn why_empty(part: &Map<String, Value>) -> Option<String> {
    if part.contains_key("src_binary") || part.contains_key("dst_binary") {
        return Some("binary; not shown".to_owned());
    }
    let limit = part.get("src_larger").or_else(|| part.get("dst_larger"))?;
    Some(format!("too large to be shown: more than {limit} bytes"))
}

/// Why a part of what a result changed is not shown; nothing where all of it is.
pub(super) fn of_result(result: &Value) -> Option<String> {
    let items = result.get("results").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(result).chain(items).find_map(|one| of_diff(one.get("diff")?))
}

fn of_diff(diff: &Value) -> Option<String> {
    match diff {
        Value::Array(parts) => parts.iter().find_map(of_diff),
        Value::Object(part) => why_empty(part),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_that_ansible_left_out_is_found_in_lists_and_loops() {
        let large = json!({"before": "", "src_larger": 104_448});
        assert_eq!(of_result(&json!({"diff": [{"before": "a"}, large]})).as_deref(), Some("too large to be shown: more than 104448 bytes"));
        assert_eq!(of_result(&json!({"results": [{}, {"diff": {"dst_binary": 1}}]})).as_deref(), Some("binary; not shown"));
        assert_eq!(of_result(&json!({"diff": [{"before": "a", "after": "b"}, "c", 7]})), None);
    }
}
