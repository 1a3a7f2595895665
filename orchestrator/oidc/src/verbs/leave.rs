//! Signing out: here, and at the provider where it has a page for that.

use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::store::sessions::Listed;
use chiffon_kernel::verbs::{Context, sessions};
use chiffon_protocol::Problem;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::provider::Provider;
use super::seal::{self, Kind};
use crate::store::sessions as stored;

/// Ends a session; where to go then to be signed out at the provider, too. A provider that is away keeps nobody signed in here.
pub async fn leave(
    context: &Context,
    provider: Option<&Provider>,
    caller: &Principal,
    session_id: Uuid,
    back: &str,
) -> Result<(Listed, Option<String>), Problem> {
    let ended = sessions::end(context, caller, session_id).await?;
    let Some(provider) = provider else { return Ok((ended, None)) };
    let sealed = {
        let mut connection = context.store.acquire().await?;
        stored::id_token(&mut connection, session_id, &provider.settings().issuer).await?
    };
    let Some(Ok(id_token)) = sealed.map(|sealed| seal::open(&context.key, session_id, Kind::Id, &sealed)) else { return Ok((ended, None)) };
    match provider.sign_out(context, id_token.expose_secret(), back).await {
        Ok(url) => Ok((ended, url)),
        Err(failure) => {
            tracing::warn!(?failure, issuer = provider.settings().issuer, "who signs out here stays signed in at the provider");
            Ok((ended, None))
        }
    }
}
