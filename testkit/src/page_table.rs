//! The tables of `docs/state-machines.md` that are made from the code: a test compares each, and `UPDATE_DOCS=1` writes it anew. Only for tests.

use std::path::Path;

/// Compares what stands between `<!-- marker -->` and `<!-- /marker -->` of the page with `table`.
pub fn assert_documented(marker: &str, table: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/state-machines.md");
    let (open, close) = (format!("<!-- {marker} -->\n"), format!("<!-- /{marker} -->"));
    let text = std::fs::read_to_string(&page).expect("docs/state-machines.md is there");
    let (before, rest) = text.split_once(&open).unwrap_or_else(|| panic!("the page has no marker {open}"));
    let (found, after) = rest.split_once(&close).unwrap_or_else(|| panic!("the page has no marker {close}"));
    let wanted = format!("\n{table}\n");
    if found != wanted && option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(&page, format!("{before}{open}{wanted}{close}{after}")).expect("the page can be written");
        return;
    }
    assert_eq!(found, wanted, "run the tests with UPDATE_DOCS=1 to rewrite the table");
}
