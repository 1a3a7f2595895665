//! Approving plans: those that people approve at the same time in one transaction.
//!
//! Everything is looked at again under the requests' locks (RELIABILITY 18), of each by itself: one that can't be approved is refused, and
//! the others run.

use std::collections::{BTreeMap, BTreeSet};

use chiffon_engine::verbs::leave_out::LeftOut;
use chiffon_kernel::domain::audit::AuditEvent;
use chiffon_kernel::domain::missing;
use chiffon_kernel::domain::role::Principal;
use chiffon_kernel::domain::waiting::{Wait, What};
use chiffon_kernel::store;
use chiffon_kernel::verbs::together::Together;
use chiffon_kernel::verbs::work::Work;
use chiffon_plans::domain::{part, runnable};
use chiffon_process::caught;
use chiffon_protocol::{ErrorCode, Problem};
use futures::FutureExt as _;
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::decide::{Decide, Decided, can_be_decided, decided, expired, may_decide, new_decision, seen_plan};
use super::start_run::{self, Fixed, Start};
use super::transition::{self, Change};
use crate::domain::permissions::REQUESTS_APPROVE;
use crate::domain::request::Event;
use crate::domain::scope_of_plan::to_run;
use crate::store::requests::{self, Row};
use crate::store::{approvals, messages, plans};
use crate::verbs::{Context, expire, freeze, outdated, scope_of_plan};

/// Who approves what.
type Word = (Principal, Decide);
/// What became of it.
type Answer = Result<Decided, Problem>;

/// Approvals that come at the same time.
pub type Approvals = Together<Word, Answer>;

/// Approves a plan.
pub(super) async fn run(context: &Context, principal: &Principal, input: Decide) -> Answer {
    let approvals = context.approvals.clone();
    let context = context.clone();
    let deal = move |words| {
        let context = context.clone();
        async move { deal(&context, words).await }.boxed()
    };
    let answer = approvals.say((principal.clone(), input), deal).await;
    answer.unwrap_or_else(|| {
        Err(Problem::new(ErrorCode::Internal, "the approval came to no end; look at the request before you approve it again"))
    })
}

/// Answers each, in their order. Of one request there is one word in a transaction.
async fn deal(context: &Context, words: Vec<Word>) -> Vec<Answer> {
    let mut answers: Vec<Option<Answer>> = words.iter().map(|_| None).collect();
    loop {
        let mut named = BTreeSet::new();
        let next: Vec<usize> = (0..words.len()).filter(|at| answers[*at].is_none() && named.insert(words[*at].1.request_id)).collect();
        if next.is_empty() {
            return answers.into_iter().flatten().collect();
        }
        let lot: Vec<&Word> = next.iter().map(|at| &words[*at]).collect();
        for (at, answer) in next.into_iter().zip(lot_of(context, &lot).await) {
            answers[at] = Some(answer);
        }
    }
}

async fn lot_of(context: &Context, words: &[&Word]) -> Vec<Answer> {
    match transaction(context, words).await {
        Ok(answers) => answers,
        Err(problem) if words.len() == 1 => vec![Err(problem)],
        // One of them can't be dealt with, because its row is held or can't be read, say: it must not take the others with it, nor hold
        // them up.
        Err(_) => {
            let alone = words.iter().map(|word| async move {
                transaction(context, std::slice::from_ref(word)).await.unwrap_or_else(|problem| vec![Err(problem)])
            });
            join_all(alone).await.into_iter().flatten().collect()
        }
    }
}

async fn transaction(context: &Context, words: &[&Word]) -> Result<Vec<Answer>, Problem> {
    let answers = caught(context.store.within_limit(Box::pin(all(context, words)))).await;
    answers.unwrap_or_else(|panic| Err(context.background.panicked("approvals", &panic, context.clock.now())))
}

/// One that can be approved.
struct Going<'w> {
    at: usize,
    principal: &'w Principal,
    input: Decide,
    row: Row,
    plan: plans::Row,
}

