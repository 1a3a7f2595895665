//! What a receiver's answer over HTTP means, and why one did not come.

use std::time::Duration;

use chiffon_process::bounded;
use chiffon_protocol::Shown;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::domain::backoff::Failed;

/// So much of an answer is read.
const MOST_ANSWER_BYTES: usize = 2_048;
/// And so much of it is shown.
const MOST_ANSWER_CHARS: usize = 200;

/// Makes the call; whether its answer means that it was taken.
pub async fn of(call: RequestBuilder) -> Result<(), Failed> {
    answered(call.send().await.map_err(|error| unreached(&error))?).await
}

/// Why no answer came. The address may hold what nobody else should see, so it is left out.
fn unreached(error: &reqwest::Error) -> Failed {
    let why = if error.is_timeout() {
        "the receiver did not answer in time".to_owned()
    } else if error.is_connect() {
        "the receiver can't be reached".to_owned()
    } else {
        "the call broke off".to_owned()
    };
    Failed::for_now(why)
}

/// Whether an answer means that it was taken.
async fn answered(response: Response) -> Result<(), Failed> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok()).map(Duration::from_secs);
    let text = bounded::beginning(response.bytes_stream(), MOST_ANSWER_BYTES).await;
    let words = Shown::line(text.trim()).at_most(MOST_ANSWER_CHARS).to_string();
    let why = if status.is_redirection() {
        format!("HTTP {}: redirects are not followed; name the address to which it leads", status.as_u16())
    } else {
        format!("HTTP {}: {words}", status.as_u16())
    };
    let may_succeed =
        status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    Err(Failed { why, may_succeed, wait })
}
