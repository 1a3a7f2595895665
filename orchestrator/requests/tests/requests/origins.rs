//! What began a request: a person, or something that asks by itself in somebody's name.

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::{RESTART, ask, ask_from};
use chiffon_kernel::domain::role::Role;
use chiffon_requests::domain::origin::Origin;
use chiffon_requests::store::read::request;
use chiffon_requests::store::read::requests::{self, Filter};
use uuid::Uuid;

async fn shown(app: &TestApp, request_id: Uuid) -> Origin {
    request::get(app.pool(), &app.context.settings.kinds, request_id).await.expect("it reads").expect("it is there").origin
}

async fn listed(app: &TestApp, kind: &str, id: Option<&str>) -> Vec<(Uuid, Origin)> {
    let filter = Filter { origin: Some((kind.to_owned(), id.map(str::to_owned))), ..Filter::default() };
    let found = requests::list(app.pool(), &app.context.settings.kinds, &filter, 10).await.expect("it lists");
    found.into_iter().map(|request| (request.request_id, request.origin)).collect()
}

#[tokio::test]
async fn a_request_says_what_began_it_and_is_found_by_it() {
    let app = TestApp::start().await;
    app.announce_actions().await;
    let ann = app.person("ann", Role::Requester).await;
    let (own, nightly) = (ask(&app, &ann, RESTART).await, ask_from(&app, &ann, ("schedule", "nightly"), RESTART).await);
    let (person, schedule) = (Origin::person(ann.id), Origin::of("schedule", "nightly").expect("an origin"));
    assert_eq!((shown(&app, own).await, shown(&app, nightly).await), (person.clone(), schedule.clone()));
    assert_eq!(listed(&app, "person", None).await, [(own, person.clone())]);
    assert_eq!(listed(&app, "person", Some(&ann.id.to_string())).await, [(own, person)]);
    assert_eq!(listed(&app, "schedule", None).await, [(nightly, schedule.clone())]);
    assert_eq!(listed(&app, "schedule", Some("nightly")).await, [(nightly, schedule)]);
    assert_eq!(listed(&app, "schedule", Some("weekly")).await, []);
    let audited = "SELECT data -> 'origin' ->> 'id' FROM audit_log WHERE chain = $1::text AND event = 'request.submitted'";
    assert_eq!(app.text(audited, nightly).await.as_deref(), Some("nightly"));
    app.plan().await;
}

#[tokio::test]
async fn what_the_version_before_has_written_is_a_persons_and_an_unknown_kind_is_shown() {
    let app = TestApp::start().await;
    let ann = app.person("ann", Role::Requester).await;
    let request_id = app.context.ids.new_id();
    // As it writes it: without the columns.
    sqlx::query(
        "WITH history AS (INSERT INTO streams (id, kind) VALUES ($1, 'request'))
        INSERT INTO requests (id, principal_id, text, status, trace_id, created_at, updated_at, finished_at)
        VALUES ($1, $2, 'restart nginx', 'completed', repeat('a', 32), now(), now(), now())",
    )
    .bind(request_id)
    .bind(ann.id)
    .execute(app.pool())
    .await
    .expect("it is taken");
    assert_eq!(shown(&app, request_id).await, Origin::person(ann.id));
    let later = "UPDATE requests SET origin_kind = 'moon_phase', origin_id = 'full'";
    sqlx::query(later).execute(app.pool()).await.expect("a later version writes it");
    assert_eq!(shown(&app, request_id).await, Origin::of("moon_phase", "full").expect("an origin"));
    let nameless = sqlx::query("UPDATE requests SET origin_id = NULL").execute(app.pool()).await;
    assert!(nameless.is_err(), "only a person's is without one");
}
