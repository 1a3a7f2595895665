//! Durable no-op tasks a second, from the row of a request to the rows of its result, log and audit: many are planned, then all are
//! approved at once. And what each of them costs.

use std::time::{Duration, Instant};

use crate::celery::{self, Celery};
use crate::costs::{Span, Spent, idle_rows, load_rows};
use crate::system::System;
use crate::table::{Beside, Figures, Row};
use crate::{noop, profile, story};

/// Not counted: they fill caches and open connections.
const WARM_UP: usize = 30;
/// Steps of a plan in which many tasks are approved together: as many hosts as the offline planner names one by one.
const STEPS: usize = 16;
/// How long the system is watched with nothing to do.
const IDLE: Duration = Duration::from_secs(30);

/// The rows of so many tasks, so often.
pub async fn rows(
    system: &System,
    celery: &mut Result<Celery, String>,
    runs: usize,
    tasks: usize,
    profiled: bool,
) -> anyhow::Result<Vec<Row>> {
    let first = story::plan(system, WARM_UP, 1).await?;
    story::run(system, &first).await?;
    let before = profile::reset(system).await?;
    let begun = Instant::now();
    let span = Span::begin(system).await?;
    tokio::time::sleep(IDLE).await;
    if profiled {
        profile::print(system, &before, begun.elapsed().as_secs_f64(), "seconds with nothing to do").await?;
    }
    let idle = span.end(system).await?;

    let (mut single, mut together, mut peers) = (Measured::default(), Measured::default(), vec![]);
    for (steps, measured) in [(1, &mut single), (STEPS, &mut together)] {
        let before = profile::reset(system).await?;
        for _ in 0..runs {
            measured.run(system, tasks, steps).await?;
            if let Ok(celery) = celery {
                peers.push(a_second(tasks, Duration::from_secs_f64(celery.throughput(tasks)?)));
            }
        }
        if profiled {
            #[expect(clippy::cast_precision_loss, reason = "some thousand tasks")]
            profile::print(system, &before, (tasks * runs) as f64, &format!("tasks, {steps} of a plan")).await?;
        }
    }

    let peer = || match &*celery {
        Ok(_) => Beside::measured(celery::NAME, Figures::of(peers.clone())),
        Err(why) => Beside::missing(celery::NAME, why.as_str()),
    };
    let mut rows = vec![
        Row::alone(
            format!("throughput: {tasks} no-op tasks approved at once, to result, log and audit"),
            "tasks/s",
            Figures::of(single.done_a_second),
        )
        .beside(peer()),
        Row::alone(format!("throughput: the same, {STEPS} tasks of a plan"), "tasks/s", Figures::of(together.done_a_second)).beside(peer()),
        Row::alone("throughput: a plan for each, from POST /request on, planned offline", "tasks/s", Figures::of(single.whole_a_second))
            .beside(peer()),
        Row::alone("throughput: plans made offline", "plans/s", Figures::of(single.planned_a_second)),
    ];
    rows.extend(idle_rows(system, &idle)?);
    rows.extend(load_rows(system, &idle, &single.spent, tasks, "a plan for each")?);
    rows.extend(load_rows(system, &idle, &together.spent, tasks, &format!("{STEPS} of a plan"))?);
    Ok(rows)
}

/// What the runs of one kind came to.
#[derive(Debug, Default)]
struct Measured {
    planned_a_second: Vec<f64>,
    done_a_second: Vec<f64>,
    whole_a_second: Vec<f64>,
    spent: Vec<Spent>,
}

impl Measured {
    async fn run(&mut self, system: &System, tasks: usize, steps: usize) -> anyhow::Result<()> {
        let begun = Instant::now();
        let planned = story::plan(system, tasks, steps).await?;
        let planning = begun.elapsed();
        let span = Span::begin(system).await?;
        let begun = Instant::now();
        story::run(system, &planned).await?;
        let running = begun.elapsed();
        self.spent.push(span.end(system).await?);
        story::check(system, &planned, noop::EVENTS).await?;
        self.planned_a_second.push(a_second(planned.len(), planning));
        self.done_a_second.push(a_second(tasks, running));
        self.whole_a_second.push(a_second(tasks, planning + running));
        Ok(())
    }
}

fn a_second(tasks: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some hundred tasks")]
    let tasks = tasks as f64;
    tasks / took.as_secs_f64()
}
