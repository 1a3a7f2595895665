//! The builder of a part's routes: each entry has the permission that it needs, and the documentation says so by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::auth::{Gate, guard};
use super::idempotency::LONGEST;
use super::state::HttpState;
use crate::domain::permission::Permission;

/// The header of calls that are done once.
const KEY: &str = "Idempotency-Key";

/// One endpoint, for tests and lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `GET`, `PUT` and so on.
    pub method: &'static str,
    /// With its parameters in braces.
    pub path: String,
    /// What it needs; `None` for anybody, without a token.
    pub permission: Option<Permission>,
}

/// The endpoints of one part while they are listed.
pub struct Table<S> {
    server: HttpState,
    state: S,
    router: OpenApiRouter<S>,
    routes: Listed,
}

/// Endpoints with their documentation, ready to be served beside those of other parts.
pub struct Routes {
    router: OpenApiRouter<()>,
    listed: Listed,
}

#[derive(Default)]
struct Listed {
    endpoints: Vec<Endpoint>,
    schemas: BTreeMap<String, RefOr<Schema>>,
    collisions: Vec<String>,
}

impl Listed {
    fn describe(&mut self, name: &str, schema: &RefOr<Schema>) {
        if self.schemas.insert(name.to_owned(), schema.clone()).is_some_and(|known| known != *schema) {
            self.collisions.push(name.to_owned());
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Table<S> {
    /// An empty one, of a part whose endpoints work with this.
    pub fn new(server: &HttpState, state: S) -> Self {
        Self { server: server.clone(), state, router: OpenApiRouter::new(), routes: Listed::default() }
    }

    /// Anybody may call it, without a token.
    #[must_use]
    pub fn open(self, routes: UtoipaMethodRouter<S>) -> Self {
        self.add(None, (Duration::ZERO, false), routes)
    }

    /// Needs this permission.
    #[must_use]
    pub fn needs(self, permission: Permission, routes: UtoipaMethodRouter<S>) -> Self {
        self.add(Some(permission), (Duration::ZERO, false), routes)
    }

    /// Needs this permission, and lets narrow sessions in, too: it looks itself at what they are for. To others than reads nothing else does.
    #[must_use]
    pub fn admits_narrow(self, permission: Permission, routes: UtoipaMethodRouter<S>) -> Self {
        self.add(Some(permission), (Duration::ZERO, true), routes)
    }

    /// Needs this permission, and may take longer because its callers may ask it to wait.
    #[must_use]
    pub fn waiting(self, permission: Permission, routes: UtoipaMethodRouter<S>) -> Self {
        let wait = self.server.options.max_wait;
        self.add(Some(permission), (wait, false), routes)
    }

    fn add(
        mut self,
        permission: Option<Permission>,
        (wait, admits_narrow): (Duration, bool),
        (schemas, mut paths, methods): UtoipaMethodRouter<S>,
    ) -> Self {
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                document(operation, method, path, permission.as_ref());
                self.routes.endpoints.push(Endpoint { method, path: path.clone(), permission });
            }
        }
        for (name, schema) in &schemas {
            self.routes.describe(name, schema);
        }
        let gate = Gate { state: self.server.clone(), permission, admits_narrow, limit: self.server.options.request_timeout + wait };
        let guarded = methods.route_layer(from_fn_with_state(gate, guard));
        self.router = self.router.routes((schemas, paths, guarded));
        self
    }

    /// All of them.
    pub fn done(self) -> Routes {
        Routes { router: self.router.with_state(self.state), listed: self.routes }
    }
}

impl Routes {
    /// None yet, with what the documentation says in front.
    pub fn new(documentation: utoipa::openapi::OpenApi) -> Self {
        Self { router: OpenApiRouter::with_openapi(documentation), listed: Listed::default() }
    }

    /// These and those.
    #[must_use]
    pub fn merge(mut self, more: Self) -> Self {
        self.listed.endpoints.extend(more.listed.endpoints);
        self.listed.collisions.extend(more.listed.collisions);
        for (name, schema) in &more.listed.schemas {
            self.listed.describe(name, schema);
        }
        Self { router: self.router.merge(more.router), listed: self.listed }
    }

    /// Every endpoint with what it needs.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.listed.endpoints
    }

    /// Names under which two types stand in the documentation: one of them is described with the other's words.
    pub fn collisions(&self) -> &[String] {
        &self.listed.collisions
    }

