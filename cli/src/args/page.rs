//! `docs/verbs.md`, made of the verbs and their help. Built with `UPDATE_DOCS=1`, the test writes it anew.

use clap::{Arg, Command, CommandFactory as _};

use super::Args;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verbs.md");
const HEAD: &str = "# Verbs of the command line

What `chiffon --help` and `chiffon VERB --help` say. [The command line](how-to/the-command-line.md) tells how the verbs go together.
";

/// The page of a verb, and those of the verbs below it.
fn put(page: &mut String, path: &[&str], command: &Command, is_top: bool) {
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;");
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| is_top || !arg.is_global_set()).filter(|arg| !arg.is_hide_set()).collect();
    let own: Vec<&Arg> = own.into_iter().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())).collect();
    let about = command.get_about().map(|about| words(about.to_string())).unwrap_or_default();
    page.push_str(&format!("\n## {}\n\n{about}\n", if is_top { "For every verb".to_owned() } else { path.join(" ") }));
    if !own.is_empty() {
        page.push_str("\n| | |\n|---|---|\n");
        for arg in own {
            page.push_str(&format!(
                "| `{}` | {} |\n",
                shape(arg).replace('|', "\\|"),
                words(arg.get_help().map(ToString::to_string).unwrap_or_default())
            ));
        }
    }
    let after = command.get_after_help().map(|after| words(after.to_string()));
    if let Some(after) = after {
        page.push_str(&format!("\n{after}\n"));
    }
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        put(page, &[path, &[verb.get_name()]].concat(), verb, false);
    }
}

/// "-y, --yes", "--url URL", "ID".
fn shape(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let value = arg.get_value_names().map_or_else(|| arg.get_id().as_str().to_uppercase(), |names| names.join(" "));
    if arg.is_positional() {
        return if arg.is_required_set() { value } else { format!("[{value}]") };
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flag = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if takes { format!("{flag} {value}") } else { flag }
}

#[test]
fn every_verb_with_its_options_is_on_its_page() {
    let mut page = HEAD.to_owned();
    put(&mut page, &["chiffon"], &Args::command(), true);
    for needed in ["## chiffon request\n", "## chiffon audit log\n", "`-y, --yes`", "`--without STEP`"] {
        assert!(page.contains(needed), "{needed} of:\n{page}");
    }
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, &page).expect("it is written");
    }
    let kept = std::fs::read_to_string(FILE).expect("it is there");
    assert!(kept == page, "docs/verbs.md is of other verbs: run this test with UPDATE_DOCS=1");
}
