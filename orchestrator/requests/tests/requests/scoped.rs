//! Permissions for a part: who may for some hosts, actions and risks, over plans that lie within, outside and across.

use chiffon_harness::app::TestApp;
use chiffon_harness::conversation::decide;
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_kernel::domain::scope::Scope;
use chiffon_kernel::store::principals;
use chiffon_kernel::verbs::grants;
use chiffon_kernel::verbs::tokens::{self, NewToken};
use chiffon_protocol::action::Risk;
use chiffon_protocol::{ErrorCode, Problem};
use chiffon_requests::domain::asked_action::AskedAction;
use chiffon_requests::domain::permissions::REQUESTS_APPROVE;
use chiffon_requests::verbs::decide::{self as deciding, Decide, Decided, Decision};
use chiffon_requests::verbs::scope_of_plan::covers_current;
use chiffon_requests::verbs::submit::{self, Submit};
use chiffon_requests::verbs::{cancel, plan_round};
use serde_json::json;
use uuid::Uuid;

/// The hosts `nas` of the group `storage` and `web` of the group `front`.
async fn site() -> TestApp {
    let app = TestApp::start().await;
    app.announce_actions().await;
    sqlx::query("UPDATE agents SET hosts = $1")
        .bind(json!({"all": ["nas", "web"], "storage": ["nas"], "front": ["web"]}))
        .execute(app.pool())
        .await
        .expect("the inventory is stored");
    app
}

fn of(host: Option<&str>, action: Option<&str>, risk: Option<Risk>) -> Scope {
    Scope { host: host.map(ToOwned::to_owned), action: action.map(ToOwned::to_owned), risk }
}

/// Gives somebody a role for a part; the person as their next call finds them, and the grant.
async fn given(app: &TestApp, root: &Principal, name: &str, role: Role, scope: Scope) -> (Principal, Uuid) {
    let grant = grants::add(&app.context, root, name, role, scope).await.expect("it is given").grant;
    (again(app, name).await, grant.id)
}

async fn again(app: &TestApp, name: &str) -> Principal {
    let mut connection = app.context.store.acquire().await.expect("the database answers");
    principals::get_by_name(&mut connection, name).await.expect("it reads").expect("they are there")
}

async fn restart(app: &TestApp, who: &Principal, hosts: &[&str]) -> Result<Uuid, Problem> {
    let parameters = json!({"service": "nginx"}).as_object().expect("parameters").clone();
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let action = AskedAction { name: "restart_service".to_owned(), hosts, parameters };
    let request_id = submit::run(&app.context, who, Submit { action: Some(action), ..Submit::default() }).await?.request_id;
    app.plan().await;
    Ok(request_id)
}

async fn without(app: &TestApp, who: &Principal, request_id: Uuid, left_out: &[&str]) -> Result<Decided, Problem> {
    let left_out = left_out.iter().map(|id| (*id).to_owned()).collect();
    let plan_sha256 = app.plan_sha256(request_id).await;
    let input = Decide { request_id, plan_sha256, decision: Decision::Approve, comment: None, left_out, link_id: None };
    deciding::run(&app.context, who, input).await
}

#[tokio::test]
async fn a_plan_across_two_groups_is_approved_in_parts_and_by_who_was_given_both() {
    let app = site().await;
    let (root, ann) = (app.person("root", Role::Admin).await, app.person("ann", Role::Requester).await);
    for name in ["vera", "walt"] {
        app.person(name, Role::Viewer).await;
    }
    let (vera, _) = given(&app, &root, "vera", Role::Approver, of(Some("storage"), None, Some(Risk::Medium))).await;
    let request_id = restart(&app, &ann, &["nas", "web"]).await.expect("it is taken");
    let refused = without(&app, &vera, request_id, &[]).await.expect_err("`web` is not hers");
    assert_eq!(refused.code, ErrorCode::Forbidden);
    assert!(refused.message.contains("`restart-web`") && refused.message.contains("on web"), "{refused}");
    assert!(refused.message.contains("approver for hosts of `storage`, risk up to medium"), "{refused}");
    let step = &refused.details["steps"];
    assert_eq!((step.as_array().map(Vec::len), &step[0]["host"], &step[0]["action"]), (Some(1), &json!("web"), &json!("restart_service")));
    let refused = decide(&app, &vera, request_id, Decision::Reject, None).await.expect_err("rejecting ends all of it");
    assert_eq!(refused.code, ErrorCode::Forbidden);

    // What she may approve, she may while the rest is left out.
    let first = restart(&app, &ann, &["nas", "web"]).await.expect("it is taken");
    let part = without(&app, &vera, first, &["restart-web"]).await.expect("that part is hers");
    assert_eq!(part.status.as_str(), "running");

    // Several grants add up.
    let (vera, _) = given(&app, &root, "vera", Role::Approver, of(Some("web"), Some("restart_*"), None)).await;
    let whole = without(&app, &vera, request_id, &[]).await.expect("both are hers now");
    assert_eq!(whole.status.as_str(), "running");
}

