//! `chiffon question`: what was, answered from the records.

use chiffon_process::{Clock as _, SystemClock};
use serde_json::Value;

use crate::args::{Output, Question};
use crate::client::{Api, rows};
use crate::exit::{Exit, Failure, Outcome};
use crate::show::called::CHIFFON;
use crate::show::table::{self, text};
use crate::show::text::line;
use crate::show::time;

/// Lists the questions, or asks one.
pub async fn run(api: &Api, output: Output, wanted: &Question) -> Outcome {
    match &wanted.name {
        Some(name) => ask(api, output, name, wanted).await,
        None => list(api, output).await,
    }
}

async fn list(api: &Api, output: Output) -> Outcome {
    let listed = api.get("/questions", &[]).await?;
    if !table::json(output, &listed) {
        let questions = rows(&listed).map(|row| vec![text(&row["name"]), text(&row["title"])]).collect();
        table::print(&["NAME", "QUESTION"], questions, "This Chiffon has no questions.");
        say!("`{CHIFFON} question NAME` asks one, about the last thirty days unless --since says otherwise.");
    }
    Ok(Exit::Done)
}

async fn ask(api: &Api, output: Output, name: &str, wanted: &Question) -> Outcome {
    let moment = |named: &Option<String>| named.as_deref().map(|named| time::moment(named, SystemClock.now())).transpose();
    let (since, until) = (moment(&wanted.since)?, moment(&wanted.until)?);
    let mut query: Vec<(&str, String)> =
        [("since", since), ("until", until)].into_iter().filter_map(|(key, at)| Some((key, at?))).collect();
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        return Err(Failure::usage(format!("`{}` is no question's name; `{CHIFFON} question` lists them", line(name))));
    }
    let path = format!("/questions/{name}");
    if wanted.csv {
        query.push(("format", "csv".to_owned()));
        print!("{}", api.text(&path, &query).await?);
        return Ok(Exit::Done);
    }
    let answer = api.get(&path, &query).await?;
    if !table::json(output, &answer) {
        let heads: Vec<String> = answer["columns"].as_array().into_iter().flatten().map(|name| text(name).replace('_', " ")).collect();
        let cells = answer["rows"].as_array().into_iter().flatten().map(|row| row.as_array().into_iter().flatten().map(cell).collect());
        let empty = format!("Nothing between {} and {}. --since asks about more.", text(&answer["since"]), text(&answer["until"]));
        table::print(&heads.iter().map(String::as_str).collect::<Vec<_>>(), cells.collect(), &empty);
        if answer["more"] == true {
            say!("There are more rows than these; ask about a shorter time with --since and --until, or all of it with `{CHIFFON} sql`.");
        }
    }
    Ok(Exit::Done)
}

/// Moments as people read them; everything else as it is.
fn cell(value: &Value) -> String {
    let is_moment = value.as_str().is_some_and(|text| text.len() >= 20 && chrono::DateTime::parse_from_rfc3339(text).is_ok());
    if is_moment {
        time::second(value).unwrap_or_default()
    } else if value.is_null() {
        String::new()
    } else {
        text(value)
    }
}
