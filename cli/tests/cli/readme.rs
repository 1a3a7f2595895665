//! What the README claims names the test that holds it, and what it shows is made by a test.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Each `[words](path "title")` of a text, also without a title.
fn links(text: &str) -> Vec<(String, Option<String>)> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
    let read = |link: &str| match link.split_once(" \"") {
        Some((path, title)) => (path.to_owned(), Some(title.trim_end_matches('"').to_owned())),
        None => (link.to_owned(), None),
    };
    ends.map(read).collect()
}

/// The paragraphs and bullets that claim something, each with what belongs to it.
fn claims(readme: &str) -> Vec<String> {
    let section = |title: &str| {
        let rest = readme.split_once(title).unwrap_or_else(|| panic!("there is no {title}")).1;
        rest.split_once("\n## ").map_or(rest, |(section, _)| section).to_owned()
    };
    let opening = readme.split_once("\n## ").expect("it has sections").0.split("\n\n").nth(1).expect("a paragraph").to_owned();
    let guarantees = section("## What it guarantees\n");
    let bullets = guarantees.split("\n- ").skip(1).map(|bullet| bullet.split("\n\n").next().unwrap_or_default().to_owned());
    std::iter::once(opening).chain(bullets).collect()
}

#[test]
fn each_claim_names_tests_that_are_there() {
    let readme = read("README.md");
    let claims = claims(&readme);
    assert!(claims.len() >= 5, "{claims:#?}");
    for claim in claims {
        let held: Vec<_> = links(&claim).into_iter().filter_map(|(path, title)| Some((path, title?))).collect();
        assert!(!held.is_empty(), "no test is named that holds this:\n{claim}");
        for (path, test) in held {
            let text = read(&path);
            let is_there = text.contains(&format!("fn {test}(")) || text.contains(&format!("test(\"{test}\""));
            assert!(is_there, "{path} has no test `{test}`, which holds:\n{claim}");
        }
    }
}

#[test]
fn each_file_that_is_linked_is_there_and_each_picture_is_shown_and_made_by_a_test() {
    let readme = read("README.md");
    for (path, _) in links(&readme).into_iter().filter(|(path, _)| !path.contains("://") && !path.starts_with('#')) {
        let path = path.split('#').next().unwrap_or_default().to_owned();
        assert!(root().join(&path).exists(), "README.md links {path}, which is not there");
    }
    let spec = read("web/tests/readme.spec.ts");
    for picture in std::fs::read_dir(root().join("docs/pictures")).expect("it is there") {
        let name = picture.expect("a file").file_name().to_string_lossy().into_owned();
        assert!(readme.contains(&format!("(docs/pictures/{name}")), "nothing shows docs/pictures/{name}");
        assert!(spec.contains(&format!("\"{name}\"")), "web/tests/readme.spec.ts does not make docs/pictures/{name}");
    }
}
