//! A lease as its holder remembers it: it is asked for again once half of it is over, so that who looks often asks seldom. What is
//! written under it asks whether its epoch still counts, in the same transaction; a memory that is wrong changes nothing.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Context;
use crate::store::{self, leases};

/// One lease of this process.
#[derive(Debug)]
pub struct Holding {
    name: &'static str,
    /// The epoch, and until when nothing has to be asked, by the process's clock.
    known: Mutex<Option<(i64, Duration)>>,
}

impl Holding {
    /// A lease of which nothing is known yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, known: Mutex::new(None) }
    }

    /// The epoch under which this process may write, with the lease taken or renewed where that is due; `None` while another holds it.
    pub async fn epoch(&self, context: &Context, lease: Duration) -> Result<Option<i64>, store::Error> {
        let now = context.clock.elapsed();
        if let Some((epoch, until)) = *self.known.lock().unwrap_or_else(PoisonError::into_inner)
            && now < until
        {
            return Ok(Some(epoch));
        }
        let held = leases::acquire(&mut *context.store.acquire().await?, self.name, &context.instance, lease).await?;
        // Counted from before the question, so that the answer's way takes nothing off the lease.
        let known = held.map(|held| (held.epoch, now + held.left.saturating_sub(lease / 2)));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(held.map(|held| held.epoch))
    }
}
