//! Unified diffs from what Ansible's modules report: before and after, or a text that is a diff already.

use std::fmt::Write as _;

use serde_json::Value;
use similar::TextDiff;

use super::{cut, not_shown};

/// A diff longer than this is cut, and says so.
const LONGEST: usize = 64 * 1024;

/// The diff of one module's result; empty where it reports none. `place` names the file where the module doesn't.
pub(crate) fn of_result(result: &Value, place: &str) -> String {
    let mut text = String::new();
    if let Some(diff) = result.get("diff") {
        of_value(diff, place, &mut text);
    }
    for item in result.get("results").and_then(Value::as_array).into_iter().flatten() {
        let place = place_of(item).unwrap_or_else(|| place.to_owned());
        if let Some(diff) = item.get("diff") {
            of_value(diff, &place, &mut text);
        }
    }
    cut::at_line(text, LONGEST)
}

/// The file or thing that a module was asked to change.
pub(super) fn place_of(result: &Value) -> Option<String> {
    let arguments = result.get("invocation")?.get("module_args")?;
    ["path", "dest", "name", "src"].iter().find_map(|key| arguments.get(key)?.as_str()).map(str::to_owned)
}

fn of_value(diff: &Value, place: &str, text: &mut String) {
    match diff {
        Value::Array(parts) => parts.iter().for_each(|part| of_value(part, place, text)),
        Value::Object(part) => {
            if let Some(prepared) = part.get("prepared").and_then(Value::as_str) {
                text.push_str(prepared);
                if !prepared.is_empty() && !prepared.ends_with('\n') {
                    text.push('\n');
                }
                return;
            }
            let header = |side: &str| {
                let given = part.get(&format!("{side}_header")).and_then(Value::as_str);
                // A temporary file's name says nothing and differs on each host.
                let given = given.filter(|given| !given.contains("ansible-local") && !given.contains("ansible-tmp") && !given.is_empty());
                given.map_or_else(|| format!("{side}: {place}"), str::to_owned)
            };
            if let Some(why) = not_shown::why_empty(part) {
                let _ = writeln!(text, "--- {}\n+++ {}\n({why})", header("before"), header("after"));
                return;
            }
            let (before, after) = (side(part.get("before")), side(part.get("after")));
            if before == after {
                return;
            }
            let lines = TextDiff::from_lines(&before, &after);
            text.push_str(
                &lines.unified_diff().context_radius(3).missing_newline_hint(false).header(&header("before"), &header("after")).to_string(),
            );
        }
        _ => {}
    }
}

/// One side as lines: texts as they are, attributes (mode, owner, state) as sorted JSON.
pub(super) fn side(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.is_empty() || text.ends_with('\n') => text.clone(),
        Some(Value::String(text)) => format!("{text}\n"),
        Some(other) => format!("{}\n", serde_json::to_string_pretty(other).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn before_and_after_become_a_unified_diff_that_is_the_same_on_every_host() {
        let on = |number: u32| {
            let temporary = format!("/root/.ansible/tmp/ansible-local-{number}/x");
            json!({"diff": [{"before": "port=80\nname=a\n", "after": "port=8080\nname=a\n", "before_header": "/etc/a.conf", "after_header": temporary}]})
        };
        let diff = of_result(&on(1), "/etc/a.conf");
        assert_eq!(diff, "--- /etc/a.conf\n+++ after: /etc/a.conf\n@@ -1,2 +1,2 @@\n-port=80\n+port=8080\n name=a\n");
        assert_eq!(diff, of_result(&on(2), "/etc/a.conf"));
    }

    #[test]
    fn attributes_items_and_prepared_diffs_are_shown() {
        let result = json!({"results": [
            {"diff": {"before": {"mode": "0644"}, "after": {"mode": "0600"}}, "invocation": {"module_args": {"path": "/a"}}},
            {"diff": {"prepared": "-x\n+y"}},
        ]});
        let diff = of_result(&result, "");
        assert!(diff.contains("before: /a") && diff.contains("+  \"mode\": \"0600\"") && diff.ends_with("-x\n+y\n"), "{diff}");
        assert_eq!(of_result(&json!({"diff": {"before": "a", "after": "a"}}), ""), "");
    }

    #[test]
    fn what_ansible_leaves_out_is_said_and_one_side_alone_is_not_shown_as_new() {
        let large = of_result(&json!({"diff": [{"dst_larger": 104_448, "after": "port=80\n"}]}), "/x");
        assert_eq!(large, "--- before: /x\n+++ after: /x\n(too large to be shown: more than 104448 bytes)\n");
        let binary = of_result(&json!({"diff": {"before": "", "src_binary": 1}}), "/x");
        assert_eq!(binary, "--- before: /x\n+++ after: /x\n(binary; not shown)\n");
    }

    #[test]
    fn a_huge_diff_is_cut_and_says_how_much_is_missing() {
        let after: String = "another line\n".repeat(20_000);
        let diff = of_result(&json!({"diff": {"before": "", "after": after}}), "/x");
        assert!(diff.len() < LONGEST + 100 && diff.ends_with("more lines are not shown\n"), "{}", diff.len());
    }

    #[test]
    fn a_huge_diff_of_other_letters_or_of_one_line_is_cut_as_well() {
        for text in ["настройка=Включить уведомления\n".repeat(3_000), "日本語".repeat(30_000)] {
            let diff = of_result(&json!({"diff": {"before": "", "after": text}}), "/x");
            assert!(diff.len() < LONGEST + 200 && diff.ends_with("not shown\n") && diff.starts_with("--- before: /x\n"), "{}", diff.len());
        }
    }
}
