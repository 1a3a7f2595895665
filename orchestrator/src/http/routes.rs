//! The whole HTTP interface: the endpoints of all parts, their documentation, and what is answered where there is nothing.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use bytes::Bytes;
use chiffon_kernel::http::problem::{Failure, ProblemDetails};
use chiffon_kernel::http::table::Routes;
use chiffon_kernel::http::{HttpState, answer};
use chiffon_kernel::part::Part;
use chiffon_protocol::ErrorCode;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::page;

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

/// The endpoints of all parts, with their documentation. What roles are made of is known from then on.
pub fn of(state: &HttpState, parts: &[Part]) -> Routes {
    for part in parts {
        state.context.permissions.declare(part.permissions);
    }
    let routes = parts.iter().filter_map(|part| part.routes.as_ref()).map(|make| make(state));
    routes.fold(Routes::new(Documentation::openapi()), Routes::merge)
}

/// The whole HTTP interface.
pub fn router(state: HttpState, endpoints: Routes) -> Router {
    let (router, documentation) = endpoints.split();
    let reader = SwaggerUi::new("/docs").config(Config::new(["/openapi.json"]));
    // Made once: each answer holds a pointer to it.
    let api = Bytes::from(serde_json::to_vec(&documentation).expect("the documentation is JSON"));
    router
        .route("/openapi.json", axum::routing::get(async move || ([(CONTENT_TYPE, "application/json")], api)))
        .route("/", axum::routing::get(async || Redirect::temporary("/ui/")))
        .merge(reader)
        .merge(page::router())
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(state, answer::wrap))
}

async fn no_such_endpoint(method: Method, uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(200).collect();
    Failure::new(ErrorCode::NoSuchEndpoint, format!("there is nothing at {method} {path}; `/docs` shows all endpoints"))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Failure {
    let path: String = uri.path().chars().take(200).collect();
    Failure::new(ErrorCode::MethodNotAllowed, format!("{path} does not take {method}; the Allow header says what it takes"))
}
