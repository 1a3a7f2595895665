//! Keeping a dead letter: once, however often it is delivered; cut where it is too large; then led back where that is safe.

use std::collections::BTreeMap;

use chiffon_kernel::store::{self, principal_keys};
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::signature::SignatureError;

use super::{authenticity, by_itself};
use crate::domain::dead_letter::Facts;
use crate::store::dead_letters;
use crate::verbs::Context;

/// Of what nobody trusted has signed no more is kept: anybody who reaches the broker can send as much as they like.
const UNTRUSTED_BYTES: usize = 16 * 1024;

/// A message from the queue of dead letters.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'i> {
    /// Its headers, with reason, code and origin among them.
    pub headers: &'i BTreeMap<String, String>,
    /// Its bytes.
    pub body: &'i [u8],
    /// Whether it was delivered before.
    pub redelivered: bool,
}

/// Keeps it. What comes in twice, because the process died in between, is one row, and is led back all the same.
pub async fn run(context: &Context, incoming: &Incoming<'_>) -> Result<(), store::Error> {
    let now = context.clock.now();
    let mut work = context.begin().await?;
    let principals = principal_keys::ring(&mut work).await?;
    let checked = authenticity::check(context, &principals, incoming.headers, incoming.body);
    let signature = match &checked {
        Ok(authentic) if authentic.expires < now => "expired",
        Ok(_) => "valid",
        Err(SignatureError::Missing) => "missing",
        Err(_) => "invalid",
    };
    let mut facts = Facts::read(incoming.headers, incoming.body, checked.is_ok());
    if checked.is_err() && is_flood(context, &mut work).await? {
        facts.become_one_of_many();
    }
    let sender = match &checked {
        Ok(authentic) => Some(authenticity::name(&mut work, authentic.signer).await?),
        Err(_) => None,
    };
    let most = context.settings.dead_letters.max_body_bytes;
    let kept = incoming.body.len().min(if checked.is_ok() { most } else { most.min(UNTRUSTED_BYTES) });
    let new = dead_letters::New {
        id: context.ids.new_id(),
        facts: &facts,
        signature,
        sender: sender.as_deref(),
        headers: incoming.headers,
        body: &incoming.body[..kept],
        body_bytes: incoming.body.len(),
        redelivered: incoming.redelivered,
    };
    let id = dead_letters::add(&mut work, &new, now).await?;
    work.commit().await?;
    by_itself::run(context, id).await
}

/// Whether strangers have so many letters here that one more is only counted.
async fn is_flood(context: &Context, work: &mut Work) -> Result<bool, store::Error> {
    let most = i64::from(context.settings.dead_letters.most_of_strangers);
    Ok(dead_letters::count_strangers(work, most).await? >= most)
}
