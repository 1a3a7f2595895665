//! For what a role was given: hosts by their name or a group, actions by their name or how it begins, and a greatest risk.

use chiffon_protocol::action::Risk;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest name of a host, a group or an action.
const MOST_NAME: usize = 200;
/// All risks, least first.
const RISKS: [Risk; 5] = [Risk::ReadOnly, Risk::Low, Risk::Medium, Risk::High, Risk::Destructive];

/// How far a role reaches. What is left out does not bound it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scope {
    /// Only this host, or hosts of this group of the inventory.
    #[schema(min_length = 1, max_length = 200)]
    pub host: Option<String>,
    /// Only this action, or those that begin so: `deploy_*`.
    #[schema(min_length = 1, max_length = 200)]
    pub action: Option<String>,
    /// Nothing of greater risk: `read_only | low | medium | high | destructive`.
    #[schema(value_type = Option<String>)]
    pub risk: Option<Risk>,
}

/// One thing that is done: what it is done to, by what, and how much harm that can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'t> {
    /// The host and its groups; empty where it is not one host.
    pub places: &'t [&'t str],
    /// The action; `None` where it is not one action.
    pub action: Option<&'t str>,
    /// Its risk; `None` where it has none.
    pub risk: Option<Risk>,
}

impl Target<'static> {
    /// No host and no action in particular: only who may everywhere may do it.
    pub const ALL: Self = Self { places: &[], action: None, risk: None };
}

impl Scope {
    /// Whether it bounds nothing.
    pub fn is_everywhere(&self) -> bool {
        self.host.is_none() && self.action.is_none() && self.risk.is_none()
    }

    /// Whether this lies within it.
    pub fn covers(&self, target: Target<'_>) -> bool {
        let fits = |wanted: &str, action: &str| wanted.strip_suffix('*').map_or(wanted == action, |start| action.starts_with(start));
        self.host.as_deref().is_none_or(|host| target.places.contains(&host))
            && self.action.as_deref().is_none_or(|wanted| target.action.is_some_and(|action| fits(wanted, action)))
            && self.risk.is_none_or(|most| target.risk.is_some_and(|risk| risk <= most))
    }

    /// Why nobody can be given anything for it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        for (field, value) in [("host", &self.host), ("action", &self.action)] {
            let Some(value) = value else { continue };
            if value.is_empty() || value.len() > MOST_NAME || value.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
                let shown: String = value.chars().take(60).collect();
                return Err((field, format!("`{}` is no name: 1 to {MOST_NAME} characters without space", shown.escape_debug())));
            }
        }
        let star = self.action.as_deref().is_some_and(|action| action.find('*').is_some_and(|at| at + 1 < action.len()));
        if star {
            return Err(("action", "a `*` stands at the end of an action's name only, as in `deploy_*`".to_owned()));
        }
        if self.host.as_deref() == Some("all") {
            return Err(("host", "`all` is every host: leave `host` out".to_owned()));
        }
        Ok(())
    }

    /// In words, to go on after "for".
    pub fn told(&self) -> String {
        let mut words = Vec::new();
        if let Some(host) = &self.host {
            words.push(format!("hosts of `{host}`"));
        }
        if let Some(action) = &self.action {
            words.push(format!("the action `{action}`"));
        }
        if let Some(risk) = self.risk {
            words.push(format!("risk up to {}", risk.as_str()));
        }
        if words.is_empty() { "everything".to_owned() } else { words.join(", ") }
    }
}

/// The risk of this word.
pub fn risk_of(word: &str) -> Option<Risk> {
    RISKS.into_iter().find(|risk| risk.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(host: Option<&str>, action: Option<&str>, risk: Option<Risk>) -> Scope {
        Scope { host: host.map(ToOwned::to_owned), action: action.map(ToOwned::to_owned), risk }
    }

    #[test]
    fn a_scope_covers_what_lies_in_all_of_it() {
        let both = scope(Some("web"), Some("restart_*"), Some(Risk::Medium));
        let target = |places, action, risk| Target { places, action, risk };
        assert!(both.covers(target(&["web1", "all", "web"], Some("restart_service"), Some(Risk::Medium))));
        for target in [
            target(&["db1", "all"], Some("restart_service"), Some(Risk::Low)),
            target(&["web1", "web"], Some("deploy_kuma"), Some(Risk::Low)),
            target(&["web1", "web"], Some("restart_service"), Some(Risk::High)),
            target(&["web1", "web"], Some("restart_service"), None),
            target(&["web1", "web"], None, Some(Risk::Low)),
            Target::ALL,
        ] {
            assert!(!both.covers(target) && Scope::default().covers(target), "{target:?}");
        }
        let one = scope(Some("web1"), Some("restart_service"), None);
        assert!(one.covers(target(&["web1", "web"], Some("restart_service"), Some(Risk::Destructive))), "a host by its own name");
        assert!(!one.covers(target(&["web1", "web"], Some("restart_services"), None)), "a name without a star is the whole name");
    }

    #[test]
    fn what_bounds_nothing_or_can_t_be_read_is_told_by_its_field() {
        assert_eq!(scope(Some("web"), Some("deploy_*"), None).check(), Ok(()));
        for (bad, field) in [
            (scope(Some(""), None, None), "host"),
            (scope(Some("all"), None, None), "host"),
            (scope(Some("a b"), None, None), "host"),
            (scope(None, Some("a*b"), None), "action"),
            (scope(None, Some("**"), None), "action"),
        ] {
            assert_eq!(bad.check().expect_err("it is refused").0, field, "{bad:?}");
        }
        assert_eq!(scope(Some("web"), None, Some(Risk::Low)).told(), "hosts of `web`, risk up to low");
        assert_eq!(risk_of("high"), Some(Risk::High));
    }
}
