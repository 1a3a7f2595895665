//! What notifications work with: the kernel's, the channels, and where links lead.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chiffon_kernel::verbs as kernel;
use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::{ErrorCode, Problem};

use crate::domain::settings::Notifications;

/// How long a receiver may take to take the connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// And for all of its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What notifications work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// What every part works with.
    pub kernel: kernel::Context,
    /// The channels.
    pub settings: Arc<Notifications>,
    /// What links begin with, without a slash at its end.
    pub public_url: Arc<str>,
    /// What providers of models may cost in a month, where they have a limit.
    pub budgets: Arc<[(String, MicroDollars)]>,
    /// Follows no redirect: what an operator named is called, and nothing that a receiver names.
    pub http: reqwest::Client,
}

impl Context {
    /// Of these channels; links begin with this address.
    pub fn new(kernel: kernel::Context, settings: Notifications, public_url: &str) -> Result<Self, Problem> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .user_agent(concat!("chiffon/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Problem::new(ErrorCode::Internal, format!("no HTTP client for notifications: {error}")))?;
        Ok(Self {
            kernel,
            settings: Arc::new(settings),
            budgets: Arc::default(),
            public_url: public_url.trim_end_matches('/').into(),
            http,
        })
    }

    /// The same, which knows what providers of models may cost in a month.
    #[must_use]
    pub fn with_budgets(self, budgets: Vec<(String, MicroDollars)>) -> Self {
        Self { budgets: budgets.into(), ..self }
    }
}

impl Deref for Context {
    type Target = kernel::Context;

    fn deref(&self) -> &kernel::Context {
        &self.kernel
    }
}
