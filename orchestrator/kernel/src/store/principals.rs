//! Who may ask, approve and administer: people and programs.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Error, grants};
use crate::domain::role::{Principal, Role};

/// A principal as its row has it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) kind: String,
    pub(super) grants: Option<Value>,
}

impl TryFrom<Row> for Principal {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let bad = |column, value: &str| Error::BadData { table: "principals", column, id: row.id.to_string(), value: value.to_owned() };
        let role = Role::from_word(&row.role).ok_or_else(|| bad("role", &row.role))?;
        let is_program = match row.kind.as_str() {
            "program" => true,
            "person" => false,
            other => return Err(bad("kind", other)),
        };
        Ok(Self { id: row.id, name: row.name, role, grants: grants::read(row.id, row.grants)?, is_program })
    }
}

/// Adds a principal, unless one of that name exists; says which one stands under the name now.
pub async fn add_if_new(connection: &mut PgConnection, principal: &Principal, at: DateTime<Utc>) -> Result<Principal, Error> {
    sqlx::query!(
        "INSERT INTO principals (id, name, role, kind, created_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (name) DO NOTHING",
        principal.id,
        principal.name,
        principal.role.as_str(),
        if principal.is_program { "program" } else { "person" },
        at,
    )
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query_as!(
        Row,
        "SELECT id, name, role, kind, grants_of(id) AS grants
        FROM principals
        WHERE name = $1",
        principal.name,
    )
    .fetch_one(connection)
    .await?;
    row.try_into()
}

/// The principal of this name.
pub async fn get_by_name(connection: &mut PgConnection, name: &str) -> Result<Option<Principal>, Error> {
    let query = sqlx::query_as!(Row, "SELECT id, name, role, kind, grants_of(id) AS grants FROM principals WHERE name = $1", name);
    query.fetch_optional(connection).await?.map(Principal::try_from).transpose()
}

/// The principals with these ids, as they are now.
pub async fn get_all(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Principal>, Error> {
    sqlx::query_as!(Row, "SELECT id, name, role, kind, grants_of(id) AS grants FROM principals WHERE id = ANY ($1) ORDER BY name", ids)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(Principal::try_from)
        .collect()
}

/// The principal of this name, locked until the transaction ends: of two who change what they may do, one comes after the other.
pub async fn lock(connection: &mut PgConnection, name: &str) -> Result<Option<Principal>, Error> {
    let query = sqlx::query_as!(
        Row,
        "SELECT id, name, role, kind, grants_of(id) AS grants FROM principals WHERE name = $1 FOR NO KEY UPDATE",
        name
    );
    query.fetch_optional(connection).await?.map(Principal::try_from).transpose()
}

/// The people who have this role everywhere, locked in the order of their ids, so that of two who go at once one stays.
pub async fn lock_people_with(connection: &mut PgConnection, role: Role) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!("SELECT id FROM principals WHERE role = $1 AND kind = 'person' ORDER BY id FOR NO KEY UPDATE", role.as_str())
        .fetch_all(connection)
        .await?)
}

/// The principal with this id.
pub async fn get(connection: &mut PgConnection, id: Uuid) -> Result<Option<Principal>, Error> {
    let row = sqlx::query_as!(Row, "SELECT id, name, role, kind, grants_of(id) AS grants FROM principals WHERE id = $1", id)
        .fetch_optional(connection)
        .await?;
    row.map(Principal::try_from).transpose()
}

/// Gives a principal another role.
pub async fn set_role(connection: &mut PgConnection, id: Uuid, role: Role) -> Result<(), Error> {
    sqlx::query!("UPDATE principals SET role = $2 WHERE id = $1", id, role.as_str()).execute(connection).await?;
    Ok(())
}

/// Whether a provider stands for somebody, who keeps their password there.
pub async fn is_provided(connection: &mut PgConnection, id: Uuid) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM oidc_identities WHERE principal_id = $1) AS "is_provided!""#, id)
        .fetch_one(connection)
        .await?)
}

/// The first people who have one of these roles, everywhere or for a part, by name, who have something to sign in with; somebody else than
/// this one.
pub async fn list_people_with(
    connection: &mut PgConnection,
    roles: &[String],
    but: Uuid,
    at: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Principal>, Error> {
    sqlx::query_as!(
        Row,
        "SELECT p.id, p.name, p.role, p.kind, grants_of(p.id) AS grants
        FROM principals p
        WHERE p.kind = 'person' AND p.id <> $2
        AND (p.role = ANY ($1) OR EXISTS (SELECT FROM grants g WHERE g.principal_id = p.id AND g.role = ANY ($1)))
        AND (
            EXISTS (SELECT FROM passwords w WHERE w.principal_id = p.id)
            OR EXISTS (SELECT FROM oidc_identities i WHERE i.principal_id = p.id)
            OR EXISTS (
                SELECT
                FROM api_tokens t
                WHERE t.principal_id = p.id AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $3)
            )
            OR EXISTS (SELECT FROM sessions s WHERE s.principal_id = p.id AND s.ended_at IS NULL AND s.expires_at > $3 AND NOT s.is_narrow)
        )
        ORDER BY p.name
        LIMIT $4",
        roles,
        but,
        at,
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Principal::try_from)
    .collect()
}

/// Whether somebody has what signs them in fully, by itself or still: a password, a token that counts, or a browser that is signed in. That
/// a provider has stood for them once is nothing of that kind: whom it has closed out keeps no browser signed in.
pub async fn has_a_way_in(connection: &mut PgConnection, id: Uuid, at: DateTime<Utc>) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM passwords w WHERE w.principal_id = $1)
            OR EXISTS (
                SELECT
                FROM api_tokens t
                WHERE t.principal_id = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
            )
            OR EXISTS (
                SELECT
                FROM sessions s
                LEFT JOIN api_tokens t ON t.id = s.token_id
                WHERE s.principal_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND NOT s.is_narrow
                AND (s.token_id IS NULL OR t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2))
            ) AS "has!""#,
        id,
        at,
    )
    .fetch_one(connection)
    .await?)
}

/// Somebody, as lists show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ListedPrincipal)]
pub struct Listed {
    /// Their name.
    pub name: String,
    /// What they may do everywhere.
    pub role: String,
    /// How many roles they were given beside it, for some hosts, actions and risks.
    pub grants: i64,
    /// `person` or `program`.
    pub kind: String,
    /// When they came.
    pub created_at: DateTime<Utc>,
    /// Whether they have a password here.
    pub has_password: bool,
    /// Whether an OpenID Connect provider stands for them.
    pub by_provider: bool,
}

/// People and programs behind a name, by name, at most `limit`.
pub async fn list(connection: &mut PgConnection, after: Option<&str>, limit: i64) -> Result<Vec<Listed>, Error> {
    Ok(sqlx::query_as!(
        Listed,
        r#"SELECT p.name, p.role, p.kind, p.created_at,
            (SELECT count(*) FROM grants g WHERE g.principal_id = p.id) AS "grants!",
            EXISTS (SELECT FROM passwords w WHERE w.principal_id = p.id) AS "has_password!",
            EXISTS (SELECT FROM oidc_identities i WHERE i.principal_id = p.id) AS "by_provider!"
        FROM principals p
        WHERE $1::text IS NULL OR p.name > $1
        ORDER BY p.name
        LIMIT $2"#,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?)
}
