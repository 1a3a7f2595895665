//! What a plan needs before it may run. Pure: the same steps and the same policy always come to the same outcome.

use std::time::Duration;

use chiffon_protocol::action::Risk;
use chiffon_protocol::{ErrorCode, Problem};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::plan::{PolicyOutcome, Step};

/// The rules of this installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether a plan that changes nothing needs an approval too.
    pub read_only_needs_approval: bool,
    /// Distinct approvers for a plan that changes something.
    pub approvals: u32,
    /// Distinct approvers for a plan with a step of high or destructive risk.
    pub high_risk_approvals: u32,
    /// Actions that are never planned.
    pub forbidden: Vec<String>,
    /// Whether the requester, or whoever changed the request in words, may be one of the approvers.
    pub self_approval: bool,
    /// How long a plan may wait for its approval.
    #[serde(with = "humantime_serde")]
    pub plan_valid_for: Duration,
    /// The longest that a standing approval counts.
    #[serde(with = "humantime_serde")]
    pub standing_valid_for: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            read_only_needs_approval: false,
            approvals: 1,
            high_risk_approvals: 2,
            forbidden: Vec::new(),
            self_approval: true,
            plan_valid_for: Duration::from_hours(24),
            standing_valid_for: Duration::from_hours(90 * 24),
        }
    }
}

impl Policy {
    /// What these steps need, or why they may not be planned at all.
    pub fn decide(&self, steps: &[Step]) -> Result<PolicyOutcome, Problem> {
        if let Some(step) = steps
            .iter()
            .find(|step| self.forbidden.iter().any(|forbidden| forbidden == step.action() || forbidden == step.tool.uri.as_str()))
        {
            let message = format!(
                "the policy forbids the action `{}` (step `{}`); ask for something else, or take it out of `policy.forbidden`",
                step.action(),
                step.step_id
            );
            return Err(Problem::new(ErrorCode::Forbidden, message).with_details(json!({"action": step.action(), "step_id": step.step_id})));
        }
        let risk = steps.iter().map(|step| step.risk).max().unwrap_or(Risk::ReadOnly);
        let (approvals_needed, reason) = match risk {
            Risk::ReadOnly if !self.read_only_needs_approval => (0, "it changes nothing, and read-only plans need no approval"),
            Risk::ReadOnly => (self.approvals, "it changes nothing, but read-only plans need an approval too"),
            Risk::Low | Risk::Medium => (self.approvals, "it changes something"),
            Risk::High => (self.high_risk_approvals, "a step can take a host or a service down"),
            Risk::Destructive => (self.high_risk_approvals, "a step removes things"),
        };
        let mut reasons = vec![format!("risk {}: {reason}", risk.as_str())];
        reasons.extend(steps.iter().filter_map(|step| {
            let why = step.irreversible.as_ref()?;
            Some(format!("`{}` can't be taken back: {why}", step.step_id))
        }));
        if approvals_needed > 0 && !self.self_approval {
            reasons.push("who asked for it, or changed it in words, can't be one of the approvers".to_owned());
        }
        Ok(PolicyOutcome { approvals_needed, self_approval: self.self_approval, reasons })
    }
}
