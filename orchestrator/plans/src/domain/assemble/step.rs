//! One drafted step: its action, its references, its parameters and its hosts, checked and completed.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_process::nearest::nearest;
use chiffon_protocol::tool::{NotATool, Tool, ToolUri};
use chiffon_protocol::{ActionSpec, ErrorCode, Problem};
use serde_json::{Map, Value, json};

use super::{parameters, secret};
use crate::domain::catalogue::{Catalogue, CatalogueAction};
use crate::domain::fleet::Fleet;
use crate::domain::plan::{Draft, DraftStep, Phase, Step};
use crate::domain::reference::{Reference, references};
use crate::domain::runnable::unknown_scheme;

/// The step, or everything that is wrong with it.
pub fn checked(proposed: &DraftStep, draft: &Draft, catalogue: &Catalogue, fleet: &Fleet) -> Result<Step, Vec<Problem>> {
    let id = proposed.step_id.as_str();
    let Some(CatalogueAction { spec, .. }) = catalogue.get(&proposed.action) else {
        return Err(vec![unknown_action(id, &proposed.action, catalogue)]);
    };
    let filled = spec.with_defaults(&proposed.parameters);
    let secrets = secret::problems(id, spec, &filled);
    if !secrets.is_empty() {
        return Err(secrets);
    }
    let (referring, mut problems) = check_references(proposed, spec, &filled, draft, catalogue);
    let open: BTreeSet<String> = referring.keys().cloned().collect();
    problems.extend(parameters::problems(id, spec, &filled, &open));
    let hosts = resolved_hosts(id, spec, &filled, &open, fleet, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let Some(CatalogueAction { spec, sha256 }) = catalogue.for_hosts(&spec.name, &hosts) else {
        return Err(vec![unknown_action(id, &proposed.action, catalogue)]);
    };
    let mut depends_on: BTreeSet<String> = proposed.depends_on.iter().cloned().collect();
    depends_on.extend(referring.into_values().flatten().map(|reference| reference.step_id));
    let uri = ToolUri::of_action(&spec.agent_type, &spec.name).map_err(|error| vec![not_a_tool(id, &error)])?;
    Ok(Step {
        step_id: id.to_owned(),
        title: title(proposed, spec, &hosts),
        tool: Tool { uri, sha256: sha256.clone() },
        parameters: filled,
        hosts,
        depends_on: depends_on.into_iter().collect(),
        resources_required: spec.resources.clone(),
        risk: spec.risk,
        repeatable: spec.repeatable,
        check: spec.check,
        timeout_seconds: spec.timeout_seconds,
        phase: Phase::Apply,
        records: spec.records.clone(),
        undo: spec.undo.clone(),
        irreversible: spec.irreversible.clone(),
        frozen_outputs: None,
        frozen_references: BTreeMap::new(),
        runs_with: spec.runs_with.clone(),
        own_code: spec.own_code.clone(),
        when: None,
        on_failure: None,
        retry: None,
    })
}

fn title(proposed: &DraftStep, spec: &ActionSpec, hosts: &[String]) -> String {
    match proposed.title.trim() {
        "" if hosts.is_empty() => spec.title.clone(),
        "" => format!("{} on {}", spec.title, hosts.join(", ")),
        given => given.to_owned(),
    }
}

fn not_a_tool(step_id: &str, error: &NotATool) -> Problem {
    Problem::new(ErrorCode::ToolInvalid, format!("step `{step_id}`: {error}"))
}

/// A draft names actions. What has a scheme in it names a tool, and may be of one that nobody serves.
fn unknown_action(step_id: &str, name: &str, catalogue: &Catalogue) -> Problem {
    let tool = name.contains(':').then(|| name.parse::<ToolUri>());
    let name = match &tool {
        Some(Err(error)) => return not_a_tool(step_id, error),
        Some(Ok(uri)) => match uri.agent() {
            Some(agent) => agent.action,
            None => return unknown_scheme(step_id, uri),
        },
        None => name,
    };
    let near = nearest(name, catalogue.iter().map(|action| action.spec.name.as_str()));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if catalogue.is_empty() => "no connected agent announces any action".to_owned(),
        None => "`chiffon actions` lists what there is".to_owned(),
    };
    Problem::new(ErrorCode::UnknownAction, format!("step `{step_id}`: there is no action `{name}`; {hint}"))
        .with_details(json!({"action": name, "nearest": near}))
}

type Referring = BTreeMap<String, BTreeSet<Reference>>;

