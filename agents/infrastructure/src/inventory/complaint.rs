//! What `ansible-inventory` complains about, brought down to one line for each source: the file, the line, and what is wrong there.
//!
//! Ansible tries one plugin after the other and complains for each; the complaint that counts is the one of the plugin that the file was
//! meant for. Up to ansible-core 2.18 the file comes first, and all is wrapped at 79 columns, the cause in the middle; from 2.19 on the
//! words come first and twice, and a line `Origin:` says the file, with its line where that is known.

use std::path::{Path, PathBuf};

use super::{ini, names, sources};

/// Up to 2.18, with the file behind it; from 2.19 on with the plugin.
const FAILED: &str = "* Failed to parse ";
const FAILED_SINCE_2_19: &str = "Failed to parse inventory with '";
/// The line that says where, from 2.19 on.
const ORIGIN: &str = "Origin: ";
/// What a plugin's own words begin with that says nothing of them.
const PREFIXES: [&str; 2] = ["YAML parsing failed: ", "Failed to parse inventory: "];
/// Of a plugin's own words, where they say no line.
const LONGEST: usize = 400;

/// A source that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The file.
    pub source: PathBuf,
    /// `file:line:column: what is wrong`, or without a line where Ansible names none.
    pub text: String,
}

/// What a plugin said of a source.
#[derive(Debug)]
struct Try {
    path: String,
    plugin: String,
    words: String,
    /// `:line:column`, where Ansible names it apart from the words.
    place: Option<String>,
}

/// One for each source that is complained about, in the order of the complaints.
pub(super) fn complaints(output: &str, files: &[PathBuf]) -> Vec<Complaint> {
    let mut tries: Vec<(PathBuf, Vec<Try>)> = Vec::new();
    for block in blocks(output) {
        let Some(one) = tried(&block) else { continue };
        let source = the_file(&one.path, files);
        match tries.iter_mut().find(|(known, _)| *known == source) {
            Some((_, all)) => all.push(one),
            None => tries.push((source, vec![one])),
        }
    }
    tries
        .into_iter()
        .map(|(source, all)| {
            let meant = meant(&source, &all);
            let place = all.iter().filter(|one| one.words == meant.words).find_map(|one| one.place.as_deref());
            let text = located(&source, &meant.words, place);
            Complaint { source, text }
        })
        .collect()
}

/// What is wrong where no single source is complained about: the error itself, with its file and line first.
pub(super) fn error(output: &str, files: &[PathBuf]) -> String {
    let blocks = blocks(output);
    let is_error = |block: &&String| block.starts_with("ERROR! ") || block.starts_with("[ERROR]: ");
    let Some(block) = blocks.iter().rev().find(is_error) else { return shortened(&blocks.join(" ")) };
    let error = block.trim_start_matches("ERROR! ").trim_start_matches("[ERROR]: ");
    if let Some((path, place)) = origin(error) {
        return located(&the_file(path, files), error.lines().next().unwrap_or(error), Some(place));
    }
    let error = error.replace('\n', " ");
    let named = between(&error, "The error appears to be in '", "'").map(|path| the_file(path, files));
    named.map_or_else(|| shortened(&error), |source| located(&source, &error, None))
}

/// Each warning or error with the lines that belong to it.
fn blocks(output: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let begins = |line: &str| ["[WARNING]:", "ERROR!", "[ERROR]:", "[DEPRECATION"].iter().any(|start| line.starts_with(start));
    for line in output.lines() {
        let is_new = begins(line);
        let line = line.trim_start_matches("[WARNING]:").trim();
        match blocks.last_mut() {
            Some(last) if !is_new => {
                last.push('\n');
                last.push_str(line);
            }
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks
}

fn tried(block: &str) -> Option<Try> {
    if let Some(rest) = block.strip_prefix(FAILED_SINCE_2_19) {
        let (plugin, words) = rest.split_once("' plugin: ")?;
        let (path, place) = origin(block)?;
        let mut words = words.lines().next().unwrap_or_default().trim().to_owned();
        if let Some((_, said)) = block.split_once("Standard error from inventory script:") {
            words = format!("{words} {}", said.trim());
        }
        let place = (!place.is_empty()).then(|| place.to_owned());
        return Some(Try { path: path.to_owned(), plugin: plugin.to_owned(), words, place });
    }
    // Its lines were broken anywhere.
    let block = block.replace('\n', " ");
    let rest = block.strip_prefix(FAILED)?;
    let (head, words) = rest.split_once(" plugin: ")?;
    let (path, plugin) = head.rsplit_once(" with ")?;
    Some(Try { path: path.to_owned(), plugin: plugin.to_owned(), words: words.trim().to_owned(), place: None })
}

/// The file of a line `Origin: <inventory plugin 'yaml' with source '/srv/hosts.yml'>` or `Origin: /srv/hosts.yml:4:1`, and `:4:1`.
fn origin(block: &str) -> Option<(&str, &str)> {
    let line = block.lines().rev().find_map(|line| line.strip_prefix(ORIGIN))?.trim();
    if let Some((_, source)) = line.split_once(" with source '") {
        return Some((source.trim_end_matches("'>"), ""));
    }
    let mut end = line.len();
    while let Some((before, number)) = line.get(..end).and_then(|path| path.rsplit_once(':'))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        end = before.len();
    }
    line.split_at_checked(end)
}

/// The file that a wrapped path means: a line may have been broken within it.
fn the_file(path: &str, files: &[PathBuf]) -> PathBuf {
    let dense = |text: &str| text.split_whitespace().collect::<String>();
    let wanted = dense(path);
    files.iter().find(|file| dense(&file.to_string_lossy()) == wanted).cloned().unwrap_or_else(|| PathBuf::from(path))
}

/// What the plugin said that the file was meant for.
fn meant<'t>(source: &Path, tries: &'t [Try]) -> &'t Try {
    let of = |name: &str| tries.iter().find(|one| one.plugin.ends_with(name));
    let chosen = if sources::is_script(source) {
        of("script")
    } else if sources::is_yaml(source) {
        of("yaml").filter(|one| !one.words.contains("Plugin configuration YAML file")).or_else(|| of("auto"))
    } else {
        of("ini")
    };
    chosen.unwrap_or_else(|| &tries[tries.len() - 1])
}

