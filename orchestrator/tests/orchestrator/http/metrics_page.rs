//! `docs/metrics.md` names every family that `/metrics` tells.

use std::time::Duration;

use chiffon_kernel::domain::role::Role;
use chiffon_orchestrator::verbs::check_invariants;

use super::App;

/// Built with `UPDATE_DOCS=1`, this writes the page anew.
#[tokio::test]
async fn every_family_of_metrics_is_on_its_page() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Viewer).await;
    check_invariants::run(&app.context, &chiffon_harness::parts::invariants(), Duration::ZERO).await.expect("it looks");
    let told = app.get("/metrics", &ada).await.ok();
    let lines = told.as_str().expect("text").lines();
    let helps = lines.clone().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let mut families: Vec<(&str, &str)> = helps.collect();
    families.sort_unstable();
    families.dedup();
    assert!(families.len() > 20, "{families:?}");
    let kind = |name: &str| {
        let line = lines.clone().find_map(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} has no kind")).to_owned()
    };
    let rows = families.iter().map(|(name, help)| format!("| `{name}` | {} | {} |", kind(name), help.replace('|', "\\|")));
    let table = format!("| family | kind | |\n|---|---|---|\n{}\n", rows.collect::<Vec<_>>().join("\n"));
    chiffon_testkit::page_table::assert_documented_in("metrics.md", "metrics", &table);
}
