//! Signing in by an OpenID Connect provider: a browser is sent there and comes back, the provider says who it is, and their groups say what they
//! may do here, at the sign-in and for as long as they are signed in.
//!
//! The only crate that speaks to a provider. Sessions, and what one may do, are the kernel's.

pub mod chores;
pub mod domain;
pub mod http;
pub mod store;
pub mod verbs;

use std::sync::Arc;

use chiffon_kernel::part::Part;
use chiffon_kernel::verbs::Context;
use chores::refresher::Refresher;
use http::HttpState;
use verbs::provider::Provider;

/// What it brings to an orchestrator. Without a provider nobody signs in this way, and whoever tries is told so.
pub fn part(context: &Context, provider: Option<Arc<Provider>>) -> Part {
    let refresher = Arc::new(Refresher::new(context.clone(), provider.clone()));
    Part {
        routes: Some(Box::new(move |server| http::routes(server, HttpState::new(server.clone(), provider.clone())))),
        chores: vec![refresher],
        ..Part::default()
    }
}
