//! The hooks with how they stand.

use chiffon_protocol::Problem;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Context, receive, secret};
use crate::domain::hook::Hook;
use crate::domain::scheme::Scheme;
use crate::store::calls::{self, Counted};

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct Shown {
    /// What its address ends with.
    pub name: String,
    /// What is called, below this server's address.
    pub path: String,
    /// How calls are signed.
    pub signed_by: Scheme,
    /// The program in whose name it asks.
    pub asks_as: String,
    /// What it asks: its words, or its action.
    pub asks: String,
    /// What keeps it from asking; null where nothing does.
    pub problem: Option<String>,
    /// How often it was called, by what came of it.
    pub calls: Vec<Came>,
}

/// How often calls came to one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WebhookCalls)]
pub struct Came {
    /// `asked`, `again` (the same call), `passed_over`, `refused` or `unfit`.
    pub outcome: String,
    /// How often.
    pub count: i64,
    /// When last.
    pub last_at: DateTime<Utc>,
    /// Why, the last time; null for what was asked.
    pub last_why: Option<String>,
}

/// All hooks of the configuration, in its order.
pub async fn run(context: &Context) -> Result<Vec<Shown>, Problem> {
    let counted = calls::list(context.store.pool()).await?;
    let mut shown = Vec::with_capacity(context.settings.hooks.len());
    for hook in &context.settings.hooks {
        let problem = match secret::of(hook) {
            Err(why) => Some(why),
            Ok(_) => receive::asker(context, hook).await?.err(),
        };
        shown.push(of(hook, problem, &counted));
    }
    Ok(shown)
}

fn of(hook: &Hook, problem: Option<String>, counted: &[Counted]) -> Shown {
    let own = counted.iter().filter(|counted| counted.hook == hook.name);
    let came = own.map(|of| Came { outcome: of.outcome.clone(), count: of.count, last_at: of.last_at, last_why: of.last_why.clone() });
    let asks = hook.text.as_ref().map(|text| text.source().to_owned());
    Shown {
        name: hook.name.clone(),
        path: format!("/webhooks/{}", hook.name),
        signed_by: hook.signed_by,
        asks_as: hook.asks_as.clone(),
        asks: asks.or_else(|| hook.action.clone()).unwrap_or_default(),
        problem,
        calls: came.collect(),
    }
}