fn check_references(
    proposed: &DraftStep,
    spec: &ActionSpec,
    filled: &Map<String, Value>,
    draft: &Draft,
    catalogue: &Catalogue,
) -> (Referring, Vec<Problem>) {
    let (mut referring, mut problems) = (Referring::new(), Vec::new());
    for (name, value) in filled {
        let place = format!("step `{}`: `{name}`", proposed.step_id);
        let mut refuse = |code, reason: String| {
            let details = json!({"parameter": name, "reason": reason});
            problems.push(Problem::new(code, format!("{place}: {reason}")).with_details(details));
        };
        let found = match references(value) {
            Ok(found) => found,
            Err(text) => {
                refuse(ErrorCode::InvalidPlan, format!("`{text}` is not a reference; write `${{steps.<step_id>.outputs.<name>}}`"));
                continue;
            }
        };
        if found.is_empty() {
            continue;
        }
        if spec.is_risk_bearing(name) {
            refuse(
                ErrorCode::InvalidPlan,
                "it names hosts or bears risk, so it must be a plain value, never an output of a step".to_owned(),
            );
            continue;
        }
        for reference in &found {
            if let Err(reason) = check_one(reference, &proposed.step_id, spec, name, value, draft, catalogue) {
                refuse(ErrorCode::InvalidPlan, reason);
            }
        }
        referring.insert(name.clone(), found);
    }
    (referring, problems)
}

fn check_one(
    reference: &Reference,
    own_id: &str,
    spec: &ActionSpec,
    parameter: &str,
    value: &Value,
    draft: &Draft,
    catalogue: &Catalogue,
) -> Result<(), String> {
    if reference.step_id == own_id {
        return Err(format!("{reference} refers to the step itself"));
    }
    let earlier = draft.steps.iter().find(|step| step.step_id == reference.step_id);
    let earlier = earlier.ok_or_else(|| format!("{reference} refers to `{}`, which is not a step of the plan", reference.step_id))?;
    // An unknown action is reported where it stands.
    let Some(source) = catalogue.get(&earlier.action) else {
        return Ok(());
    };
    let declared = &source.spec.outputs.properties;
    let Some(output) = declared.get(&reference.output) else {
        let known: Vec<&str> = declared.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        return Err(format!("{reference}: the action `{}` has no output `{}`; {known}", earlier.action, reference.output));
    };
    if Reference::whole(value).is_none() {
        return Ok(());
    }
    let wanted = spec.parameter_schemas().find(|(name, _)| *name == parameter).map(|(_, schema)| schema);
    let word = |schema: &Value, key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
    for (theirs, ours) in [("provides", "accepts"), ("type", "type")] {
        let (given, wanted) = (word(output, theirs), wanted.and_then(|schema| word(schema, ours)));
        if let (Some(given), Some(wanted)) = (given, wanted)
            && given != wanted
            && !(given == "integer" && wanted == "number")
        {
            return Err(format!("{reference} is {given}, but `{parameter}` takes {wanted}"));
        }
    }
    Ok(())
}

fn resolved_hosts(
    step_id: &str,
    spec: &ActionSpec,
    filled: &Map<String, Value>,
    open: &BTreeSet<String>,
    fleet: &Fleet,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let target = spec.target.as_ref().map(|target| target.parameter.as_str());
    let mut hosts = BTreeSet::new();
    for (parameter, names) in parameters::host_names(spec, filled) {
        if open.contains(&parameter) {
            continue;
        }
        for name in names {
            match fleet.resolve(&name) {
                Some(found) if target == Some(parameter.as_str()) => hosts.extend(found),
                Some(_) => {}
                None => problems.push(unknown_host(step_id, &parameter, &name, fleet)),
            }
        }
    }
    hosts.into_iter().collect()
}

fn unknown_host(step_id: &str, parameter: &str, name: &str, fleet: &Fleet) -> Problem {
    let hosts: Vec<&str> = fleet.hosts().iter().map(String::as_str).collect();
    let known = if hosts.is_empty() {
        "no connected agent has any host in its inventory".to_owned()
    } else {
        format!("the hosts are {}", hosts.join(", "))
    };
    let near = nearest(name, hosts.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let reason = format!("no inventory has a host or group `{name}`{near} ({known})");
    let groups: Vec<&String> = fleet.groups().keys().collect();
    let details = json!({"host": name, "known": hosts, "groups": groups, "parameter": parameter, "reason": reason});
    Problem::new(ErrorCode::HostNotInInventory, format!("step `{step_id}`: `{parameter}`: {reason}")).with_details(details)
}
