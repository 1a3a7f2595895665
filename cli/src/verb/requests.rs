//! `chiffon requests` and `chiffon show`.

use crate::args::Output;
use crate::client::{Api, rows};
use crate::exit::{Exit, Outcome};
use crate::show::style::{short, status as paint_status};
use crate::show::table::{self, text};
use crate::show::{request as show_request, time};

/// Lists requests, newest first.
pub async fn list(api: &Api, output: Output, status: Option<&str>, words: Option<&str>, limit: u32) -> Outcome {
    let mut query = vec![("limit", limit.to_string())];
    query.extend(status.map(|status| ("status", status.to_owned())));
    query.extend(words.map(|words| ("text", words.to_owned())));
    let listed = api.get("/requests", &query).await?;
    if !table::json(output, &listed) {
        let table = rows(&listed)
            .map(|row| {
                let id = text(&row["request_id"]);
                vec![
                    short(&id).to_owned(),
                    paint_status(&text(&row["status"])),
                    time::ago(&row["created_at"]),
                    text(&row["requested_by"]),
                    text(&row["text"]),
                ]
            })
            .collect();
        table::print(
            &["ID", "STATUS", "ASKED", "BY", "WORDS"],
            table,
            "No requests yet. Try: chiffon request \"How full are the disks on nas?\"",
        );
    }
    Ok(Exit::Done)
}

/// Shows one request.
pub async fn show(api: &Api, output: Output, id: &str) -> Outcome {
    let id = api.request_id(id).await?;
    let request = api.request(&id).await?;
    if !table::json(output, &request) {
        show_request::print(&request);
        let next: Vec<String> = request["next"].as_array().into_iter().flatten().map(text).collect();
        if !next.is_empty() {
            eprintln!("\nnext: {}", next.join(", "));
        }
    }
    Ok(Exit::Done)
}
