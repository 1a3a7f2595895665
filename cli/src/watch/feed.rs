//! What the full screen hears: the lists, again whenever something has happened, and the events of the request that is open, as they happen.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::model::{Lists, News};
use super::question::{Deed, What};
use crate::client::{Api, Events, rows};
use crate::exit::{Exit, Failure};
use crate::verb::follow;

/// Lists are read again this often while nobody tells what happens.
const EVERY: Duration = Duration::from_secs(2);
/// The same while events are told: what has none, such as what an agent has free, is not much older.
const SELDOM: Duration = Duration::from_secs(10);
/// Many events in a short time are one look at the lists.
const LOOKED_AT: Duration = Duration::from_millis(500);
/// Many events in a short time are one look at the request, at its end.
const TOGETHER: Duration = Duration::from_millis(80);
/// No event comes for longer, and none has to.
const LONG: Duration = Duration::from_hours(1);
/// So many requests are listed.
const LISTED: usize = 100;

const WAITING: &str = "awaiting_approval,needs_input,needs_attention";
const UNDER_WAY: &str = "planning,discovering,previewing,running,paused";

/// Reads the lists, whenever something has happened, until nobody hears of them any more.
pub async fn lists(api: Api, news: UnboundedSender<News>) {
    let mut events = Some(Events::of_all(&api));
    loop {
        let heard = match read(&api).await {
            Ok(lists) => News::Lists(Box::new(lists)),
            Err(failure) => News::Lost(failure.message),
        };
        if news.send(heard).is_err() {
            return;
        }
        something(&mut events).await;
    }
}

/// Waits until something has happened, or may have.
async fn something(events: &mut Option<Events>) {
    let Some(told) = events else { return tokio::time::sleep(EVERY).await };
    let began = Instant::now();
    while began.elapsed() < if told.are_heard() { SELDOM } else { EVERY } {
        match tokio::time::timeout(EVERY, told.next()).await {
            Err(_) => {}
            Ok(Ok(_)) => {
                let first = Instant::now();
                while let Ok(Ok(_)) = tokio::time::timeout(LOOKED_AT.saturating_sub(first.elapsed()), told.next()).await {}
                return;
            }
            // Whoever may not hear them, or is asked by too many, reads the lists as often as before.
            Ok(Err(_)) => {
                *events = None;
                return tokio::time::sleep(EVERY).await;
            }
        }
    }
}

async fn read(api: &Api) -> Result<Lists, Failure> {
    let of = async |status: Option<&str>| {
        let query: Vec<(&str, String)> = status.map(|status| ("status", status.to_owned())).into_iter().collect();
        let listed = api.list("/requests", &query, LISTED).await?;
        Ok::<_, Failure>(rows(&listed).cloned().collect::<Vec<Value>>())
    };
    let mut waiting = of(Some(WAITING)).await?;
    // Who waits longest comes first.
    waiting.sort_by_key(|row| row["waiting_for"]["since"].as_str().or(row["updated_at"].as_str()).unwrap_or_default().to_owned());
    let all = |listed: Value| rows(&listed).cloned().collect::<Vec<Value>>();
    Ok(Lists {
        waiting,
        requests: of(None).await?,
        queue: of(Some(UNDER_WAY)).await?,
        agents: all(api.get("/agents", &[]).await?),
        // Not everybody may see them.
        reserved: match api.get("/hosts/reserved", &[]).await {
            Ok(listed) => all(listed),
            Err(failure) if failure.exit == Exit::Unreachable => return Err(failure),
            Err(_) => Vec::new(),
        },
    })
}

/// Follows a request to its end.
pub async fn request(api: Api, id: String, news: UnboundedSender<News>) {
    if let Err(failure) = followed(&api, &id, &news).await {
        news.send(News::Failed { id, why: failure.message }).ok();
    }
}

async fn followed(api: &Api, id: &str, news: &UnboundedSender<News>) -> Result<(), Failure> {
    let mut events = Events::quietly(api, id);
    let tell = |request: Value| news.send(News::Request(Box::new(request)));
    tell(events.request().await?).ok();
    let mut changed: Option<Instant> = None;
    loop {
        let within = changed.map_or(LONG, |since| TOGETHER.saturating_sub(since.elapsed()));
        match tokio::time::timeout(within, events.next()).await {
            Err(_) => {
                if changed.take().is_some() {
                    tell(events.request().await?).ok();
                }
            }
            Ok(event) => {
                let event = event?;
                match event.kind.as_str() {
                    "log" => {
                        let is_dry = follow::is_dry(&event.data);
                        let lines = event.data["lines"].as_array().into_iter().flatten();
                        let lines = lines.flat_map(|line| follow::lines_of(line, is_dry)).collect();
                        news.send(News::Log { id: id.to_owned(), lines }).ok();
                    }
                    "end" => {
                        tell(events.request().await?).ok();
                        return Ok(());
                    }
                    _ => {
                        changed.get_or_insert_with(Instant::now);
                    }
                }
            }
        }
    }
}

/// Does what a person has decided; what has become of it is told.
pub async fn act(api: Api, deed: Deed, news: UnboundedSender<News>) {
    let done = done(&api, &deed).await;
    let is_done = done.is_ok();
    news.send(News::Done(done.map_err(|failure| crate::show::text::line(&failure.message)))).ok();
    if is_done && let Ok(request) = api.request(&deed.id).await {
        news.send(News::Request(Box::new(request))).ok();
    }
}

async fn done(api: &Api, deed: &Deed) -> Result<String, Failure> {
    let Deed { id, what, key } = deed;
    match what {
        What::Decide { sha256, decision, comment } => {
            let mut body = json!({"request_id": id, "plan_sha256": sha256, "decision": decision});
            if let Some(comment) = comment {
                body["comment"] = json!(comment);
            }
            let answer = api.post_once("/approve", &body, key).await?;
            Ok(match *decision {
                "approve" if answer["status"] == "awaiting_approval" => "Your approval is recorded; another approver is needed.".to_owned(),
                "approve" => "Approved. 2 shows the run.".to_owned(),
                "reject" => "Rejected.".to_owned(),
                _ => "Planning again …".to_owned(),
            })
        }
        What::Say(words) => {
            api.post_once(&format!("/request/{id}/messages"), &json!({"text": words}), key).await?;
            Ok("Your answer is on its way to the planner.".to_owned())
        }
        What::Resolve { task_id, body } => {
            let resolved = api.post_once(&format!("/tasks/{task_id}/resolve"), body, key).await?;
            Ok(format!("{}.", crate::show::table::text(&resolved["text"])))
        }
        What::Cancel => {
            let report = api.post_once(&format!("/cancel/{id}"), &json!({}), key).await?;
            Ok(format!("Cancelled. {}", crate::show::table::text(&report["text"])))
        }
    }
}
