//! How many requests may be open at once, of one principal and in all. Callers that ask side by side may pass the bound by as many as
//! there are connections to the database.
//!
//! To count what is open takes as long as there is much of it. So who asks again and again, as programs do, is counted again when a part
//! of the room that there was is used, or after a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::verbs::work::Work;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::Context;
use crate::store::requests;

/// Requests end by people's decisions and by agents' work: a look after this is early enough.
const RETRY_AFTER_SECONDS: u64 = 10;

/// How many requests may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRequestLimits {
    /// In all.
    pub all: u32,
    /// Of one principal.
    pub of_one: u32,
}

impl Default for OpenRequestLimits {
    fn default() -> Self {
        Self { all: 20_000, of_one: 10_000 }
    }
}

/// The part of the room that is given out without counting again: other processes give out of it, too.
const PART: i64 = 8;
/// A count is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Room of the principal who asked last.
#[derive(Debug, Clone, Copy)]
struct Room {
    principal_id: Uuid,
    left: i64,
    until: Duration,
}

/// What this process knows of the room that there is. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct KnownRoom(Arc<Mutex<Option<Room>>>);

impl KnownRoom {
    /// Whether there is room for one more that need not be counted; then it is taken.
    fn take(&self, principal_id: Uuid, now: Duration) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_mut() {
            Some(room) if room.principal_id == principal_id && now < room.until && room.left > 0 => {
                room.left -= 1;
                true
            }
            _ => false,
        }
    }

    fn note(&self, principal_id: Uuid, room: i64, now: Duration) {
        let room = Room { principal_id, left: room / PART, until: now + GOOD_FOR };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(room);
    }
}

/// Refuses one more than there may be.
pub async fn check(context: &Context, work: &mut Work, principal: &Principal) -> Result<(), Problem> {
    let (most, now) = (context.settings.open_requests, context.clock.elapsed());
    if context.room.take(principal.id, now) {
        return Ok(());
    }
    let open = requests::count_open(work, principal.id, i64::from(most.all), i64::from(most.of_one)).await?;
    if open.of_one >= i64::from(most.of_one) {
        let message = format!("`{}` has {} open requests, which is the most that one may have", principal.name, most.of_one);
        return Err(too_many(&message, "planning.max_open_requests_per_principal"));
    }
    if open.all >= i64::from(most.all) {
        return Err(too_many(&format!("{} requests are open, which is the most", most.all), "planning.max_open_requests"));
    }
    context.room.note(principal.id, (i64::from(most.of_one) - open.of_one).min(i64::from(most.all) - open.all), now);
    Ok(())
}

fn too_many(what: &str, setting: &str) -> Problem {
    let message = format!("{what} (`{setting}`); `chiffon requests` lists them, `chiffon cancel` ends one");
    Problem::new(ErrorCode::TooManyOpenRequests, message)
        .with_details(json!({"setting": setting, "retry_after_seconds": RETRY_AFTER_SECONDS}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_of_the_room_is_given_out_for_a_second_and_to_nobody_else() {
        let (room, ada, ben) = (KnownRoom::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(!room.take(ada, Duration::ZERO), "nothing is known");
        room.note(ada, 17, Duration::ZERO);
        assert!(!room.take(ben, Duration::ZERO));
        assert!(room.take(ada, Duration::ZERO) && room.take(ada, Duration::from_millis(999)) && !room.take(ada, Duration::ZERO));
        room.note(ada, 17, Duration::ZERO);
        assert!(!room.take(ada, GOOD_FOR), "it was counted too long ago");
        room.note(ada, 7, Duration::ZERO);
        assert!(!room.take(ada, Duration::ZERO), "near the bound each is counted");
    }
}
