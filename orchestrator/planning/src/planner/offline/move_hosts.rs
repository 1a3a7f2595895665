//! The steps of a plan on other hosts: "not on nas, on web1", "on web1 instead", "also on web2".

use chiffon_plans::domain::plan::DraftStep;
use serde_json::{Map, Value};

use super::chain::{id_part, set_target};
use super::index::Index;

/// Takes the steps off the hosts in `left` and puts them on those in `entered`. With `adds`, the present hosts stay;
/// without it and without a `left`, `entered` takes the place of all.
pub fn apply(steps: &mut Vec<DraftStep>, index: &Index, left: &[String], entered: &[String], adds: bool) {
    let present = hosts_of(steps, index);
    let leaving: Vec<String> = match (left, adds) {
        ([], true) => Vec::new(),
        ([], false) => present.iter().filter(|host| !entered.contains(host)).cloned().collect(),
        (left, _) => left.to_vec(),
    };
    let new: Vec<&String> = entered.iter().filter(|host| !present.contains(host)).collect();
    let Some(pattern) = leaving.iter().find(|host| present.contains(host)).or(present.first()).cloned() else { return };
    let template: Vec<DraftStep> = steps.iter().filter(|step| is_on(step, index, &pattern)).cloned().collect();
    let mut new = new.into_iter();
    if leaving.contains(&pattern)
        && let Some(host) = new.next()
    {
        steps.iter_mut().filter(|step| is_on(step, index, &pattern)).for_each(|step| put_on(step, index, &pattern, host));
    }
    for host in new {
        steps.extend(copies(&template, index, &pattern, host));
    }
    for host in leaving {
        steps.retain_mut(|step| leave(step, index, &host));
    }
    let known: Vec<String> = steps.iter().map(|step| step.step_id.clone()).collect();
    for step in steps {
        step.depends_on.retain(|on| known.contains(on));
    }
}

fn hosts_of(steps: &[DraftStep], index: &Index) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for host in steps.iter().filter_map(|step| Some(index.get(&step.action)?.spec.hosts_in(&step.parameters))).flatten() {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

fn is_on(step: &DraftStep, index: &Index, host: &str) -> bool {
    index.get(&step.action).is_some_and(|entry| entry.spec.hosts_in(&step.parameters).iter().any(|name| name == host))
}

fn put_on(step: &mut DraftStep, index: &Index, from: &str, to: &str) {
    let Some(entry) = index.get(&step.action) else { return };
    let hosts: Vec<String> =
        entry.spec.hosts_in(&step.parameters).into_iter().map(|host| if host == from { to.to_owned() } else { host }).collect();
    set_target(entry, &mut step.parameters, &hosts);
}

/// The same steps on another host, with ids of their own that their references follow.
fn copies(template: &[DraftStep], index: &Index, from: &str, to: &str) -> Vec<DraftStep> {
    let rename = |id: &str| format!("{id}-{}", id_part(to));
    let ids: Vec<&str> = template.iter().map(|step| step.step_id.as_str()).collect();
    let copy = |step: &DraftStep| {
        let mut copy = step.clone();
        copy.step_id = rename(&step.step_id);
        copy.depends_on = step.depends_on.iter().map(|on| if ids.contains(&on.as_str()) { rename(on) } else { on.clone() }).collect();
        copy.parameters = step.parameters.iter().map(|(name, value)| (name.clone(), renamed(value, &ids, &rename))).collect::<Map<_, _>>();
        put_on(&mut copy, index, from, to);
        copy
    };
    template.iter().map(copy).collect()
}

fn renamed(value: &Value, ids: &[&str], rename: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => {
            let text =
                ids.iter().fold(text.clone(), |text, id| text.replace(&format!("${{steps.{id}."), &format!("${{steps.{}.", rename(id))));
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, ids, rename)).collect(),
        Value::Object(members) => Value::Object(members.iter().map(|(key, member)| (key.clone(), renamed(member, ids, rename))).collect()),
        scalar => scalar.clone(),
    }
}

/// Takes a host out of a step; `false` when none is left.
fn leave(step: &mut DraftStep, index: &Index, host: &str) -> bool {
    let Some(entry) = index.get(&step.action) else { return true };
    let hosts = entry.spec.hosts_in(&step.parameters);
    if !hosts.iter().any(|name| name == host) {
        return true;
    }
    let left: Vec<String> = hosts.into_iter().filter(|name| name != host).collect();
    set_target(entry, &mut step.parameters, &left);
    !left.is_empty()
}
