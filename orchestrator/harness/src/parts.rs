//! What the crates bring, without the app that puts them together: whether these lists are the product's, the app's tests look.

use chiffon_kernel::domain::permission::Permission;
use chiffon_kernel::store::invariants::Invariant;

/// What one may do with all parts.
pub fn permissions() -> [&'static [Permission]; 9] {
    [
        chiffon_kernel::domain::permissions::PERMISSIONS,
        chiffon_models::domain::permissions::PERMISSIONS,
        chiffon_fleet::domain::permissions::PERMISSIONS,
        chiffon_records::domain::permissions::PERMISSIONS,
        chiffon_postmortem::domain::permissions::PERMISSIONS,
        chiffon_engine::domain::permissions::PERMISSIONS,
        chiffon_requests::domain::permissions::PERMISSIONS,
        chiffon_notify::domain::permissions::PERMISSIONS,
        chiffon_hooks::domain::permissions::PERMISSIONS,
    ]
}

/// What must hold of the records of all parts.
pub fn invariants() -> Vec<&'static Invariant> {
    let records = [
        chiffon_engine::store::invariants::work::INVARIANTS,
        chiffon_requests::store::invariants::requests::INVARIANTS,
        chiffon_kernel::store::invariants::messages::INVARIANTS,
        chiffon_records::store::invariants::records::INVARIANTS,
        chiffon_models::store::invariants::spending::INVARIANTS,
    ];
    records.into_iter().flatten().collect()
}

/// The invariant of this name.
///
/// # Panics
/// Where there is none.
pub fn named(name: &str) -> &'static Invariant {
    invariants().into_iter().find(|invariant| invariant.rule.name == name).unwrap_or_else(|| panic!("no invariant is called {name}"))
}
