//! Where the audit repository keeps what an action has applied: no value that somebody asks for leads to another action's record, nor to
//! those of requests.
//!
//! A parameter names a file only in a folder that its action names. Where the template gives none, it is the action's own: the app
//! `packages` is `hosts/nas/deploy_compose_app/packages.yml`, because `hosts/nas/packages.yml` is what is installed there.

use std::fmt;

use uuid::Uuid;

use super::reference::{HOST, PARAMETER};

/// Where requests and what is left of unfinished tasks are told.
const REQUESTS: &str = "requests";
/// The folder of a host in which unfinished tasks are told.
pub const UNFINISHED: &str = "unfinished";

/// Where a request is told: by its day (`2026/01/31`), and by the end of its id, so that no folder grows with the month. A commit writes each folder
/// on its way anew. What was told before in `requests/<yyyy>/<mm>/<id>` stays there.
pub fn of_request(id: Uuid, day: impl fmt::Display) -> String {
    let end = id.as_bytes().last().copied().unwrap_or_default();
    format!("{REQUESTS}/{day}/{end:02x}/{id}")
}

/// The template of a record's path with the folder of its action in it, where one is needed.
pub fn of_action(action: &str, template: &str) -> String {
    let parts: Vec<&str> = template.split('/').collect();
    let Some(first) = parts.iter().position(|part| part.contains(PARAMETER)) else { return template.to_owned() };
    let fixed = parts.iter().take(first).filter(|part| !part.contains(HOST)).count();
    // `hosts/<host>` and the root are everybody's.
    let is_shared = fixed == 0 || (fixed == 1 && parts.first() == Some(&"hosts"));
    if !is_shared {
        return template.to_owned();
    }
    let mut parts = parts;
    parts.insert(first, action);
    parts.join("/")
}

/// Refuses a path at which something else is told.
pub fn check(path: String) -> Result<String, String> {
    let mut parts = path.split('/');
    let taken = match parts.next() {
        Some(first) if first.eq_ignore_ascii_case(REQUESTS) => true,
        Some("hosts") => parts.nth(1).is_some_and(|folder| folder.eq_ignore_ascii_case(UNFINISHED)),
        _ => false,
    };
    if taken { Err(format!("`{path}` is where Chiffon tells of requests and unfinished tasks; choose another folder")) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_names_files_in_its_actions_folder_only() {
        for (template, placed) in [
            ("hosts/${host}/${parameters.name}.yml", "hosts/${host}/deploy/${parameters.name}.yml"),
            ("hosts/${host}/app-${parameters.name}/a.yml", "hosts/${host}/deploy/app-${parameters.name}/a.yml"),
            ("hosts/${parameters.name}/a.yml", "hosts/deploy/${parameters.name}/a.yml"),
            ("${parameters.name}.yml", "deploy/${parameters.name}.yml"),
            ("hosts/${host}/apps/${parameters.name}.yml", "hosts/${host}/apps/${parameters.name}.yml"),
            ("zones/${parameters.zone}.yml", "zones/${parameters.zone}.yml"),
            ("hosts/${host}/packages.yml", "hosts/${host}/packages.yml"),
        ] {
            assert_eq!(of_action("deploy", template), placed);
        }
    }

    #[test]
    fn a_request_is_told_by_its_day_and_the_end_of_its_id() {
        let id = Uuid::parse_str("01a1fc30-2000-7000-8000-0000000000f3").unwrap();
        assert_eq!(of_request(id, "2023/11/14"), format!("requests/2023/11/14/f3/{id}"));
    }

    #[test]
    fn nobody_writes_where_requests_and_unfinished_tasks_are_told() {
        for path in ["requests/2026/01/x/request.md", "Requests/x", "hosts/nas/unfinished/x.yml"] {
            assert!(check(path.to_owned()).is_err(), "{path}");
        }
        for path in ["hosts/unfinished/x.yml", "hosts/nas/x.yml", "hosts/requests/x.yml", "zones/requests.yml"] {
            assert!(check(path.to_owned()).is_ok(), "{path}");
        }
    }
}
