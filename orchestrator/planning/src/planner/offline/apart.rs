//! Planning beside the runtime: on a thread for work that computes, within a time, and so that a panic ends this round only.

use std::time::Duration;

use chiffon_protocol::{ErrorCode, Problem};

/// Longer than this, no round may compute. What is in a text was counted before, so a healthy machine is far from it.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Does the work on a thread of its own. `Err` says that it took too long or that it panicked; neither reaches the caller's thread.
pub async fn apart<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!(%error, "planning panicked; its round ends with that");
            let message = "the offline planner failed inside while it read this; nothing was planned. Say it in other words, and report the text with the log of the orchestrator";
            Err(Problem::new(ErrorCode::Internal, message))
        }
        Err(_) => {
            let message = format!("this was not planned within {} s; say it in fewer words, or in several requests", limit.as_secs());
            Err(Problem::new(ErrorCode::PlanningTookTooLong, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_round_with_a_reason() {
        let problem = apart::<()>(TIME_LIMIT, || panic!("on purpose")).await.expect_err("it panics");
        assert_eq!(problem.code, ErrorCode::Internal);
        assert_eq!(apart(TIME_LIMIT, || 7).await, Ok(7), "the next one is planned");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_runtime_goes_on_while_a_round_computes_and_does_not_wait_for_ever() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let slow = apart(Duration::from_millis(50), move || held.recv().is_ok());
        let problem = slow.await.expect_err("it is held until after the limit");
        assert_eq!(problem.code, ErrorCode::PlanningTookTooLong);
        drop(release);
    }
}
