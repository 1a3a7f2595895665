//! A panic in a handler is that one call's answer; the process, and even the connection, goes on.

use std::sync::Arc;

use async_trait::async_trait;
use chiffon_kernel::domain::role::Role;
use chiffon_orchestrator::http::serve;
use chiffon_planning::planner::{Planned, Planner, PlanningInput};
use chiffon_process::Spawner;
use chiffon_protocol::Problem;
use reqwest::StatusCode;
use tokio::net::TcpListener;

use super::{Answer, App};

#[derive(Debug)]
struct Mistaken;

#[async_trait]
impl Planner for Mistaken {
    async fn plan(&self, _: &PlanningInput) -> Result<Planned, Problem> {
        panic!("nobody plans here")
    }

    fn health(&self) -> Vec<(String, String)> {
        panic!("a mistake in the planner")
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_500_with_5900_and_others_are_answered() {
    let app = App::start().await;
    let ada = app.token("ada", Role::Viewer).await;
    let mut context = app.context.clone();
    context.planner = Arc::new(Mistaken);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (state, routes, stop) = (app.state.clone(), app.routes(&context), context.shutdown.clone());
    Spawner::new(stop.clone()).spawn("http", async move { serve(listener, state, routes, stop).await.expect("serving") });
    let get = async |path: &str| Answer::of(app.client.get(format!("{address}{path}")).bearer_auth(&ada)).await;
    for _ in 0..3 {
        let answer = get("/health").await;
        assert_eq!((answer.status, answer.code()), (StatusCode::INTERNAL_SERVER_ERROR, 5900));
        assert!(!answer.message().contains("mistake"), "what went wrong is for the log: {answer:?}");
        get("/whoami").await.ok();
    }
    let metrics = get("/metrics").await.ok();
    assert!(metrics.as_str().is_some_and(|text| text.contains("chiffon_http_problems_total{code=\"5900\"} 3")), "{metrics}");
    assert_eq!(context.shutdown.failure(), None, "the process lives");
}
