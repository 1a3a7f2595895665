//! What of the documentation is made from the code, such as the tables of `docs/state-machines.md`: a test compares each, and `UPDATE_DOCS=1` writes it anew. Only for tests.

use std::path::Path;

/// Compares what stands between `<!-- marker -->` and `<!-- /marker -->` of `docs/state-machines.md` with `table`.
pub fn assert_documented(marker: &str, table: &str) {
    assert_documented_in("state-machines.md", marker, table);
}

/// The same, of another page in `docs/`.
pub fn assert_documented_in(page: &str, marker: &str, table: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let (open, close) = (format!("<!-- {marker} -->\n"), format!("<!-- /{marker} -->"));
    let text = std::fs::read_to_string(&page).expect("the page is there");
    let (before, rest) = text.split_once(&open).unwrap_or_else(|| panic!("the page has no marker {open}"));
    let (found, after) = rest.split_once(&close).unwrap_or_else(|| panic!("the page has no marker {close}"));
    let wanted = format!("\n{table}\n");
    if found != wanted && option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(&page, format!("{before}{open}{wanted}{close}{after}")).expect("the page can be written");
        return;
    }
    assert_eq!(found, wanted, "run the tests with UPDATE_DOCS=1 to rewrite the table");
}
