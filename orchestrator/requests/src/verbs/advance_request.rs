//! Moving requests on after some of their tasks have come to an end. Idempotent: it looks at what is, not at what happened.

use chiffon_engine::domain::standing::Standing;
use chiffon_engine::store::fresh_previews::Fresh;
use chiffon_engine::store::progress::{self, TaskLine};
use chiffon_engine::verbs::fresh_preview;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use chiffon_kernel::store::stored_json::read_json;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::plan_state::Event as PlanEvent;
use chiffon_protocol::{ErrorCode, Problem};
use serde_json::json;
use uuid::Uuid;

use super::start_run::Fixed;
use super::transition::{self, Change};
use crate::domain::request::{Event, Status};
use crate::domain::run_outcome::outcome;
use crate::store::messages::Turn;
use crate::store::requests::{self, Row};
use crate::store::{deadlines, plans};
use crate::verbs::{Context, enforce_deadlines, freeze};

/// Looks at requests and their tasks, in the caller's transaction, and moves each on where that is due.
pub async fn run(context: &Context, work: &mut Work, request_ids: &[Uuid]) -> Result<(), store::Error> {
    let mut running = Vec::new();
    for mut row in requests::lock_all(work, request_ids).await? {
        let Some(plan_id) = row.plan_id else { continue };
        match row.status {
            Status::Discovering => discovered(context, work, &mut row, plan_id).await?,
            Status::Previewing => previewed(context, work, &mut row, plan_id).await?,
            Status::Running | Status::NeedsAttention | Status::Paused => running.push((row, plan_id)),
            Status::Planning
            | Status::NeedsInput
            | Status::AwaitingApproval
            | Status::Completed
            | Status::Failed
            | Status::Cancelled
            | Status::Rejected
            | Status::Expired => {}
        }
    }
    if running.is_empty() { Ok(()) } else { ran(context, work, running).await }
}

async fn discovered(context: &Context, work: &mut Work, row: &mut Row, plan_id: Uuid) -> Result<(), store::Error> {
    let tasks = progress::list(work, plan_id, "discover").await?;
    if tasks.iter().any(|task| task.is_moving() || task.is_in_flight()) {
        return Ok(());
    }
    match tasks.iter().find(|task| task.status != "completed") {
        None => freeze::run(context, work, row, plan_id, &tasks).await,
        Some(task) => {
            let problem = Problem::new(cause_code(task), format!("`{}` found nothing out: {}", task.title, cause(task)))
                .with_details(json!({"task_id": task.id, "step_id": task.step_id}));
            freeze::give_up(context, work, row, plan_id, &problem).await
        }
    }
}

async fn previewed(context: &Context, work: &mut Work, row: &mut Row, plan_id: Uuid) -> Result<(), store::Error> {
    let tasks = progress::list(work, plan_id, "preview").await?;
    if tasks.iter().any(TaskLine::is_moving) {
        return Ok(());
    }
    let plan = plans::get(work, plan_id).await?;
    let failed: Vec<String> = tasks
        .iter()
        .filter(|task| !matches!(task.status.as_str(), "completed" | "skipped"))
        .map(|task| format!("`{}`: {}", task.title, cause(task)))
        .collect();
    let audit =
        AuditEvent::by_chiffon("plan.proposed", json!({"revision": plan.revision, "sha256": plan.sha256, "previews_failed": failed}));
    let state = plans::move_on(work, plan_id, plan.state, PlanEvent::Propose).await?;
    let plan = plans::Row { state, ..plan };
    freeze::propose(context, work, row, &Fixed::of(&plan), audit, &failed).await
}

