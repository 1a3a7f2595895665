//! Hashing of passwords: off the threads that serve calls, and only so many at once, because each takes memory on purpose.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::domain::password::Password;

/// 19 MiB and two passes, as OWASP's Password Storage Cheat Sheet says for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// So many at once take 76 MiB.
const AT_ONCE: usize = 4;
/// Whoever has not come to it by then is told to come again.
const WAITS_FOR: Duration = Duration::from_secs(5);
/// The form of a hash that no password has: a name that is not known costs what a known one does.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Whoever hashes takes one of few places.
#[derive(Debug)]
pub struct Hashing {
    places: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Hashing {
    /// A new hash of this password, with a salt of its own.
    pub async fn hash(&self, password: Password) -> Result<String, Problem> {
        let made = self.apart(move || argon2()?.hash_password(password.bytes()).map(|hash| hash.to_string())).await?;
        made.map_err(|error| Problem::new(ErrorCode::Internal, format!("a password can't be hashed: {error}")))
    }

    /// Whether this is the password of that hash. Without one it takes as long, and is not.
    pub async fn is_of(&self, password: Password, phc: Option<String>) -> Result<bool, Problem> {
        let is_known = phc.is_some();
        let phc = phc.unwrap_or_else(|| NOBODYS.to_owned());
        let checked = move || {
            let stored = PasswordHash::new(&phc)?;
            match argon2()?.verify_password(password.bytes(), &stored) {
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                other => other.map(|()| true),
            }
        };
        let is_it = self.apart(checked).await?.map_err(|error: argon2::password_hash::Error| {
            Problem::new(ErrorCode::StoredDataUnreadable, format!("a stored password hash can't be read: {error}; set the password anew"))
        })?;
        Ok(is_it && is_known)
    }

    /// Does it on a thread that may compute. The place goes with it: a caller who gives up frees none before it is done.
    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let waited = tokio::time::timeout(WAITS_FOR, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = waited else {
            let message = format!("more passwords are looked at than there are places ({AT_ONCE}); try again in a moment");
            return Err(Problem::new(ErrorCode::TooManyCalls, message).with_details(json!({"retry_after_seconds": WAITS_FOR.as_secs()})));
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|error| Problem::new(ErrorCode::Internal, format!("hashing a password broke off: {error}")))
    }
}

fn argon2() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| argon2::password_hash::Error::Crypto)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Password {
        Password::new(&text.into()).expect("a password")
    }

    #[tokio::test]
    async fn a_hash_is_of_one_password_and_has_the_parameters_in_it() {
        let hashing = Hashing::default();
        let phc = hashing.hash(typed("trombone under glass")).await.expect("a hash");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_ne!(phc, hashing.hash(typed("trombone under glass")).await.expect("a hash"), "each has a salt of its own");
        assert!(hashing.is_of(typed("trombone under glass"), Some(phc.clone())).await.expect("it is looked at"));
        assert!(!hashing.is_of(typed("trombone under grass"), Some(phc)).await.expect("it is looked at"));
        assert!(!hashing.is_of(typed("trombone under glass"), None).await.expect("it is looked at"));
        let broken = hashing.is_of(typed("x"), Some("plain".to_owned())).await.expect_err("no hash");
        assert_eq!(broken.code, ErrorCode::StoredDataUnreadable);
    }

    #[test]
    fn what_stands_for_nobody_costs_what_a_real_one_does() {
        let stored = PasswordHash::new(NOBODYS).expect("it has the form");
        let params = Params::try_from(&stored).expect("parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
    }
}
