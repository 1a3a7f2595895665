//! Tables, and data as JSON.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::args::Output;

/// Prints rows under a head; an empty table prints `empty` instead, which says what to do.
pub fn print(head: &[&str], rows: Vec<Vec<String>>, empty: &str) {
    if rows.is_empty() {
        eprintln!("{empty}");
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for line in table.to_string().lines() {
        println!("{}", line.trim());
    }
}

/// Prints data as JSON if that is asked for; whether it did.
pub fn json(output: Output, value: &Value) -> bool {
    if output == Output::Json {
        println!("{}", serde_json::to_string_pretty(value).unwrap_or_default());
    }
    output == Output::Json
}

/// A cell's text: empty for what is absent.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
