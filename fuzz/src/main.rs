//! `chiffon-fuzz`: feeds every reader, and keeps what made one panic.

use std::process::ExitCode;
use std::time::Instant;

use chiffon_fuzz::{Found, Reader, run, seeds_folder};
use clap::Parser;

/// Feeds everything that reads text from outside with mutations of kept seeds
#[derive(Debug, Parser)]
struct Args {
    /// How many inputs, for all readers together
    #[arg(long, default_value_t = 1_000_000)]
    inputs: u64,
    /// The first number
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only this reader, as its folder in fuzz/seeds is called
    #[arg(long)]
    reader: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let chosen: Vec<Reader> =
        Reader::ALL.into_iter().filter(|reader| args.reader.as_deref().is_none_or(|name| name == reader.name())).collect();
    if chosen.is_empty() {
        eprintln!("there is no reader `{}`; the readers are {}", args.reader.unwrap_or_default(), Reader::ALL.map(Reader::name).join(", "));
        return ExitCode::from(2);
    }
    let shares: u64 = chosen.iter().map(|reader| reader.share()).sum();
    let (mut found, mut inputs, began) = (Vec::new(), 0, Instant::now());
    for reader in chosen {
        let (count, started) = (args.inputs * reader.share() / shares, Instant::now());
        let panics = run(reader, args.from..args.from + count);
        println!("{:<12} {count:>9} inputs, {:>6.1} s, {} panics", reader.name(), started.elapsed().as_secs_f64(), panics.len());
        found.extend(panics);
        inputs += count;
    }
    println!("{inputs} inputs, {} panics, in {:.0} s", found.len(), began.elapsed().as_secs_f64());
    found.iter().for_each(keep);
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn keep(found: &Found) {
    let Some(number) = found.number else {
        println!("{}: a kept seed panics: {}", found.reader.name(), found.said);
        return;
    };
    let file = seeds_folder().join(found.reader.name()).join(format!("found-{number}"));
    let kept = std::fs::write(&file, &found.input).map_or_else(|error| format!("could not be kept: {error}"), |()| "is kept".to_owned());
    println!(
        "{}: input {number} panics: {}\n  {} {kept}; mend the reader and commit the file",
        found.reader.name(),
        found.said,
        file.display()
    );
}
