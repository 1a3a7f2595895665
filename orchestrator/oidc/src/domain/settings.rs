//! The `[oidc]` table of the configuration: which provider, and which role each of its groups has here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use serde::Deserialize;

/// Providers are asked no more often.
const LEAST_REFRESH: Duration = Duration::from_secs(10);

/// What is configured of a provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Its address, exactly as it calls itself; empty where there is none.
    pub issuer: String,
    /// What people call it.
    pub name: String,
    /// Who we are there.
    pub client_id: String,
    /// The file that holds our secret there; empty for the variable, or for a client without one.
    pub client_secret_file: PathBuf,
    /// The variable that holds it; empty for the file.
    pub client_secret_env: String,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that has somebody's name here.
    pub name_claim: String,
    /// The claim that lists their groups.
    pub groups_claim: String,
    /// The role of each group; of several, the one that may most counts.
    pub roles: BTreeMap<String, Role>,
    /// How often the provider is asked whether it still stands for somebody.
    #[serde(with = "humantime_serde")]
    pub refresh_every: Duration,
}

impl Settings {
    /// Whether there is a provider at all.
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// Why nobody could sign in with this, with the key and what to do.
    pub fn check(&self) -> Result<(), String> {
        if !self.is_on() {
            return Ok(());
        }
        let issuer: reqwest::Url = self.issuer.parse().map_err(|why| {
            format!("oidc.issuer: `{}` is no address ({why}); give the provider's own, such as https://id.example.org", self.issuer)
        })?;
        let is_here = matches!(issuer.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if issuer.scheme() != "https" && !(issuer.scheme() == "http" && is_here) {
            return Err(format!("oidc.issuer: `{issuer}` is not https; only a provider on this machine may be without it"));
        }
        if issuer.query().is_some() || issuer.fragment().is_some() || !issuer.username().is_empty() {
            return Err(format!("oidc.issuer: `{issuer}` has more than an address; leave out what stands behind ? or #, and before @"));
        }
        for (key, value) in
            [("client_id", &self.client_id), ("name", &self.name), ("name_claim", &self.name_claim), ("groups_claim", &self.groups_claim)]
        {
            if value.trim().is_empty() {
                return Err(format!("oidc.{key} is empty, and oidc.issuer is set; give it, or leave both empty"));
            }
        }
        if self.roles.is_empty() {
            return Err("oidc.roles is empty, so that nobody could sign in; name a group with its role, such as {\"ops\" = \"approver\"}"
                .to_owned());
        }
        if !self.client_secret_file.as_os_str().is_empty() && !self.client_secret_env.is_empty() {
            return Err("oidc.client_secret_file and oidc.client_secret_env are both set; give one of them".to_owned());
        }
        if self.refresh_every < LEAST_REFRESH {
            return Err(format!(
                "oidc.refresh_every is shorter than {} s; no provider likes to be asked so often",
                LEAST_REFRESH.as_secs()
            ));
        }
        Ok(())
    }

    /// Our secret there, where it has one.
    pub fn client_secret(&self) -> Result<Option<String>, String> {
        let told = if !self.client_secret_file.as_os_str().is_empty() {
            let file = &self.client_secret_file;
            Some(std::fs::read_to_string(file).map_err(|why| format!("oidc.client_secret_file: {} can't be read: {why}", file.display()))?)
        } else if self.client_secret_env.is_empty() {
            None
        } else {
            let name = &self.client_secret_env;
            Some(chiffon_process::config::variable(name).ok_or_else(|| format!("oidc.client_secret_env names {name}, which is not set"))?)
        };
        match told.map(|told| told.trim().to_owned()) {
            Some(empty) if empty.is_empty() => Err("the secret of oidc.client_secret_file or oidc.client_secret_env is empty".to_owned()),
            told => Ok(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            issuer: "https://id.example.org/realms/home".to_owned(),
            name: "Home".to_owned(),
            client_id: "chiffon".to_owned(),
            client_secret_file: PathBuf::new(),
            client_secret_env: String::new(),
            scopes: Vec::new(),
            name_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            roles: BTreeMap::from([("ops".to_owned(), Role::Operator)]),
            refresh_every: Duration::from_mins(10),
        }
    }

    #[test]
    fn what_nobody_could_sign_in_with_is_refused_by_its_key() {
        assert_eq!(settings().check(), Ok(()));
        let off = Settings { issuer: String::new(), roles: BTreeMap::new(), ..settings() };
        assert_eq!((off.is_on(), off.check()), (false, Ok(())));
        let here = Settings { issuer: "http://localhost:4444".to_owned(), ..settings() };
        assert_eq!(here.check(), Ok(()));
        for (bad, words) in [
            (Settings { issuer: "id.example.org".to_owned(), ..settings() }, "oidc.issuer"),
            (Settings { issuer: "http://id.example.org".to_owned(), ..settings() }, "is not https"),
            (Settings { issuer: "https://id.example.org/?a=b".to_owned(), ..settings() }, "behind ? or #"),
            (Settings { client_id: " ".to_owned(), ..settings() }, "oidc.client_id is empty"),
            (Settings { roles: BTreeMap::new(), ..settings() }, "oidc.roles is empty"),
            (Settings { refresh_every: Duration::from_secs(1), ..settings() }, "oidc.refresh_every"),
            (Settings { client_secret_file: "a".into(), client_secret_env: "B".to_owned(), ..settings() }, "are both set"),
        ] {
            let refused = bad.check().expect_err(words);
            assert!(refused.contains(words), "{refused}");
        }
        let missing = Settings { client_secret_file: "/nowhere/secret".into(), ..settings() };
        assert!(missing.client_secret().expect_err("it is not there").contains("/nowhere/secret"));
    }
}
