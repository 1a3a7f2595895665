//! What a provider says of somebody, and what that comes to here: a name, and the role of their groups.

use std::collections::BTreeSet;

use chiffon_kernel::domain::role::Role;
use serde_json::{Map, Value};

use super::settings::Settings;

/// Of somebody who is in a thousand groups, those that matter are among the first.
const MOST_GROUPS: usize = 1_000;

/// Somebody, as a provider has told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// By what the provider knows them, for good.
    pub subject: String,
    /// What they are called there now.
    pub name: Option<String>,
    /// What they are in.
    pub groups: BTreeSet<String>,
}

/// Why somebody whom the provider knows is nobody here, to go on after the provider's name.
pub type Refusal = String;

impl Claims {
    /// Reads what a provider has told, in the order in which it counts.
    pub fn read(settings: &Settings, subject: &str, told: &[Map<String, Value>]) -> Self {
        let first = |claim: &str| told.iter().find_map(|told| told.get(claim));
        let groups = match first(&settings.groups_claim) {
            Some(Value::Array(all)) => all.iter().take(MOST_GROUPS).filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            Some(Value::String(one)) => BTreeSet::from([one.clone()]),
            _ => BTreeSet::new(),
        };
        let name = first(&settings.name_claim).and_then(Value::as_str).map(ToOwned::to_owned);
        Self { subject: subject.to_owned(), name, groups }
    }

    /// The role of their groups: of several, the one that may most.
    pub fn role(&self, settings: &Settings) -> Result<Role, Refusal> {
        let held = self.groups.iter().filter_map(|group| settings.roles.get(group)).copied();
        held.max_by_key(|role| *role as u8).ok_or_else(|| {
            let wanted = settings.roles.keys().map(|group| format!("`{group}`")).collect::<Vec<_>>().join(", ");
            format!(
                "says that you are in no group that may use this (`oidc.roles` has {wanted}; the claim `{}` {}); ask whoever keeps the groups",
                settings.groups_claim,
                if self.groups.is_empty() { "is empty or not there".to_owned() } else { format!("lists {} others", self.groups.len()) },
            )
        })
    }

    /// What they are called here.
    pub fn name(&self, settings: &Settings) -> Result<&str, Refusal> {
        let claim = &settings.name_claim;
        let name = self.name.as_deref().ok_or_else(|| {
            format!("does not say what you are called (the claim `{claim}` is not there); `oidc.name_claim` and `oidc.scopes` say what is asked for")
        })?;
        let fits =
            !name.is_empty() && name.len() <= 64 && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._@-".contains(letter));
        // The system itself has a name, which is nobody's.
        if fits && name != "chiffon" {
            return Ok(name);
        }
        let shown: String = name.chars().take(80).collect();
        Err(format!(
            "calls you `{}` (the claim `{claim}`), and a name here has 1 to 64 letters, digits and `. _ @ -`; set `oidc.name_claim` to a claim \
             that fits, such as `email`",
            shown.escape_debug()
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn settings() -> Settings {
        Settings {
            issuer: "https://id.example.org".to_owned(),
            name: "Home".to_owned(),
            client_id: "chiffon".to_owned(),
            client_secret_file: std::path::PathBuf::new(),
            client_secret_env: String::new(),
            scopes: Vec::new(),
            name_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            roles: BTreeMap::from([
                ("ops".to_owned(), Role::Operator),
                ("leads".to_owned(), Role::Approver),
                ("all".to_owned(), Role::Viewer),
            ]),
            refresh_every: Duration::from_mins(10),
        }
    }

    fn read(told: &[Value]) -> Claims {
        let told: Vec<_> = told.iter().filter_map(|told| told.as_object().cloned()).collect();
        Claims::read(&settings(), "s-1", &told)
    }

    #[test]
    fn of_several_groups_the_one_that_may_most_counts() {
        let ann = read(&[json!({"preferred_username": "ann", "groups": ["all", "leads", "ops", 7, "choir"]})]);
        assert_eq!((ann.role(&settings()), ann.name(&settings())), (Ok(Role::Approver), Ok("ann")));
        let bob = read(&[json!({"sub": "s-1"}), json!({"preferred_username": "bob", "groups": "all"})]);
        assert_eq!((bob.role(&settings()), bob.name(&settings())), (Ok(Role::Viewer), Ok("bob")));
        let first = read(&[json!({"groups": ["all"]}), json!({"groups": ["leads"]})]);
        assert_eq!(first.role(&settings()), Ok(Role::Viewer), "what is signed goes first");
    }

    #[test]
    fn who_is_in_no_group_or_has_no_name_is_refused_in_words() {
        let nobody = read(&[json!({"preferred_username": "Ann B", "groups": ["choir"]})]);
        assert!(nobody.role(&settings()).unwrap_err().contains("`all`, `leads`, `ops`; the claim `groups` lists 1 others"));
        assert!(nobody.name(&settings()).unwrap_err().contains("calls you `Ann B`"));
        assert!(read(&[json!({"preferred_username": "chiffon"})]).name(&settings()).is_err(), "that is the system itself");
        let empty = read(&[json!({"groups": {"ops": true}})]);
        assert!(empty.role(&settings()).unwrap_err().contains("is empty or not there"));
        assert!(empty.name(&settings()).unwrap_err().contains("`preferred_username` is not there"));
    }
}
