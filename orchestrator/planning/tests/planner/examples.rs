//! An action's own example, said exactly, means that action, whatever words others share with it.

use std::sync::Arc;

use chiffon_planning::planner::Planned;
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction};
use chiffon_plans::domain::fleet::Fleet;

use crate::invented::{self, action, hosts, planner, request};
use crate::story::shipped;

const HEAD: &str = "agent_type: infrastructure\ncheck: full\ntimeout_seconds: 120\ntarget: {parameter: host}\nparameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}}}\n";

/// Two actions, of which the first says in its example what the second has as aliases, many times over.
fn rivals() -> Catalogue {
    let dim = "name: dim_lamps\ntitle: Dim the lamps\ndescription: Makes a room darker.\nexamples: [\"freshen the pond lights of the garden on nas\"]\nrisk: low\n";
    let pond = "name: clean_pond\ntitle: Freshen the pond\ndescription: Freshens pond lights, garden ponds and lights of the pond.\nexamples: [\"freshen the pond on nas\"]\naliases: {pond: [pond lights, garden pond, lights, garden], freshen: [freshen up, dim]}\nrisk: destructive\n";
    Catalogue::new([dim, pond].map(|text| action(&format!("{text}{HEAD}"))))
}

/// What a text comes to: the actions of a plan, or what is asked or said instead.
fn outcome(text: &str, catalogue: &Catalogue, fleet: &Fleet) -> Result<Vec<String>, String> {
    match planner().plan_now(&request(text, &Arc::new(catalogue.clone()), &Arc::new(fleet.clone()))) {
        Planned::Plan { draft, .. } => Ok(draft.steps.into_iter().map(|step| step.action).collect()),
        Planned::Question { text, .. } => Err(text),
        Planned::Impossible(problem) => Err(problem.message),
    }
}

/// The example in other case, with other punctuation, and without the articles.
fn forms(example: &str) -> [String; 3] {
    let bare: Vec<&str> = example.split(' ').filter(|word| !matches!(*word, "the" | "a")).collect();
    let first = example.chars().next().unwrap_or_default().to_uppercase();
    [example.to_owned(), format!("{first}{}!", example.get(1..).unwrap_or_default().trim_end_matches('?')), bare.join(" ")]
}

fn means(entry: &CatalogueAction, example: &str, catalogue: &Catalogue, fleet: &Fleet) {
    let (name, title) = (&entry.spec.name, &entry.spec.title);
    for said in forms(example) {
        match outcome(&said, catalogue, fleet) {
            Ok(actions) => assert!(actions.last() == Some(name), "\"{said}\" became {actions:?}"),
            Err(asked) => {
                let about_it = asked.contains(title) || asked.contains(&format!("`{name}`"));
                assert!(about_it && !asked.contains("No action was found"), "\"{said}\": {asked}");
            }
        }
    }
}

#[test]
fn an_example_said_exactly_means_its_action_on_any_host_of_the_inventory() {
    let shipped = shipped();
    // "kuma" and "disk" are what actions are about, and machines, too.
    let fleet = hosts(&["nas", "web7", "kuma", "disk"], &[("pis", &["pi1", "pi2"])]);
    for entry in shipped.iter() {
        for example in &entry.spec.examples {
            means(entry, example, &shipped, &fleet);
            means(entry, &example.replace("nas", "web7"), &shipped, &fleet);
            means(entry, &example.replace("on nas", "on pis"), &shipped, &fleet);
        }
    }
    let (imagined, fleet) = (invented::catalogue(), invented::fleet());
    for entry in imagined.iter() {
        for example in &entry.spec.examples {
            means(entry, example, &imagined, &fleet);
            means(entry, &example.replace("pluto", "desk"), &imagined, &fleet);
        }
    }
}

#[test]
fn an_example_wins_over_an_action_that_has_its_words_as_aliases() {
    let (catalogue, fleet) = (rivals(), hosts(&["nas", "web7"], &[]));
    for said in ["freshen the pond lights of the garden on nas", "Freshen pond lights of garden, on web7."] {
        assert_eq!(outcome(said, &catalogue, &fleet), Ok(vec!["dim_lamps".to_owned()]), "{said}");
    }
    for other in ["freshen the pond lights on nas", "freshen the garden pond on web7"] {
        assert_ne!(outcome(other, &catalogue, &fleet), Ok(vec!["dim_lamps".to_owned()]), "{other} is no example of it");
    }
}

#[test]
fn what_an_example_is_about_is_not_replaced_by_a_host() {
    let (catalogue, fleet) = (shipped(), hosts(&["nas", "web1"], &[]));
    let planned = outcome("remove web1 from nas", &catalogue, &fleet);
    assert!(planned.is_err(), "{planned:?}");
}
