//! The channels with how they stand.

use chiffon_kernel::store::principals;
use chiffon_protocol::Problem;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::Context;
use crate::domain::channel::Medium;
use crate::domain::kind::Kind;
use crate::domain::rhythm::Quiet;
use crate::store::notices;

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NotificationChannel)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// How it is spoken to.
    pub kind: Medium,
    /// Where, without what may be a secret in it.
    pub address: String,
    /// The person whom it is for; null for several.
    pub person: Option<String>,
    /// What it tells.
    pub notices: Vec<Kind>,
    /// What is about a plan of less risk is not told; null for all.
    pub least_risk: Option<String>,
    /// So long what is not urgent is gathered, and told together; null where nothing is.
    pub digest: Option<String>,
    /// When it keeps still, in words: what is not urgent is told afterwards; null for never.
    pub quiet: Option<String>,
    /// What waits for neither.
    pub urgent: Vec<Kind>,
    /// Nor does what is about a plan of this risk or more.
    pub urgent_risk: String,
    /// What keeps it from telling anything; null where nothing does.
    pub problem: Option<String>,
    /// Notifications that wait.
    pub waiting: i64,
    /// Those of them that are held: gathered, or by quiet hours.
    pub held: i64,
    /// Since when the oldest of those that are not held does.
    pub waiting_since: Option<DateTime<Utc>>,
    /// Notifications that were given up and are kept.
    pub given_up: i64,
    /// When one was last sent.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// Why a try of what waits or was given up failed.
    pub last_error: Option<String>,
}

/// All channels of the configuration, in its order.
pub async fn channels(context: &Context) -> Result<Vec<Channel>, Problem> {
    let mut connection = context.store.acquire().await?;
    let standing = notices::standing(&mut connection, context.clock.now()).await?;
    let mut shown = Vec::with_capacity(context.settings.channels.len());
    for channel in &context.settings.channels {
        let of_it = standing.iter().find(|standing| standing.channel == channel.name);
        let problem = match &channel.person {
            Some(name) if principals::get_by_name(&mut connection, name).await?.is_none() => {
                Some(format!("there is no person `{name}`; `chiffon login {name} --role ROLE` makes them known"))
            }
            _ => None,
        };
        shown.push(Channel {
            name: channel.name.clone(),
            kind: channel.kind,
            address: channel.shown_address(),
            person: channel.person.clone(),
            notices: channel.notices.clone(),
            least_risk: channel.least_risk.map(|risk| risk.as_str().to_owned()),
            digest: channel.digest.map(|span| humantime_serde::re::humantime::format_duration(span).to_string()),
            quiet: channel.quiet.as_ref().map(Quiet::told),
            urgent: channel.urgent.clone(),
            urgent_risk: channel.urgent_risk.as_str().to_owned(),
            problem,
            held: of_it.map_or(0, |standing| standing.held),
            waiting: of_it.map_or(0, |standing| standing.waiting),
            waiting_since: of_it.and_then(|standing| standing.oldest),
            given_up: of_it.map_or(0, |standing| standing.given_up),
            last_sent_at: of_it.and_then(|standing| standing.last_sent_at),
            last_error: of_it.and_then(|standing| standing.last_error.clone()),
        });
    }
    Ok(shown)
}
