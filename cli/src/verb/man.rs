//! `chiffon man`: the words of `--help` as pages for `man`, one for each verb.

use std::path::Path;

use clap::CommandFactory as _;

use crate::args::Args;
use crate::exit::{Exit, Failure, Outcome};

/// Writes them into a folder.
pub fn run(dir: &Path) -> Outcome {
    let trouble = |error: std::io::Error| {
        Failure::failed(format!("the man pages can't be written into {}: {error}; name a folder that you may write to", dir.display()))
    };
    std::fs::create_dir_all(dir).map_err(trouble)?;
    clap_mangen::generate_to(Args::command(), dir).map_err(trouble)?;
    say!("Written into {}; `man -l {0}/chiffon.1` shows the first.", dir.display());
    Ok(Exit::Done)
}
