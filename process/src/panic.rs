//! Keeping a panic to the one piece of work in which it happened.
//!
//! A panic is a mistake of this program. It ends the piece, and whoever owns the piece says what that means: a delivery is
//! rejected, a look is made again, a task is over. It never ends its neighbours.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// A piece of work has panicked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a mistake of this program ended it: {message}")]
pub struct Panicked {
    /// What the panic said.
    pub message: String,
}

impl Panicked {
    /// What a caught panic carries.
    pub fn of(payload: &(dyn Any + Send)) -> Self {
        let said = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self { message: said.unwrap_or("a panic without a message").to_owned() }
    }
}

/// Does a piece of work; a panic in it is a value. What the work shared with others must bear being left half-way, as it must
/// where work can be dropped.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(payload) => Poll::Ready(Err(Panicked::of(payload.as_ref()))),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_after_a_wait_is_a_value_with_its_words() {
        let outcome: Result<(), Panicked> = caught(async {
            tokio::task::yield_now().await;
            panic!("byte 1 is inside {:?}", 'ä');
        })
        .await;
        assert_eq!(outcome.unwrap_err().message, "byte 1 is inside 'ä'");
        assert_eq!(caught(async { 7 }).await, Ok(7));
    }
}
