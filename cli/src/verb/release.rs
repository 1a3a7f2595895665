//! `chiffon release`: hosts that are reserved because something of a stopped run may still run there, and giving one back.

use serde_json::{Value, json};

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::request::reserved_lines;
use crate::show::table::{self, text};

/// Lists them, or gives `host` back.
pub async fn run(api: &Api, output: Output, host: Option<&str>, comment: Option<&str>) -> Outcome {
    let Some(host) = host else { return list(api, output).await };
    let released = api.post(&format!("/hosts/{host}/release"), &json!({"comment": comment})).await?;
    if !table::json(output, &released) {
        say!("{}.", text(&released["text"]).trim_end_matches('.'));
    }
    Ok(Exit::Done)
}

async fn list(api: &Api, output: Output) -> Outcome {
    let reserved: Value = api.get("/hosts/reserved", &[]).await?;
    if !table::json(output, &reserved) {
        let mut is_empty = true;
        for line in rows(&reserved).flat_map(reserved_lines) {
            is_empty = false;
            println!("{line}");
        }
        if is_empty {
            say!("No host is reserved for anything that may still run.");
        }
    }
    Ok(Exit::Done)
}
