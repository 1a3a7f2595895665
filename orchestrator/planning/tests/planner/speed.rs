//! A thousand actions.

use std::sync::Arc;
use std::time::Duration;

use chiffon_planning::planner::Planned;
use chiffon_planning::planner::offline::OfflinePlanner;
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction};
use chiffon_testkit::CpuInstant;

use crate::invented::{catalogue, fleet, request};

/// The invented actions, and a thousand more made of them that are about something else.
fn a_thousand() -> Catalogue {
    let base: Vec<CatalogueAction> = catalogue().iter().cloned().collect();
    let more = (0..1000).map(|number| {
        let mut action = base[number % base.len()].clone();
        let thing = format!("thing{}", char::from(b'a' + u8::try_from(number % 26).expect("small")));
        let spec = Arc::make_mut(&mut action.spec);
        spec.name = format!("{}_{thing}{number}", spec.name);
        spec.title = format!("{} of {thing} {number}", spec.title);
        spec.examples = spec.examples.iter().map(|example| format!("{example} for {thing} x{number}")).collect();
        action
    });
    Catalogue::new(base.iter().cloned().chain(more))
}

#[test]
fn a_thousand_actions_are_searched_in_milliseconds() {
    let (catalogue, fleet) = (Arc::new(a_thousand()), Arc::new(fleet()));
    let planner = OfflinePlanner::new();
    let texts = [
        "back up the orders database on pluto",
        "how hot is desk right now?",
        "renew the certificate of wiki.example.org on gate",
        "order a pizza for tonight",
        "reboot pluto and then open port 443 in the firewall of gate",
    ];
    planner.index(&catalogue);
    let mut times: Vec<Duration> = Vec::new();
    for round in 0..40 {
        let input = request(texts[round % texts.len()], &catalogue, &fleet);
        let begun = CpuInstant::now();
        let outcome = planner.plan_now(&input);
        times.push(begun.elapsed());
        assert!(matches!(outcome, Planned::Plan { .. } | Planned::Question { .. } | Planned::Impossible(_)));
    }
    times.sort();
    // Unoptimised builds on a shared machine only show that nothing is quadratic; the number is the release build's.
    let allowed = if cfg!(debug_assertions) { Duration::from_millis(500) } else { Duration::from_millis(10) };
    assert!(times[times.len() / 2] <= allowed, "median {:?}, slowest {:?}", times[times.len() / 2], times[times.len() - 1]);
    println!("median {:?}, slowest {:?}", times[times.len() / 2], times[times.len() - 1]);
}