async fn ran(context: &Context, work: &mut Work, mut running: Vec<(Row, Uuid)>) -> Result<(), store::Error> {
    let plan_ids: Vec<Uuid> = running.iter().map(|(_, plan_id)| *plan_id).collect();
    let tasks = progress::list_of_plans(work, &plan_ids, "apply").await?;
    let looks = fresh_preview::keep(context, work, &tasks).await?;
    let (mut said, mut changes) = (Vec::new(), Vec::new());
    for (row, plan_id) in &mut running {
        let tasks = tasks.get(plan_id).map(Vec::as_slice).unwrap_or_default();
        let looks: Vec<&Fresh> = looks.iter().filter(|fresh| fresh.plan_id == *plan_id).collect();
        let standings: Vec<Standing> = tasks.iter().map(TaskLine::standing).collect();
        let Some(event) = outcome(row.status, row.held, &standings) else {
            still_waits(work, row, tasks, &looks).await?;
            continue;
        };
        // Stopped because the asker's deadline had passed.
        let passed = if event == Event::Stop { deadlines::passed(work, row.id).await? } else { None };
        let event = if passed.is_some() { Event::Expire } else { event };
        let text = told(event, tasks, &looks);
        let first_problem = tasks.iter().find_map(|task| task.error.clone().filter(|_| !task.standing().went_well()));
        let unreadable = |error: store::Error| Problem::from(error);
        let read = |value| read_json("tasks", "error", &format!("a task of plan {plan_id}"), &value).unwrap_or_else(unreadable);
        let problem: Option<Problem> = first_problem.map(read);
        let problem = passed.map(enforce_deadlines::passed).or(problem);
        let audit = AuditEvent::by_chiffon(audit_word(event), json!({"text": text}));
        let mut change = Change::new(event, audit);
        match event {
            Event::GoOn => {}
            Event::Hold => change = change.waiting_for(What::Resume, format!("it is paused; `chiffon resume {}` lets it go on", row.id)),
            Event::Alarm => {
                said.push(Turn { request_id: row.id, principal_id: None, text: text.clone(), round: row.round });
                change = change.waiting_for(What::Attention, text);
                change.error = problem;
            }
            _ => {
                said.push(Turn { request_id: row.id, principal_id: None, text, round: row.round });
                change.error = problem.filter(|_| matches!(event, Event::Fail | Event::Expire));
            }
        }
        changes.push((row, change));
    }
    transition::say_all(work, said).await?;
    transition::apply_all(context, work, changes).await
}

/// A request that needs a person goes on saying what for: another task may need one now, or one less.
async fn still_waits(work: &mut Work, row: &mut Row, tasks: &[TaskLine], looks: &[&Fresh]) -> Result<(), store::Error> {
    let shown = row.waiting_for.as_ref().filter(|waiting| waiting.what == What::Attention).map(|waiting| &waiting.text);
    let text = told(Event::Alarm, tasks, looks);
    if row.status != Status::NeedsAttention || shown.is_none_or(|shown| *shown == text) {
        return Ok(());
    }
    let now = work.now();
    let waiting_for = Wait::new(What::Attention, text).since(now);
    requests::set_waiting_for(work, row.id, &waiting_for, now).await?;
    row.waiting_for = Some(waiting_for);
    transition::tell(work, row, None);
    Ok(())
}

fn audit_word(event: Event) -> &'static str {
    match event {
        Event::Complete => "request.completed",
        Event::Fail => "request.failed",
        Event::Stop => "request.cancelled",
        Event::Expire => "request.expired",
        Event::Alarm => "request.needs_attention",
        Event::Hold => "request.held",
        _ => "request.went_on",
    }
}

/// What people are told about a run. `looks`: fresh dry runs of what was cut off.
fn told(event: Event, tasks: &[TaskLine], looks: &[&Fresh]) -> String {
    let mut sentences = Vec::new();
    let mut list = |word: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            sentences.push(format!("{word}: {}.", lines.join("; ")));
        }
    };
    let with_status = |wanted: &'static [&'static str]| tasks.iter().filter(move |task| wanted.contains(&task.status.as_str()));
    list("Done", with_status(&["completed"]).map(done_line).collect());
    let failed = |passed: bool| with_status(&["failed"]).filter(move |task| task.consequence.is_some() == passed);
    let reason = |task: &TaskLine| format!("{}: {}", task.title, cause(task));
    list("Failed", failed(false).map(reason).collect());
    list("Failed, which its plan allows", failed(true).map(reason).collect());
    list("Stopped half-way", with_status(&["interrupted"]).map(|task| format!("{}: {}", task.title, cause(task))).collect());
    list("Outcome unknown", with_status(&["unknown"]).map(|task| format!("{}: {}", task.title, cause(task))).collect());
    list("Cancelled", with_status(&["cancelled"]).map(|task| task.title.clone()).collect());
    let skipped = |left_out: bool| with_status(&["skipped"]).filter(move |task| was_left_out(task) == left_out);
    list("Left out", skipped(true).map(|task| format!("{}: {}", task.title, task.output.as_deref().unwrap_or_default())).collect());
    list("Not begun", skipped(false).map(|task| task.title.clone()).collect());
    match event {
        Event::Alarm => {
            sentences.extend(looks.iter().map(|fresh| fresh.sentence()));
            sentences.push("Look at the host, then decide:".to_owned());
            sentences.extend(tasks.iter().filter(|task| task.needs_a_person()).map(how_to_decide));
        }
        Event::Complete if tasks.is_empty() => sentences.push("Done: there was nothing to do.".to_owned()),
        _ => {}
    }
    sentences.join(" ")
}

