//! What is wrong with a field, in words of JSON: unknown, missing, or of a wrong type or value. The reader's own words name types of
//! this program, which tell a caller nothing.

use chiffon_protocol::ErrorCode;
use serde_json::json;

use super::problem::Failure;

/// The refusal that a reader's reason stands for.
pub fn refused(reason: &str) -> Failure {
    let reason = without_place(reason);
    let (path, said) = match reason.split_once(": ") {
        Some((path, said)) if !path.contains([' ', '`']) => (Some(path).filter(|path| *path != "."), said),
        _ => (None, reason),
    };
    let named = said.split('`').nth(1);
    let failure = |code, field: Option<&str>, message: String| {
        Failure::new(code, format!("{message}; `/docs` shows the call's fields")).with_details(json!({"field": field}))
    };
    if said.starts_with("unknown field") {
        let field = path.or(named);
        let known =
            said.split_once("expected ").map_or_else(|| "takes none".to_owned(), |(_, known)| format!("takes {}", plain_list(known)));
        return failure(
            ErrorCode::UnknownField,
            field,
            format!("this call does not know the field `{}`; it {known}", field.unwrap_or("?")),
        );
    }
    if said.starts_with("missing field") {
        let field = match (path, named) {
            (Some(path), Some(named)) if path != named => format!("{path}.{named}"),
            (_, named) => named.unwrap_or("?").to_owned(),
        };
        return failure(ErrorCode::FieldMissing, Some(&field), format!("the field `{field}` is missing"));
    }
    if said.starts_with("duplicate field") {
        let field = named.or(path);
        return failure(ErrorCode::InvalidField, field, format!("the field `{}` stands there twice", field.unwrap_or("?")));
    }
    match path {
        Some(path) => failure(ErrorCode::InvalidField, Some(path), format!("the field `{path}` can't be used: {}", in_words(said))),
        None => failure(ErrorCode::InvalidField, None, format!("the body can't be used: {}", in_words(said))),
    }
}

/// Without the place in the text, which counts in the reader's way.
fn without_place(reason: &str) -> &str {
    reason.rsplit_once(" at line ").filter(|(_, place)| place.contains(" column ")).map_or(reason, |(reason, _)| reason)
}

fn in_words(said: &str) -> String {
    if let Some((value, known)) = said.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected ")) {
        return format!("{value} is none of {}", plain_list(known));
    }
    let found =
        said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: ")).or_else(|| said.strip_prefix("invalid "));
    match found.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => format!("it is {}, and has to be {}", kind_found(found), kind_expected(expected)),
        None => said.to_owned(),
    }
}

fn plain_list(known: &str) -> String {
    known.trim_start_matches("one of ").to_owned()
}

fn kind_found(found: &str) -> String {
    let (kind, value) = found.split_once(' ').map_or((found, ""), |(kind, value)| (kind, value.trim_matches('`')));
    match kind {
        "integer" => format!("the number {value}"),
        "floating" => format!("the number {}", value.trim_start_matches("point ").trim_matches('`')),
        "boolean" => value.to_owned(),
        "string" => format!("the text {value}"),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        "null" | "unit" => "null".to_owned(),
        "length" => format!("a list of {value}"),
        _ => found.to_owned(),
    }
}

fn kind_expected(expected: &str) -> String {
    let number = |word: &str| {
        let width = word.strip_prefix(['i', 'u']).unwrap_or_default();
        width == "size" || (!width.is_empty() && width.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0, not too large".to_owned(),
        _ if number(expected) => "a whole number, not too large".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "a borrowed string" | "string" => "a string".to_owned(),
        _ if expected.starts_with("struct ") => "an object".to_owned(),
        _ => expected.trim_start_matches("one of ").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_a_field_has_its_own_code_and_words_that_name_no_type_of_ours() {
        use ErrorCode::{FieldMissing, InvalidField, UnknownField};
        for (reason, code, field, words) in [
            (
                "colour: unknown field `colour`, expected `text` or `priority` at line 1 column 9",
                UnknownField,
                Some("colour"),
                "takes `text` or `priority`",
            ),
            ("x: unknown field `x`, there are no fields at line 1 column 9", UnknownField, Some("x"), "it takes none"),
            ("missing field `text` at line 1 column 2", FieldMissing, Some("text"), "`text` is missing"),
            ("plan: missing field `sha256` at line 1 column 2", FieldMissing, Some("plan.sha256"), "`plan.sha256` is missing"),
            (
                "text: invalid type: integer `5`, expected a string at line 1 column 9",
                InvalidField,
                Some("text"),
                "it is the number 5, and has to be a string",
            ),
            (
                "days: invalid value: integer `-1`, expected u32 at line 1 column 9",
                InvalidField,
                Some("days"),
                "the number -1, and has to be a whole number from 0",
            ),
            (
                "days: invalid type: floating point `1.5`, expected i64 at line 1 column 9",
                InvalidField,
                Some("days"),
                "the number 1.5, and has to be a whole number",
            ),
            (
                "a.b: invalid type: null, expected a sequence at line 1 column 9",
                InvalidField,
                Some("a.b"),
                "it is null, and has to be a list",
            ),
            (
                "decision: unknown variant `forget`, expected one of `approve`, `reject` at line 1 column 9",
                InvalidField,
                Some("decision"),
                "`forget` is none of `approve`, `reject`",
            ),
            ("duplicate field `text` at line 1 column 9", InvalidField, Some("text"), "twice"),
            (
                "invalid type: sequence, expected struct SubmitBody at line 1 column 0",
                InvalidField,
                None,
                "it is a list, and has to be an object",
            ),
        ] {
            let failure = refused(reason);
            assert_eq!((failure.0.code, &failure.0.details), (code, &json!({"field": field})), "{reason}: {failure:?}");
            let said = &failure.0.message;
            assert!(said.contains(words) && !said.contains("struct") && !said.contains(" line "), "{reason}: {said}");
        }
    }
}