#[tokio::test]
async fn a_greater_risk_is_refused_and_a_grant_taken_back_counts_no_more() {
    let app = site().await;
    let (root, ann) = (app.person("root", Role::Admin).await, app.person("ann", Role::Requester).await);
    app.person("vera", Role::Viewer).await;
    let (vera, only_looking) = given(&app, &root, "vera", Role::Approver, of(None, None, Some(Risk::ReadOnly))).await;
    let request_id = restart(&app, &ann, &["nas"]).await.expect("it is taken");
    let refused = without(&app, &vera, request_id, &[]).await.expect_err("the risk is low, not read-only");
    assert!(refused.message.contains("risk low"), "{refused}");
    let (vera, grant) = given(&app, &root, "vera", Role::Approver, of(None, None, Some(Risk::Low))).await;
    let mut connection = app.context.store.acquire().await.expect("the database answers");
    assert!(covers_current(&mut connection, &vera, &REQUESTS_APPROVE, request_id).await.expect("it reads"));
    for id in [only_looking, grant] {
        grants::remove(&app.context, &root, "vera", id).await.expect("it is taken back");
    }
    let vera = again(&app, "vera").await;
    assert!(!covers_current(&mut connection, &vera, &REQUESTS_APPROVE, request_id).await.expect("it reads"));
    drop(connection);
    assert_eq!(without(&app, &vera, request_id, &[]).await.expect_err("she may no more").code, ErrorCode::Forbidden);
    let told = "SELECT string_agg(actor || ' ' || event, ', ' ORDER BY seq) FROM audit_log WHERE chain = 'system' AND $1::uuid IS NOT NULL";
    let audit = app.text(told, request_id).await.expect("it was audited");
    assert!(audit.contains("root grant.given") && audit.contains("root grant.taken_back"), "{audit}");
}

#[tokio::test]
async fn one_asks_for_what_one_was_given_and_is_told_the_rest() {
    let app = site().await;
    let root = app.person("root", Role::Admin).await;
    app.person("ben", Role::Viewer).await;
    let (ben, grant) = given(&app, &root, "ben", Role::Requester, of(Some("front"), None, None)).await;
    let refused = restart(&app, &ben, &["nas"]).await.expect_err("an action is looked at when it is asked for");
    assert!(refused.code == ErrorCode::Forbidden && refused.message.contains("on nas"), "{refused}");
    let own = restart(&app, &ben, &["web"]).await.expect("that is his");
    assert_eq!(app.status(own).await, "awaiting_approval");
    cancel::run(&app.context, &ben, own, None).await.expect("it is his own");

    // Words are looked at when their plan is known; so is what was taken back meanwhile.
    let words = |text: &str| Submit { text: text.to_owned(), ..Submit::default() };
    let asked = submit::run(&app.context, &ben, words("restart the service nginx on nas")).await.expect("words are taken").request_id;
    app.plan().await;
    assert_eq!(app.status(asked).await, "needs_input");
    let said = "SELECT string_agg(text, ' ') FROM messages WHERE request_id = $1";
    let told = app.text(said, asked).await.expect("he is told");
    assert!(told.contains("`requests.ask`") && told.contains("on nas"), "{told}");
    let late = submit::run(&app.context, &ben, words("restart the service nginx on web")).await.expect("words are taken").request_id;
    let lease = plan_round::lease(&app.context, late, 1).await.expect("the database answers").expect("a round to plan");
    grants::remove(&app.context, &root, "ben", grant).await.expect("it is taken back");
    plan_round::run(&app.context, &lease).await.expect("it is planned");
    assert_eq!(app.status(late).await, "needs_input", "what was taken back mid-way counts no more");
}

#[tokio::test]
async fn nobody_is_given_what_can_t_be_and_the_last_admin_stays() {
    let app = site().await;
    let root = app.person("root", Role::Admin).await;
    app.principal("bot", Role::Operator, true).await;
    let refused = grants::add(&app.context, &root, "bot", Role::Approver, of(Some("web"), None, None)).await.expect_err("a program");
    assert!(refused.message.contains("programs never"), "{refused}");
    let refused = grants::add(&app.context, &root, "root", Role::Viewer, Scope::default()).await.expect_err("for everything");
    assert!(refused.code == ErrorCode::InvalidField && refused.message.contains("say for what"), "{refused}");
    let refused = grants::add(&app.context, &root, "bot", Role::Viewer, of(Some("web"), None, None)).await.expect_err("it gives nothing");
    assert!(refused.code == ErrorCode::InvalidField && refused.message.contains("`viewer` for a part gives nothing"), "{refused}");
    let refused = grants::add(&app.context, &root, "nobody", Role::Viewer, of(Some("web"), None, None)).await.expect_err("nobody");
    assert_eq!(refused.code, ErrorCode::PersonNotFound);
    assert_eq!(grants::set_role(&app.context, &root, "root", Role::Viewer).await.expect_err("the last").code, ErrorCode::LastAdmin);
    let eve = app.person("eve", Role::Viewer).await;
    let (eve, _) = given(&app, &root, &eve.name, Role::Admin, of(Some("web"), None, None)).await;
    let refused = grants::set_role(&app.context, &eve, "eve", Role::Admin).await.expect_err("tokens are managed everywhere or not at all");
    assert_eq!(refused.code, ErrorCode::Forbidden);
    grants::set_role(&app.context, &root, "eve", Role::Admin).await.expect("it is given");
    let refused = grants::set_role(&app.context, &root, "root", Role::Operator).await.expect_err("eve has nothing to sign in with");
    assert_eq!(refused.code, ErrorCode::LastAdmin);
    let new = NewToken { principal: "eve".to_owned(), role: Role::Admin, program: false, label: String::new(), valid_for: None };
    tokens::create(&app.context, "root", &new).await.expect("a token");
    let held = grants::set_role(&app.context, &root, "root", Role::Operator).await.expect("another admin is there");
    assert_eq!(held.principal.role, Role::Operator);
}
