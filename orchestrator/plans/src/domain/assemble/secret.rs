//! What must never stand in a plan: the value of a parameter that its action declares `secret: true`. A plan is shown, stored and
//! written to git; the agent's host alone knows what a `secret://NAME` stands for.

use chiffon_protocol::action::has_plain_secret;
use chiffon_protocol::{ActionSpec, ErrorCode, Problem};
use serde_json::{Map, Value, json};

/// A problem for each secret parameter with anything but references to secrets; no value is in it.
pub fn problems(step_id: &str, spec: &ActionSpec, parameters: &Map<String, Value>) -> Vec<Problem> {
    let in_plain = |name: &&str| parameters.get(*name).is_some_and(has_plain_secret);
    spec.secret_parameters().filter(in_plain).map(|name| problem(step_id, spec, name)).collect()
}

fn problem(step_id: &str, spec: &ActionSpec, parameter: &str) -> Problem {
    let message = format!(
        "step `{step_id}` ({}): `{parameter}` is a secret, and plans are shown and kept, so its value never stands in one. Put it into \
         `secrets.toml` in the agent's folder (`NAME = \"...\"`, mode 0600), and say `secret://NAME` in its place. If what was said is \
         a real secret, change it: what was said is kept as it was said",
        spec.name
    );
    let reason = "it is a secret, and plans are shown and kept: put its value into `secrets.toml` in the agent's folder, and say `secret://NAME` here";
    let details = json!({"step_id": step_id, "action": spec.name, "parameter": parameter, "reason": reason});
    Problem::new(ErrorCode::SecretInPlain, message).with_details(details)
}
