//! The route table: every endpoint with the least role that may call it.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use bytes::Bytes;
use chiffon_protocol::ErrorCode;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::problem::{Failure, ProblemDetails};
use super::state::HttpState;
use super::table::{Endpoint, Table};
use super::{action, agent, answer, audit, dead_letter, health, host, key, operations, request, task, token};
use crate::domain::role::Role::{Admin, Operator, Requester, Viewer};

#[derive(OpenApi)]
#[openapi(
    info(title = "Chiffon", description = "Ask for infrastructure changes in plain words; approve exactly what you saw; watch it run."),
    components(schemas(ProblemDetails)),
    modifiers(&Bearer)
)]
struct Documentation;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, documentation: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of `chiffon token create`")).build();
        documentation.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
        env!("CARGO_PKG_VERSION").clone_into(&mut documentation.info.version);
    }
}

fn table(state: HttpState) -> Table {
    Table::new(state, Documentation::openapi())
        .waiting(Requester, routes!(request::submit::submit))
        .role(Viewer, routes!(request::get::get))
        .role(Viewer, routes!(request::list::list))
        .role(Viewer, routes!(request::events::events))
        .role(Requester, routes!(request::say::say))
        .role(Requester, routes!(request::decide::decide)) // approving needs an approver, revising one's own does not: see `verbs::decide`
        .role(Requester, routes!(request::cancel::cancel))
        .role(Requester, routes!(request::hold::pause))
        .role(Requester, routes!(request::hold::resume))
        .role(Viewer, routes!(task::get::get))
        .role(Requester, routes!(task::resolve::resolve)) // one's own; anybody's needs an operator: see `verbs::resolve`
        .role(Viewer, routes!(task::logs::logs))
        .role(Viewer, routes!(host::reserved::reserved))
        .role(Requester, routes!(host::release::release)) // of one's own request; anybody's needs an operator: see `verbs::release_host`
        .role(Viewer, routes!(agent::list::list))
        .role(Viewer, routes!(agent::capacity::capacity))
        .role(Viewer, routes!(agent::get::get))
        .role(Viewer, routes!(agent::metrics::metrics))
        .role(Operator, routes!(agent::order::pause))
        .role(Operator, routes!(agent::order::resume))
        .role(Operator, routes!(agent::order::drain))
        .role(Viewer, routes!(action::list::list))
        .role(Viewer, routes!(action::get::get))
        .role(Viewer, routes!(audit::list::list))
        .waiting(Viewer, routes!(audit::verify::verify))
        .role(Viewer, routes!(operations::costs::costs))
        .role(Operator, routes!(dead_letter::list::list))
        .role(Operator, routes!(dead_letter::get::get))
        .role(Operator, routes!(dead_letter::replay::replay))
        .role(Admin, routes!(dead_letter::purge::purge))
        .role(Admin, routes!(dead_letter::delete::delete))
        .role(Operator, routes!(operations::background::background))
        .role(Viewer, routes!(operations::metrics::metrics))
        .role(Viewer, routes!(token::whoami::whoami))
        .role(Admin, routes!(token::create::create))
        .role(Admin, routes!(token::list::list))
        .role(Admin, routes!(token::revoke::revoke))
        .role(Admin, routes!(key::trust::trust))
        .role(Admin, routes!(key::list::list))
        .role(Admin, routes!(key::revoke::revoke))
        .open(routes!(health::all::all))
        .open(routes!(health::live::live))
        .open(routes!(health::ready::ready))
        .open(routes!(operations::error_page::error_page))
}

/// Every endpoint with its least role.
pub fn endpoints(state: HttpState) -> Vec<Endpoint> {
    table(state).endpoints
}

/// Names under which the documentation describes two types: none.
pub fn schema_collisions(state: HttpState) -> Vec<String> {
    table(state).collisions
}

/// The whole HTTP interface.
pub fn router(state: HttpState) -> Router {
    let (router, documentation) = table(state.clone()).split();
    let reader = SwaggerUi::new("/docs").config(Config::new(["/openapi.json"]));
    // Made once: each answer holds a pointer to it.
    let api = Bytes::from(serde_json::to_vec(&documentation).expect("the documentation is JSON"));
    router
        .route("/openapi.json", axum::routing::get(async move || ([(CONTENT_TYPE, "application/json")], api)))
        .route("/", axum::routing::get(async || Redirect::temporary("/docs/")))
        .merge(reader)
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(state.clone(), answer::wrap))
        .with_state(state)
}

async fn no_such_endpoint(method: Method, uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(200).collect();
    Failure::new(ErrorCode::NoSuchEndpoint, format!("there is nothing at {method} {path}; `/docs` shows all endpoints"))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(200).collect();
    Failure::new(ErrorCode::MethodNotAllowed, format!("{path} does not take {method}; the Allow header says what it takes"))
}
