//! Beginning a sign-in: a browser is sent to the provider, bound to a cookie of its own.

use std::time::Duration;

use chiffon_kernel::verbs::{Context, tokens};
use chiffon_protocol::Problem;
use secrecy::{ExposeSecret as _, SecretString};

use super::finish;
use super::provider::Provider;
use crate::store::sign_ins::{self, NewSignIn};

/// What every cookie's text begins with.
pub const PREFIX: &str = "cho_";
/// Somebody who types a password and a second factor there is back by then.
pub const VALID_FOR: Duration = Duration::from_mins(10);

/// A sign-in that was begun.
#[derive(Debug)]
pub struct Begun {
    /// The provider's page.
    pub url: String,
    /// What the browser's cookie holds, which is told once.
    pub browser: SecretString,
}

/// Begins one that comes back to this address.
pub async fn begin(context: &Context, provider: &Provider, redirect_uri: &str) -> Result<Begun, Problem> {
    let sent = provider.send(context, redirect_uri).await.map_err(|failure| finish::problem(provider, failure))?;
    let (at, browser) = (context.clock.now(), tokens::random_text(PREFIX));
    let new = NewSignIn {
        id: context.ids.new_id(),
        state_sha256: &tokens::sha256(sent.state.expose_secret()),
        browser_sha256: &tokens::sha256(browser.expose_secret()),
        nonce: &sent.nonce,
        pkce_verifier: &sent.pkce_verifier,
        redirect_uri,
        expires_at: at + VALID_FOR,
    };
    let mut work = context.begin().await?;
    sign_ins::add(&mut work, &new, at).await?;
    work.commit().await?;
    Ok(Begun { url: sent.url, browser })
}
