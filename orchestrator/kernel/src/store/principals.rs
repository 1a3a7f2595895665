//! Who may ask, approve and administer: people and programs.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;
use crate::domain::role::{Principal, Role};
use crate::domain::scope::Scope;

/// A principal as its row has it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) kind: String,
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
        Ok(Self { id: row.id, name: row.name, role, scope: Scope::EVERYWHERE, is_program })
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
        "SELECT id, name, role, kind
        FROM principals
        WHERE name = $1",
        principal.name,
    )
    .fetch_one(connection)
    .await?;
    row.try_into()
}
