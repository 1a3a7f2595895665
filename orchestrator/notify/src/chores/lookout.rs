//! Looks at how things stand: what waits for long, who is not heard, what is spent, and what soon counts no more.

use std::time::Duration;

use async_trait::async_trait;
use chiffon_kernel::chores::{Chore, TickReport};
use chiffon_protocol::Problem;
use tokio::sync::{Mutex, Notify};

use crate::domain::standing::Certificate;
use crate::verbs::{Context, certificate, look};

/// The agent's name.
pub const NAME: &str = "lookout";
/// Between two looks: nothing that it tells is a matter of seconds.
const PERIOD: Duration = Duration::from_mins(1);
/// The address of this Chiffon is called in it.
const LIMIT: Duration = Duration::from_mins(1);
/// Between two calls of it: a certificate that ends in days is no matter of minutes.
const CERTIFICATE_EVERY: Duration = Duration::from_hours(1);

/// Looks.
#[derive(Debug)]
pub struct Lookout {
    context: Context,
    /// The certificate as it was seen last, and when that was, on the clock that counts suspend.
    seen: Mutex<Option<(Duration, Option<Certificate>)>>,
    never: Notify,
}

impl Lookout {
    /// One for these channels.
    pub fn new(context: Context) -> Self {
        Self { context, seen: Mutex::new(None), never: Notify::new() }
    }

    async fn certificate(&self) -> Option<Certificate> {
        let mut seen = self.seen.lock().await;
        let now = self.context.clock.elapsed();
        match &*seen {
            Some((at, certificate)) if now.saturating_sub(*at) < CERTIFICATE_EVERY => certificate.clone(),
            _ => {
                let certificate = certificate::of(&self.context.public_url).await;
                *seen = Some((now, certificate.clone()));
                certificate
            }
        }
    }
}

#[async_trait]
impl Chore for Lookout {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nothing but its period wakes it.
    fn wake(&self) -> &Notify {
        &self.never
    }

    fn period(&self, _: &chiffon_kernel::verbs::Context) -> Duration {
        PERIOD
    }

    fn limit(&self, _: &chiffon_kernel::verbs::Context) -> Duration {
        LIMIT
    }

    async fn tick(&self) -> Result<TickReport, Problem> {
        let certificate = self.certificate().await;
        Ok(TickReport::of(look::run(&self.context, certificate.as_ref()).await?))
    }
}
