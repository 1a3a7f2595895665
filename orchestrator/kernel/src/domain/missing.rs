//! What is said of an id that names nothing: what is not there, and what lists those that are.

use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

/// There is no such request.
pub fn request(request_id: Uuid) -> Problem {
    Problem::new(ErrorCode::RequestNotFound, format!("there is no request {request_id}; `chiffon requests` lists them"))
        .with_details(json!({"request_id": request_id}))
}

/// There is no request whose id begins or ends like this.
pub fn request_like(part: &str) -> Problem {
    let message = format!("no request's id begins or ends with `{part}`; `chiffon requests` lists them");
    Problem::new(ErrorCode::RequestNotFound, message).with_details(json!({"request_id": part}))
}

/// There is no such agent.
pub fn agent(agent_id: &str) -> Problem {
    let shown: String = agent_id.chars().take(60).collect();
    Problem::new(
        ErrorCode::AgentNotFound,
        format!("no agent `{}` has ever said hello; `chiffon agents` lists them", shown.escape_default()),
    )
}