fn located(source: &Path, words: &str, place: Option<&str>) -> String {
    let name = source.display();
    let syntax = words.split_once("Syntax Error while loading YAML.").map(|(_, rest)| rest);
    let cause = syntax.unwrap_or(words).split("The error appears to be in").next().unwrap_or(words).trim();
    let cause = PREFIXES.iter().find_map(|prefix| cause.strip_prefix(prefix)).unwrap_or(cause);
    // `While parsing a block mapping did not find expected key.`
    let cause = cause.find("did not find expected ").and_then(|at| cause.get(at..)).unwrap_or(cause);
    let in_words = words.split_once("': line ").and_then(|(_, rest)| {
        let (line, rest) = rest.split_once(", column ")?;
        let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(format!(":{}:{column}", line.trim()))
    });
    let place = place.filter(|place| !place.is_empty()).map(str::to_owned).or(in_words);
    let file = std::fs::read_to_string(source).unwrap_or_default();
    let flat = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((line, what)) = names::place(&flat, &file) {
        return format!("{name}:{line}: {what}");
    }
    if let Some(place) = place {
        return format!("{name}{place}: {}", shortened(cause));
    }
    // Some plugins name file and line themselves.
    if cause.starts_with(&*source.to_string_lossy()) {
        return shortened(cause);
    }
    let place = ini::place(&flat, &file).map(|line| format!(":{line}")).unwrap_or_default();
    format!("{name}{place}: {}", shortened(cause))
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

fn shortened(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST {
        return text;
    }
    let kept: String = text.chars().take(LONGEST).collect();
    format!("{kept} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_and_the_line_come_first_and_wrapped_lines_are_one() {
        let output = "[WARNING]:  * Failed to parse /srv/my-\nhosts/bad.yml with auto plugin: We were\nunable to read either as JSON nor YAML, these are the errors we got from each:\nJSON: Expecting value: line 1 column 1 (char 0)  Syntax Error while loading\nYAML.   did not find expected key  The error appears to be in\n'/srv/my-hosts/bad.yml': line 4, column 4, but may be elsewhere\n[WARNING]:  * Failed to parse /srv/my-\nhosts/bad.yml with ini plugin: Invalid host\npattern 'all:' supplied\nERROR! Completely failed to parse inventory source /srv/my-hosts/bad.yml\n";
        let found = complaints(output, &[PathBuf::from("/srv/my-hosts/bad.yml")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].text, "/srv/my-hosts/bad.yml:4:4: did not find expected key");
    }

    #[test]
    fn newer_versions_say_the_words_first_and_the_file_in_a_line_of_its_own() {
        let tried = |plugin: &str, words: &str, origin: &str| {
            format!(
                "[WARNING]: Failed to parse inventory with '{plugin}' plugin: {words}\n\nFailed to parse inventory with '{plugin}' plugin.\n\n\
                 <<< caused by >>>\n\n{words}\nOrigin: {origin}\n\n"
            )
        };
        let syntax = "YAML parsing failed: While parsing a block mapping did not find expected key.";
        let output = tried("auto", syntax, "/srv/my hosts/bad.yml:4:4")
            + &tried("yaml", syntax, "<inventory plugin 'yaml' with source '/srv/my hosts/bad.yml'>")
            + &tried("ini", "Failed to parse inventory: Invalid host pattern 'all:' supplied", "/srv/my hosts/bad.yml")
            + &tried("script", "Inventory script returned non-zero exit code 3.", "<inventory plugin 'script' with source '/srv/s.sh'>")
            + "Standard error from inventory script:\nthe token has expired\n\n[WARNING]: Unable to parse /srv/s.sh as an inventory source\n";
        let found = complaints(&output, &[]);
        let texts: Vec<&str> = found.iter().map(|complaint| complaint.text.as_str()).collect();
        let of_script = "/srv/s.sh: Inventory script returned non-zero exit code 3. the token has expired";
        assert_eq!(texts, ["/srv/my hosts/bad.yml:4:4: did not find expected key.", of_script]);
        let said = error("[WARNING]: x\n[ERROR]: What is this?\nOrigin: /srv/a.yml:7:2\n", &[]);
        assert_eq!(said, "/srv/a.yml:7:2: What is this?");
    }

    #[test]
    fn no_text_ends_it() {
        for output in [
            "",
            "ERROR! ",
            "[WARNING]:  * Failed to parse",
            "* Failed to parse ä with  plugin: ': line , column ",
            "\u{0}\n\n[WARNING]:",
            "Failed to parse inventory with '",
            "Failed to parse inventory with 'ä' plugin: \nOrigin: :1:1:",
            "[ERROR]: \nOrigin: :",
        ] {
            let (found, said) = (complaints(output, &[]), error(output, &[]));
            assert!(found.len() <= 1 && said.len() < 1_000);
        }
    }
}