/// Whether it was not to run, rather than that something before it had failed.
fn was_left_out(task: &TaskLine) -> bool {
    task.consequence.as_deref() == Some("continue") && task.status == "skipped"
}

/// The exact commands. The word that nothing runs any more is for what nobody has reported; that it is done is a person's word, too.
fn how_to_decide(task: &TaskLine) -> String {
    let is_unknown = task.status == "unknown";
    let word = if is_unknown { " --not-running --comment \"how you know\"" } else { "" };
    let done = if is_unknown { word } else { " --comment \"how you know\"" };
    let retry = if task.cancel_requested { String::new() } else { format!("`chiffon resolve {} --retry{word}`, ", task.id) };
    format!("{retry}`chiffon resolve {0} --done{done}` or `chiffon resolve {0} --give-up{word}`", task.id)
}

/// So many lines of a task's summary are told.
const TOLD_LINES: usize = 50;

fn done_line(task: &TaskLine) -> String {
    let changed = match task.changed {
        Some(true) => " (changed)",
        Some(false) => " (nothing to change)",
        None => "",
    };
    // A line for each host; none is more than another.
    let mut lines = task.output.as_deref().unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    let told = lines.by_ref().take(TOLD_LINES).collect::<Vec<_>>().join(" · ");
    let more = match lines.count() {
        0 => String::new(),
        more => format!(" · and {more} more lines in its record"),
    };
    match told.trim_end_matches('.') {
        "" => format!("{}{changed}", task.title),
        told => format!("{}{changed}: {}{more}", task.title, told),
    }
}

fn cause(task: &TaskLine) -> String {
    let message = task.error.as_ref().and_then(|error| error["message"].as_str());
    message.map_or_else(|| format!("it is `{}`", task.status), |message| message.trim_end_matches('.').to_owned())
}

fn cause_code(task: &TaskLine) -> ErrorCode {
    let number = task.error.as_ref().and_then(|error| error["code"].as_u64()).and_then(|code| u16::try_from(code).ok());
    number.and_then(ErrorCode::from_number).unwrap_or(ErrorCode::CannotPlan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(title: &str, status: &str) -> TaskLine {
        TaskLine {
            id: Uuid::nil(),
            step_id: title.to_lowercase(),
            purpose: "apply".to_owned(),
            title: title.to_owned(),
            status: status.to_owned(),
            progress: 0,
            changed: (status == "completed").then_some(true),
            output: None,
            outputs: json!({}),
            error: (status == "failed").then(|| json!({"code": 5504, "message": "no space left on nas."})),
            cancel_requested: false,
            was_looked_at_again: false,
            consequence: None,
        }
    }

    #[test]
    fn the_line_of_every_host_is_told() {
        let output = Some("nas: 1 ok, 0 changed\npi: 1 ok, 1 changed\n".to_owned());
        let done = TaskLine { output, ..task("Set the time", "completed") };
        assert_eq!(told(Event::Complete, &[done], &[]), "Done: Set the time (changed): nas: 1 ok, 0 changed · pi: 1 ok, 1 changed.");
    }

    #[test]
    fn people_are_told_what_was_done_and_what_was_not() {
        let tasks = [task("Deploy Kuma to nas", "completed"), task("Add portals", "failed"), task("Check", "skipped")];
        assert_eq!(
            told(Event::Fail, &tasks, &[]),
            "Done: Deploy Kuma to nas (changed). Failed: Add portals: no space left on nas. Not begun: Check."
        );
    }

    #[test]
    fn what_did_not_fail_the_run_is_told_all_the_same() {
        let passed = |consequence: &str, task: TaskLine| TaskLine { consequence: Some(consequence.to_owned()), ..task };
        let output = Some("its condition does not hold: ${steps.check.outputs.due}".to_owned());
        let tasks = [
            passed("continue", task("Add portals", "failed")),
            passed("continue", TaskLine { output, ..task("Prune", "skipped") }),
            passed("skip", task("Report", "skipped")),
        ];
        assert_eq!(
            told(Event::Complete, &tasks, &[]),
            "Failed, which its plan allows: Add portals: no space left on nas. \
             Left out: Prune: its condition does not hold: ${steps.check.outputs.due}. Not begun: Report."
        );
    }
}
