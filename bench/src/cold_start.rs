//! `chiffon up` from an empty data directory to ready, and again with everything there; beside what its nodes take alone.

use std::time::{Duration, Instant};

use chiffon_e2e::Home;
use chiffon_nodes::{PostgresNode, RabbitNode};

use crate::table::{Beside, Figures, Row};

/// The rows.
pub async fn rows(runs: usize) -> anyhow::Result<Vec<Row>> {
    let mut alone = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        let (postgres, rabbitmq) = tokio::try_join!(PostgresNode::start_temporary(), RabbitNode::start_temporary())?;
        alone.push(ms(began.elapsed()));
        rabbitmq.stop().await;
        postgres.stop().await;
    }
    let nodes = Figures::of(alone);
    let mut rows = Vec::new();
    for driver in ["rabbitmq", "memory"] {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            let home = Home::new();
            first.push(ms(started(&home, driver)));
            again.push(ms(started(&home, driver)));
        }
        let row = Row::alone(format!("cold start: chiffon up from nothing to ready ({driver})"), "ms", Figures::of(first));
        rows.push(if driver == "rabbitmq" { row.with_limit(Beside::measured("both nodes alone, made anew", nodes.clone())) } else { row });
        rows.push(Row::alone(format!("cold start: chiffon up again ({driver})"), "ms", Figures::of(again)));
    }
    Ok(rows)
}

fn started(home: &Home, driver: &str) -> Duration {
    let began = Instant::now();
    let mut up = home.up(&["--bus", driver]);
    let took = began.elapsed();
    up.stop(Duration::from_mins(1));
    took
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
