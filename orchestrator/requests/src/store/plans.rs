//! Revisions of plans, and the only place that moves them. Once its hash is set, a plan's body never changes; the database refuses it.

use std::collections::BTreeMap;

use chiffon_kernel::store::Error;
use chiffon_plans::domain::plan::PlanDocument;
use chiffon_plans::domain::plan_state::{Event, InvalidTransition, State};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

/// A revision.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// From 1.
    pub revision: i32,
    /// Where it stands.
    pub state: State,
    /// Null until discovery has frozen its outputs.
    pub sha256: Option<String>,
    /// That of its steps alone; null, too, where the version before has fixed it.
    pub steps_sha256: Option<String>,
    /// The document.
    pub document: PlanDocument,
    /// Distinct approvers needed.
    pub approvals_needed: i32,
    /// When it can't be approved any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was.
    pub approved_at: Option<DateTime<Utc>>,
}

/// A revision to be added.
#[derive(Debug, Clone)]
pub struct New<'n> {
    /// Its id.
    pub id: Uuid,
    /// The round that it answers.
    pub round: i32,
    /// The document, which names request and revision.
    pub document: &'n PlanDocument,
    /// Distinct approvers needed.
    pub approvals_needed: i32,
}

/// Adds a revision whose first steps are still to be run, without a hash.
///
/// # Panics
/// Never: documents always serialize.
pub async fn add(connection: &mut PgConnection, new: &New<'_>, at: DateTime<Utc>) -> Result<(), Error> {
    let document = new.document;
    sqlx::query!(
        "INSERT INTO plans (id, request_id, revision, round, state, body, summary, risk, estimated_seconds, estimated_cost_micro_usd, planned_by, approvals_needed, created_at)
        VALUES ($1, $2, $3, $4, $13, $5, $6, $7, $8, $9, $10, $11, $12)",
        new.id,
        document.request_id,
        document.revision,
        new.round,
        serde_json::to_value(document).expect("a plan is JSON"),
        document.summary,
        document.risk().as_str(),
        document.estimated_seconds,
        document.estimated_cost_usd.count(),
        json!({"provider": document.planned_by.provider, "model": document.planned_by.model}),
        new.approvals_needed,
        at,
        State::Discovering.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

struct Stored {
    id: Uuid,
    revision: i32,
    state: String,
    sha256: Option<String>,
    steps_sha256: Option<String>,
    body: Value,
    approvals_needed: i32,
    expires_at: Option<DateTime<Utc>>,
    approved_at: Option<DateTime<Utc>>,
}

impl TryFrom<Stored> for Row {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let id = stored.id;
        let bad =
            |error: serde_json::Error| Error::BadData { table: "plans", column: "body", id: id.to_string(), value: error.to_string() };
        Ok(Self {
            id,
            revision: stored.revision,
            state: read_state(&stored.state, id)?,
            sha256: stored.sha256,
            steps_sha256: stored.steps_sha256,
            document: serde_json::from_value(stored.body).map_err(bad)?,
            approvals_needed: stored.approvals_needed,
            expires_at: stored.expires_at,
            approved_at: stored.approved_at,
        })
    }
}

/// A revision.
pub async fn get(connection: &mut PgConnection, id: Uuid) -> Result<Row, Error> {
    get_all(connection, &[id]).await?.remove(&id).ok_or_else(|| sqlx::Error::RowNotFound.into())
}

/// The revision that a request has now.
pub async fn current(connection: &mut PgConnection, request_id: Uuid) -> Result<Option<Row>, Error> {
    let plan_id = sqlx::query_scalar!("SELECT plan_id FROM requests WHERE id = $1", request_id).fetch_optional(&mut *connection).await?;
    match plan_id.flatten() {
        Some(plan_id) => get(connection, plan_id).await.map(Some),
        None => Ok(None),
    }
}

/// Several revisions by their ids.
pub async fn get_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Row>, Error> {
    let stored = sqlx::query_as!(
        Stored,
        "SELECT id, revision, state, sha256, steps_sha256, body, approvals_needed, expires_at, approved_at
        FROM plans
        WHERE id = ANY ($1)",
        ids,
    )
    .fetch_all(connection)
    .await?;
    stored.into_iter().map(|stored| Ok((stored.id, stored.try_into()?))).collect()
}

/// The revision of a request with this hash.
pub async fn find(connection: &mut PgConnection, request_id: Uuid, sha256: &str) -> Result<Option<Row>, Error> {
    sqlx::query_as!(
        Stored,
        "SELECT id, revision, state, sha256, steps_sha256, body, approvals_needed, expires_at, approved_at
        FROM plans
        WHERE request_id = $1 AND sha256 = $2",
        request_id,
        sha256,
    )
    .fetch_optional(connection)
    .await?
    .map(Row::try_from)
    .transpose()
}

/// A state as it is stored.
pub(super) fn read_state(word: &str, id: Uuid) -> Result<State, Error> {
    let bad = || Error::BadData { table: "plans", column: "state", id: id.to_string(), value: word.to_owned() };
    State::from_word(word).ok_or_else(bad)
}

/// The number of the next revision.
pub async fn next_revision(connection: &mut PgConnection, request_id: Uuid) -> Result<i32, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT COALESCE(max(revision), 0) + 1 AS "next!"
        FROM plans
        WHERE request_id = $1"#,
        request_id,
    )
    .fetch_one(connection)
    .await?)
}

