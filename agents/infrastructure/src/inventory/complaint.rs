//! What `ansible-inventory` complains about, brought down to one line for each source: the file, the line, and what is wrong there.
//!
//! Ansible tries one plugin after the other and complains for each, wrapped at 79 columns, the cause in the middle. The complaint
//! that counts is the one of the plugin that the file was meant for.

use std::path::{Path, PathBuf};

use super::{names, sources};

const FAILED: &str = "* Failed to parse ";
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

/// One for each source that is complained about, in the order of the complaints.
pub(super) fn complaints(output: &str, files: &[PathBuf]) -> Vec<Complaint> {
    let mut tries: Vec<(PathBuf, Vec<(String, String)>)> = Vec::new();
    for block in blocks(output) {
        let Some((path, plugin, words)) = tried(&block) else { continue };
        let source = the_file(&path, files);
        match tries.iter_mut().find(|(known, _)| *known == source) {
            Some((_, all)) => all.push((plugin, words)),
            None => tries.push((source, vec![(plugin, words)])),
        }
    }
    tries
        .into_iter()
        .map(|(source, all)| {
            let text = located(&source, meant(&source, &all));
            Complaint { source, text }
        })
        .collect()
}

/// What is wrong where no single source is complained about: the error itself, with its file and line first.
pub(super) fn error(output: &str, files: &[PathBuf]) -> String {
    let blocks = blocks(output);
    let Some(error) = blocks.iter().rev().find_map(|block| block.strip_prefix("ERROR! ")) else {
        return shortened(&blocks.join(" "));
    };
    let named = between(error, "The error appears to be in '", "'").map(|path| the_file(path, files));
    named.map_or_else(|| shortened(error), |source| located(&source, error))
}

/// Each warning or error with its wrapped lines joined.
fn blocks(output: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in output.lines() {
        let begins = line.starts_with("[WARNING]:") || line.starts_with("ERROR!") || line.starts_with("[DEPRECATION");
        let line = line.trim_start_matches("[WARNING]:").trim();
        match blocks.last_mut() {
            Some(last) if !begins => {
                last.push(' ');
                last.push_str(line);
            }
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks
}

/// `(path, plugin, words)`
fn tried(block: &str) -> Option<(String, String, String)> {
    let rest = block.strip_prefix(FAILED)?;
    let (head, words) = rest.split_once(" plugin: ")?;
    let (path, plugin) = head.rsplit_once(" with ")?;
    Some((path.to_owned(), plugin.to_owned(), words.trim().to_owned()))
}

/// The file that a wrapped path means: a line may have been broken within it.
fn the_file(path: &str, files: &[PathBuf]) -> PathBuf {
    let dense = |text: &str| text.split_whitespace().collect::<String>();
    let wanted = dense(path);
    files.iter().find(|file| dense(&file.to_string_lossy()) == wanted).cloned().unwrap_or_else(|| PathBuf::from(path))
}

/// The words of the plugin that the file was meant for.
fn meant<'t>(source: &Path, tries: &'t [(String, String)]) -> &'t str {
    let of = |name: &str| tries.iter().find(|(plugin, _)| plugin.ends_with(name)).map(|(_, words)| words.as_str());
    let last = tries.last().map_or("", |(_, words)| words.as_str());
    if sources::is_script(source) {
        return of("script").unwrap_or(last);
    }
    if sources::is_yaml(source) {
        let yaml = of("yaml").filter(|words| !words.contains("Plugin configuration YAML file"));
        return yaml.or_else(|| of("auto")).unwrap_or(last);
    }
    of("ini").unwrap_or(last)
}

fn located(source: &Path, words: &str) -> String {
    let name = source.display();
    let syntax = words.split_once("Syntax Error while loading YAML.").map(|(_, rest)| rest);
    let cause = syntax.unwrap_or(words).split("The error appears to be in").next().unwrap_or(words).trim();
    let place = words.split_once("': line ").and_then(|(_, rest)| {
        let (line, rest) = rest.split_once(", column ")?;
        let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(format!(":{}:{column}", line.trim()))
    });
    let named = || names::place(&words.split_whitespace().collect::<Vec<_>>().join(" "), &std::fs::read_to_string(source).ok()?);
    if let Some((line, what)) = named() {
        return format!("{name}:{line}: {what}");
    }
    match place {
        Some(place) => format!("{name}{place}: {}", shortened(cause)),
        // Some plugins name file and line themselves.
        None if cause.starts_with(&*source.to_string_lossy()) => shortened(cause),
        None => format!("{name}: {}", shortened(cause)),
    }
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
    fn no_text_ends_it() {
        for output in
            ["", "ERROR! ", "[WARNING]:  * Failed to parse", "* Failed to parse ä with  plugin: ': line , column ", "\u{0}\n\n[WARNING]:"]
        {
            let (found, said) = (complaints(output, &[]), error(output, &[]));
            assert!(found.len() <= 1 && said.len() < 1_000);
        }
    }
}