async fn all(context: &Context, words: &[&Word]) -> Result<Vec<Answer>, Problem> {
    let mut work = context.begin().await?;
    let ids: Vec<Uuid> = words.iter().map(|(_, input)| input.request_id).collect();
    let mut rows: BTreeMap<Uuid, Row> = requests::lock_all(&mut work, &ids).await?.into_iter().map(|row| (row.id, row)).collect();
    let plan_ids: Vec<Uuid> = rows.values().filter_map(|row| row.plan_id).collect();
    let mut plans = plans::get_all(&mut work, &plan_ids).await?;
    let (mut answers, mut going) = (vec![], vec![]);
    for (at, (principal, input)) in words.iter().enumerate() {
        let found = rows.remove(&input.request_id).ok_or_else(|| missing::request(input.request_id)).and_then(|row| {
            may_decide(principal, input.decision)?;
            let plan = row.plan_id.and_then(|plan_id| plans.remove(&plan_id));
            let plan = seen_plan(&row, plan, &input.plan_sha256)?;
            let left_out = part::left_out(&plan.document, &input.left_out)?;
            Ok((plan, row, Decide { left_out, ..input.clone() }))
        });
        match found {
            Err(problem) => answers.push((at, Err(problem))),
            Ok((plan, mut row, input)) => match refused(context, &mut work, &mut row, &plan, principal, &input).await? {
                Some(problem) => answers.push((at, Err(problem))),
                None => going.push(Going { at, principal, input, row, plan }),
            },
        }
    }
    answers.extend(approve(context, &mut work, going).await?);
    work.wake_dispatcher();
    work.commit().await?;
    answers.sort_unstable_by_key(|(at, _)| *at);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// Why this one is not approved, with all that follows from that.
async fn refused(
    context: &Context,
    work: &mut Work,
    row: &mut Row,
    plan: &plans::Row,
    principal: &Principal,
    input: &Decide,
) -> Result<Option<Problem>, Problem> {
    if expire::if_over(context, work, row, plan).await? {
        return Ok(Some(expired(row)));
    }
    let possible = can_be_decided(row, plan, input.decision).and_then(|()| runnable::check(&context.settings.kinds, &plan.document.steps));
    if let Err(problem) = possible {
        return Ok(Some(problem));
    }
    if let Some(problem) =
        scope_of_plan::refused(context, work, principal, &REQUESTS_APPROVE, &to_run(&plan.document.steps, &input.left_out)).await?
    {
        return Ok(Some(problem));
    }
    if let Some(between) = outdated::of(work, row, plan).await? {
        return outdated::plan(context, work, row, &between).await.map(Some);
    }
    if plan.approvals_needed > 1
        && let Some(problem) = of_another_part(work, plan, principal, input).await?
    {
        return Ok(Some(problem));
    }
    if plan.document.policy.self_approval { Ok(None) } else { by_themselves(work, row, principal).await }
}

/// Approvals of different parts don't add up: who approves says yes to exactly what runs.
async fn of_another_part(work: &mut Work, plan: &plans::Row, principal: &Principal, input: &Decide) -> Result<Option<Problem>, Problem> {
    let others = approvals::list_others(work, plan.id, principal.id).await?;
    let Some((who, theirs)) = others.iter().find(|(_, theirs)| *theirs != input.left_out) else { return Ok(None) };
    let what = |left_out: &[String]| match left_out {
        [] => "all of it".to_owned(),
        some => format!("it without {}", part::told(&plan.document, some)),
    };
    let message = format!(
        "{who} has approved {}, and this would approve {}; approve the same part, or ask {who} to approve this one",
        what(theirs),
        what(&input.left_out)
    );
    let approved: Vec<_> = others.iter().map(|(by, left_out)| json!({"by": by, "left_out": left_out})).collect();
    Ok(Some(Problem::new(ErrorCode::OtherPartApproved, message).with_details(json!({"approved": approved}))))
}

/// Whoever has said a word in the conversation is an author of its plan, whoever began it.
async fn by_themselves(work: &mut Work, row: &Row, principal: &Principal) -> Result<Option<Problem>, Problem> {
    let authors = messages::list_speakers(work, row.id).await?;
    let did = if principal.id == row.principal_id {
        "asked for this"
    } else if authors.iter().any(|author| author.id == principal.id) {
        "changed what was asked for"
    } else {
        return Ok(None);
    };
    let names: Vec<&str> = authors.iter().map(|author| author.name.as_str()).collect();
    let message = format!(
        "`{}` {did}, and the policy wants a plan approved by somebody who said no word in its conversation (`policy.self_approval`); \
         said so far by: {}",
        principal.name,
        names.join(", ")
    );
    Ok(Some(Problem::new(ErrorCode::SelfApproval, message).with_details(json!({"authors": names}))))
}

async fn approve(context: &Context, work: &mut Work, going: Vec<Going<'_>>) -> Result<Vec<(usize, Answer)>, Problem> {
    if going.is_empty() {
        return Ok(Vec::new());
    }
    let now = work.now();
    let words =
        going.iter().map(|Going { principal, input, plan, .. }| (new_decision(context, plan, principal, input), plan.approvals_needed));
    let given = approvals::approve(work, &words.collect::<Vec<_>>(), now).await?;
    let (mut answers, mut starting) = (vec![], vec![]);
    for mut one in going {
        let Going { at, principal, input, row, plan } = &mut one;
        let Some(given) = given.get(&plan.id).copied() else {
            let message = format!("`{}` has approved this plan before; it waits for somebody else", principal.name);
            answers.push((*at, Err(Problem::new(ErrorCode::AlreadyDecided, message))));
            continue;
        };
        let mut data = json!({
            "revision": plan.revision, "sha256": input.plan_sha256, "comment": input.comment,
            "approvals_given": given, "approvals_needed": plan.approvals_needed,
        });
        if let Some(link_id) = input.link_id {
            data["approval_link_id"] = json!(link_id);
        }
        if !input.left_out.is_empty() {
            data["left_out"] = json!(input.left_out);
            let text =
                format!("{} approved plan {} without {}", principal.name, plan.revision, part::told(&plan.document, &input.left_out));
            transition::say(work, row, None, &text).await?;
        }
        let event = AuditEvent::new(&principal.name, "plan.approved", data);
        if given < i64::from(plan.approvals_needed) {
            wait_for_more(work, row, plan, given, event).await?;
            answers.push((*at, Ok(decided(row, plan, input, given))));
        } else {
            starting.push((one, given, Change::new(Event::Approve, event)));
        }
    }
    let (mut started, mut changes) = (vec![], vec![]);
    for (one, given, change) in starting {
        started.push((one, given));
        changes.push(change);
    }
    let starts = started.iter_mut().zip(changes).map(|((one, _), change)| Start {
        row: &mut one.row,
        plan: Fixed::of(&one.plan),
        change,
        left_out: (!one.input.left_out.is_empty()).then(|| LeftOut { steps: one.input.left_out.clone(), by: one.principal.name.clone() }),
    });
    start_run::run(context, work, starts.collect(), now).await?;
    answers.extend(started.into_iter().map(|(one, given)| (one.at, Ok(decided(&one.row, &one.plan, &one.input, given)))));
    Ok(answers)
}

async fn wait_for_more(work: &mut Work, row: &mut Row, plan: &plans::Row, given: i64, event: AuditEvent) -> Result<(), store::Error> {
    let now = work.now();
    work.audit(row.id, event);
    let waiting_for = Wait::new(What::Approval, freeze::approvers_wanted(plan.approvals_needed, given)).since(now);
    requests::set_waiting_for(work, row.id, &waiting_for, now).await?;
    row.waiting_for = Some(waiting_for);
    transition::tell(work, row, None);
    Ok(())
}