/// What is fixed with a revision.
#[derive(Debug, Clone, Copy)]
pub struct Frozen<'f> {
    /// The document.
    pub document: &'f PlanDocument,
    /// Its hash.
    pub sha256: &'f str,
    /// That of its steps alone.
    pub steps_sha256: &'f str,
    /// How long it may wait for approval.
    pub expires_at: DateTime<Utc>,
}

/// Fixes a revision of which all is found out. Fails when it was fixed before.
pub async fn freeze(connection: &mut PgConnection, id: Uuid, frozen: Frozen<'_>) -> Result<State, Error> {
    let body = serde_json::to_value(frozen.document).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let written = Written { fixed: Some((body, frozen)), approved_at: None };
    set_state(connection, id, State::Discovering, Event::Freeze, written).await
}

/// Marks revisions that stand there as approved: each once, so that it can run once.
pub async fn approve(connection: &mut PgConnection, plans: &[(Uuid, State)], at: DateTime<Utc>) -> Result<(), Error> {
    let approved = |(id, from): &(Uuid, State)| Move {
        id: *id,
        from: *from,
        event: Event::Approve,
        written: Written { fixed: None, approved_at: Some(at) },
    };
    set_states(connection, plans.iter().map(approved).collect()).await
}

/// Moves a revision that stands there, by what writes nothing beside.
pub async fn move_on(connection: &mut PgConnection, id: Uuid, from: State, event: Event) -> Result<State, Error> {
    set_state(connection, id, from, event, Written::default()).await
}

/// Ends a revision that is still being made or decided about. One that has come to its end stays as it is.
pub async fn give_up(connection: &mut PgConnection, id: Uuid, event: Event) -> Result<(), Error> {
    let word = sqlx::query_scalar!("SELECT state FROM plans WHERE id = $1", id).fetch_one(&mut *connection).await?;
    let state = read_state(&word, id)?;
    if state.is_open() {
        move_on(connection, id, state, event).await?;
    }
    Ok(())
}

/// What is written beside a state.
#[derive(Default)]
struct Written<'w> {
    fixed: Option<(Value, Frozen<'w>)>,
    approved_at: Option<DateTime<Utc>>,
}

/// A move to another state.
struct Move<'w> {
    id: Uuid,
    from: State,
    event: Event,
    written: Written<'w>,
}

async fn set_state(connection: &mut PgConnection, id: Uuid, from: State, event: Event, written: Written<'_>) -> Result<State, Error> {
    set_states(connection, vec![Move { id, from, event, written }]).await?;
    from.on(event).map_err(|source| transition(id, source))
}

fn transition(id: Uuid, source: InvalidTransition) -> Error {
    Error::Transition { table: "plans", id: id.to_string(), source: source.into() }
}

/// The only place that changes where revisions stand. Fails when one does not stand where it was thought to.
async fn set_states(connection: &mut PgConnection, moves: Vec<Move<'_>>) -> Result<(), Error> {
    let mut columns = (vec![], vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
    for Move { id, from, event, written } in moves {
        let to = from.on(event).map_err(|source| transition(id, source))?;
        let (body, frozen) = written.fixed.unzip();
        columns.0.push(id);
        columns.1.push(from.as_str());
        columns.2.push(to.as_str().to_owned());
        columns.3.push(body);
        columns.4.push(frozen.map(|frozen| frozen.sha256.to_owned()));
        columns.5.push(frozen.map(|frozen| frozen.expires_at));
        columns.6.push(written.approved_at);
        columns.7.push(frozen.map(|frozen| frozen.steps_sha256.to_owned()));
    }
    let done = sqlx::query_scalar!(
        "UPDATE plans
        SET state = move.new_state, body = COALESCE(move.body, plans.body), sha256 = COALESCE(move.sha256, plans.sha256),
            expires_at = COALESCE(move.expires_at, plans.expires_at), approved_at = COALESCE(move.approved_at, plans.approved_at),
            steps_sha256 = COALESCE(move.steps_sha256, plans.steps_sha256)
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[])
            AS move (id, state, new_state, body, sha256, expires_at, approved_at, steps_sha256)
        WHERE plans.id = move.id AND plans.state = move.state AND (move.sha256 IS NULL OR plans.sha256 IS NULL)
        AND (move.approved_at IS NULL OR plans.approved_at IS NULL AND plans.sha256 IS NOT NULL)
        RETURNING plans.id",
        &columns.0,
        &columns.1.iter().map(|from| (*from).to_owned()).collect::<Vec<_>>(),
        &columns.2,
        &columns.3 as &[Option<Value>],
        &columns.4 as &[Option<String>],
        &columns.5 as &[Option<DateTime<Utc>>],
        &columns.6 as &[Option<DateTime<Utc>>],
        &columns.7 as &[Option<String>],
    )
    .fetch_all(connection)
    .await?;
    match columns.0.iter().zip(&columns.1).find(|(id, _)| !done.contains(id)) {
        None => Ok(()),
        Some((id, from)) => Err(Error::Moved { table: "plans", id: id.to_string(), from }),
    }
}
