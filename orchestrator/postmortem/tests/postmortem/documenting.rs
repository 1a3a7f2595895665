//! The page of the documentation has every question, as it is asked.

use std::fmt::Write as _;

use chiffon_postmortem::store::QUESTIONS;
use chiffon_testkit::page_table::assert_documented_in;

#[test]
fn the_documentation_has_every_question_with_its_sql() {
    let mut text = String::new();
    for (number, question) in (1..).zip(QUESTIONS) {
        writeln!(
            text,
            "## {number}. {}\n\n`{}` · {}\n\n```sql\n{}\n```\n",
            question.title,
            question.name,
            question.about,
            question.sql_about_the_last_month()
        )
        .expect("text");
    }
    assert_documented_in("post-mortem.md", "questions", text.trim_end());
}