    /// What serves them, and what describes them.
    pub fn split(self) -> (axum::Router, utoipa::openapi::OpenApi) {
        self.router.split_for_parts()
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, head, options, trace, post, put, patch, delete, .. } = item;
    let all = [
        ("GET", get),
        ("HEAD", head),
        ("OPTIONS", options),
        ("TRACE", trace),
        ("POST", post),
        ("PUT", put),
        ("PATCH", patch),
        ("DELETE", delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// What every endpoint has in common is said here: who may call it, its name, and every answer that it can give.
fn document(operation: &mut Operation, method: &str, path: &str, needed: Option<&Permission>) {
    let in_words = |needed: &Permission| format!("Needs the permission `{}`. Least role: `{}`.", needed.name, needed.least().as_str());
    let needs = needed.map_or_else(|| "Needs no token.".to_owned(), in_words);
    let text = operation.description.take().map_or_else(|| needs.clone(), |text| format!("{text}\n\n{needs}"));
    operation.description = Some(text);
    operation.operation_id = Some(operation_id(method, path));
    operation.security = Some(match needed {
        Some(_) => vec![SecurityRequirement::new("bearer", Vec::<String>::new())],
        None => Vec::new(),
    });
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            "Done; the body says what there is now".clone_into(&mut response.description);
        }
    }
    let key = operation.parameters.iter_mut().flatten().find_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.name == KEY => Some(parameter),
        _ => None,
    });
    if let Some(key) = key {
        *key = idempotency_key();
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                response.headers.insert("Idempotency-Replayed".to_owned(), replayed().into());
            }
        }
    }
    if method == "GET" {
        tagged(operation);
    }
    for (status, description) in problems(operation, method, path, needed.is_some()) {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(description).into());
    }
}

/// Of its method and its path: no two endpoints have one.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method.to_ascii_lowercase()).chain(words.map(str::to_ascii_lowercase)).collect::<Vec<_>>().join("_")
}

/// The statuses with which it can refuse, and what they mean.
fn problems(operation: &Operation, method: &str, path: &str, needs_token: bool) -> Vec<(&'static str, &'static str)> {
    let mut problems = vec![
        ("400", "The call can't be read: a malformed id, query or body"),
        ("422", "A value can't be used; `details.field` names it"),
        ("500", "A fault of the orchestrator; its log tells more under the trace id"),
        ("503", "The database, the broker or an agent is away; try again"),
        ("504", "It was not done in time; look whether it had an effect"),
        ("421", "The server is not to be called by this name; see `http.allowed_hosts`"),
        ("default", "A problem: its code's page says what it means and what to do"),
    ];
    if needs_token {
        problems.push(("401", "There is no token, or it does not count"));
        problems.push(("403", "The caller's role does not have the permission, or not for this"));
        problems.push((
            "429",
            "The caller does this too often, or has too much open; the Retry-After header says when to try again, and every\
            answer's RateLimit and RateLimit-Policy how often one may call",
        ));
    }
    let changes = !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
    if path.contains('{') || changes {
        problems.push(("404", "There is no such thing"));
    }
    if changes {
        problems.push(("409", "It does not fit how things stand now, or its Idempotency-Key was used for another call"));
    }
    if operation.request_body.is_some() {
        problems.push(("413", "The body or a text is too long"));
        problems.push(("415", "The body is not said to be JSON"));
    }
    problems
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(format!("^[!-~]{{1,{LONGEST}}}$"))).build();
    ParameterBuilder::new()
        .name(KEY)
        .parameter_in(ParameterIn::Header)
        .description(Some("Of the caller's choice, one for each thing meant: the same call again under it is done once"))
        .schema(Some(text))
        .build()
}

/// Whole JSON documents have an entity tag.
fn tagged(operation: &mut Operation) {
    let Some(RefOr::T(done)) = operation.responses.responses.get_mut("200") else { return };
    if !done.content.contains_key("application/json") {
        return;
    }
    done.headers.insert("ETag".to_owned(), header("Changes with the answer; `If-None-Match` of a later call takes it").into());
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    let known = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some("The `ETag` of an answer before: an answer that is still the same is not sent again"))
        .schema(Some(text));
    operation.parameters.get_or_insert_default().push(known.build().into());
    let same = ResponseBuilder::new().description("The answer is still the one with the given `ETag`").build();
    operation.responses.responses.entry("304".to_owned()).or_insert_with(|| same.into());
}

fn replayed() -> Header {
    header("`true` where the call with this Idempotency-Key was done before, and this is its answer")
}

fn header(description: &str) -> Header {
    let mut header = Header::default();
    header.description = Some(description.to_owned());
    header
}

fn problem(description: &str) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(Ref::from_schema_name("ProblemDetails"))))
        .build()
}
