//! The builder of the route table: each entry has its least role, and the documentation says so by itself.

use std::time::Duration;

use axum::middleware::from_fn_with_state;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, Ref, ResponseBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::auth::{Gate, guard};
use super::state::HttpState;
use crate::domain::role::Role;

/// One endpoint, for tests and lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// With its parameters in braces.
    pub path: String,
    /// The least role; `None` for anybody, without a token.
    pub least: Option<Role>,
}

/// A route table while it is built.
pub(super) struct Table {
    state: HttpState,
    router: OpenApiRouter<HttpState>,
    pub(super) endpoints: Vec<Endpoint>,
}

impl Table {
    pub(super) fn new(state: HttpState, documentation: utoipa::openapi::OpenApi) -> Self {
        Self { state, router: OpenApiRouter::with_openapi(documentation), endpoints: Vec::new() }
    }

    /// Anybody may call it, without a token.
    pub(super) fn open(self, routes: UtoipaMethodRouter<HttpState>) -> Self {
        self.add(None, Duration::ZERO, routes)
    }

    /// Needs at least this role.
    pub(super) fn role(self, least: Role, routes: UtoipaMethodRouter<HttpState>) -> Self {
        self.add(Some(least), Duration::ZERO, routes)
    }

    /// Needs at least this role, and may take longer because its callers may ask it to wait.
    pub(super) fn waiting(self, least: Role, routes: UtoipaMethodRouter<HttpState>) -> Self {
        let wait = self.state.options.max_wait;
        self.add(Some(least), wait, routes)
    }

    fn add(mut self, least: Option<Role>, wait: Duration, (schemas, mut paths, methods): UtoipaMethodRouter<HttpState>) -> Self {
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                document(operation, least);
                self.endpoints.push(Endpoint { method, path: path.clone(), least });
            }
        }
        let gate = Gate { state: self.state.clone(), least, limit: self.state.options.request_timeout + wait };
        let guarded = methods.route_layer(from_fn_with_state(gate, guard));
        self.router = self.router.routes((schemas, paths, guarded));
        self
    }

    pub(super) fn split(self) -> (axum::Router<HttpState>, utoipa::openapi::OpenApi) {
        self.router.split_for_parts()
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [("GET", item.get.as_mut()), ("POST", item.post.as_mut()), ("DELETE", item.delete.as_mut())]
        .into_iter()
        .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

fn document(operation: &mut Operation, least: Option<Role>) {
    let needs = least.map_or_else(|| "Needs no token.".to_owned(), |role| format!("Least role: `{}`.", role.as_str()));
    let text = operation.description.take().map_or_else(|| needs.clone(), |text| format!("{text}\n\n{needs}"));
    operation.description = Some(text);
    operation.security = Some(match least {
        Some(_) => vec![SecurityRequirement::new("bearer", Vec::<String>::new())],
        None => Vec::new(),
    });
    let problem = ResponseBuilder::new()
        .description("A problem: its code's page says what it means and what to do")
        .content("application/problem+json", Content::new(Some(Ref::from_schema_name("ProblemDetails"))))
        .build();
    operation.responses.responses.insert("default".to_owned(), problem.into());
}
