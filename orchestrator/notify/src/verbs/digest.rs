//! What a message says: one thing, or several that were held, each with its own link.

use std::fmt::Write as _;

use chiffon_protocol::Problem;

use super::follow::risk_of;
use super::send::{Item, Said};
use super::{Context, link};
use crate::domain::channel::Channel;
use crate::domain::kind::Kind;
use crate::store::notices::Due;

/// What receivers read of a message about several things.
const KIND: &str = "digest";

/// The message that tells this; `None` where there is nothing to tell.
pub(super) async fn said(context: &Context, channel: &Channel, dues: &[Due]) -> Result<Option<Said>, Problem> {
    let mut items = Vec::with_capacity(dues.len());
    for due in dues {
        let url = link::of(context, channel, due).await?;
        items.push(Item {
            id: due.id,
            kind: due.kind.as_str(),
            title: due.title.clone(),
            text: due.body.clone(),
            url,
            request_id: due.request_id,
            plan_sha256: due.plan_sha256.clone(),
            risk: due.risk.clone(),
        });
    }
    let (Some(due), person) = (dues.first(), channel.person.clone()) else { return Ok(None) };
    Ok(Some(match <[Item; 1]>::try_from(items) {
        Ok([only]) => {
            let Item { kind, title, text, url, request_id, plan_sha256, risk, .. } = only;
            let (id, at) = (due.message_id, due.created_at);
            Said { id, kind, title, body: text, url, request_id, plan_sha256, risk, person, at, items: Vec::new() }
        }
        Err(items) => Said {
            id: due.message_id,
            kind: KIND,
            title: title(dues),
            body: body(&items),
            url: format!("{}{}", context.public_url, one_place(dues).unwrap_or("/ui/inbox")),
            request_id: None,
            plan_sha256: None,
            risk: dues.iter().filter_map(|due| due.risk.as_deref()).max_by_key(|risk| risk_of(risk)).map(ToOwned::to_owned),
            person,
            at: dues.iter().map(Due::since).max().unwrap_or(due.created_at),
            items,
        },
    }))
}

/// How many there are, by what they are about.
fn title(dues: &[Due]) -> String {
    let counted = Kind::ALL.into_iter().filter_map(|kind| {
        let count = dues.iter().filter(|due| due.kind == kind).count();
        (count > 0).then(|| kind.counted(count))
    });
    format!("{} notices: {}", dues.len(), counted.collect::<Vec<_>>().join(", "))
}

fn body(items: &[Item]) -> String {
    let mut body = String::new();
    for item in items {
        let line = if body.is_empty() { "" } else { "\n" };
        // Writing to a text can't fail.
        let _ = write!(body, "{line}{}\n{}\n", item.title, item.url);
    }
    body
}

/// Where all of them lead, if that is one place.
fn one_place(dues: &[Due]) -> Option<&str> {
    let first = dues.first()?;
    dues.iter().all(|due| due.path == first.path).then_some(first.path.as_str())
}
