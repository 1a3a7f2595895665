//! An answer for a spreadsheet (RFC 4180). What people and programs wrote must not become a formula there.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::ErrorCode;
use csv::Writer;
use serde_json::Value;

use crate::domain::question::Question;

/// With these a spreadsheet begins to calculate (OWASP, CSV Injection).
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The answer as a file.
pub(super) fn answer(question: &Question, rows: &[Vec<Value>]) -> Result<Response, Failure> {
    let text =
        text(question.columns, rows).map_err(|error| Failure::new(ErrorCode::Internal, format!("the answer makes no CSV: {error}")))?;
    let file = format!("attachment; filename=\"{}.csv\"", question.name);
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, file)], text).into_response())
}

fn text(columns: &[&str], rows: &[Vec<Value>]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(row.iter().map(cell))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(FORMULA) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_quoted_where_they_must_be_and_none_is_a_formula() {
        let rows = [
            vec![json!("a \"word\", and\nanother"), json!(-4.5), json!(null)],
            vec![json!("=HYPERLINK(\"http://evil.example\")"), json!(true), json!("-1+1")],
        ];
        let told = String::from_utf8(text(&["text", "number", "none"], &rows).unwrap()).unwrap();
        assert_eq!(
            told,
            "text,number,none\n\"a \"\"word\"\", and\nanother\",-4.5,\n\"'=HYPERLINK(\"\"http://evil.example\"\")\",true,'-1+1\n"
        );
    }
}
