//! The conversation of a request.

use chiffon_kernel::store::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The request.
    pub request_id: Uuid,
    /// Who says it; `None` for Chiffon's own words.
    pub principal_id: Option<Uuid>,
    /// The words.
    pub text: String,
    /// The conversation's round.
    pub round: i32,
}

/// Adds turns at the ends of their conversations, under the requests' row locks; one of each.
pub async fn add(connection: &mut PgConnection, turns: &[Turn], at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO messages (request_id, seq, at, sender, principal_id, text, round)
        SELECT turn.request_id, COALESCE((SELECT max(seq) FROM messages m WHERE m.request_id = turn.request_id), 0) + 1, $5,
            CASE WHEN turn.principal_id IS NULL THEN 'chiffon' ELSE 'user' END, turn.principal_id, turn.text, turn.round
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[]) AS turn (request_id, principal_id, text, round)",
        &turns.iter().map(|turn| turn.request_id).collect::<Vec<_>>(),
        &turns.iter().map(|turn| turn.principal_id).collect::<Vec<_>>() as &[Option<Uuid>],
        &turns.iter().map(|turn| turn.text.clone()).collect::<Vec<_>>(),
        &turns.iter().map(|turn| turn.round).collect::<Vec<_>>(),
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds a notice of Chiffon's about what this person did. People read it; for planners it is no part of the conversation.
pub async fn add_notice(
    connection: &mut PgConnection,
    request_id: Uuid,
    about: Uuid,
    text: &str,
    round: i32,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO messages (request_id, seq, at, sender, principal_id, text, round)
        SELECT $1, COALESCE(max(seq), 0) + 1, $2, 'chiffon', $3, $4, $5
        FROM messages
        WHERE request_id = $1",
        request_id,
        at,
        about,
        text,
        round,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Who has said a word in the conversation, by name, in the order of their first words.
pub async fn list_speakers(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<Speaker>, Error> {
    Ok(sqlx::query_as!(
        Speaker,
        "SELECT p.id, p.name
        FROM messages m
        JOIN principals p ON p.id = m.principal_id
        WHERE m.request_id = $1 AND m.sender = 'user'
        GROUP BY p.id, p.name
        ORDER BY min(m.seq)",
        request_id,
    )
    .fetch_all(connection)
    .await?)
}

/// Somebody who has said a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// Who.
    pub id: Uuid,
    /// Their name.
    pub name: String,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whether a person said it (else Chiffon).
    pub by_user: bool,
    /// The words.
    pub text: String,
}

/// All turns, in order, without notices.
pub async fn list(connection: &mut PgConnection, request_id: Uuid) -> Result<Vec<Said>, Error> {
    Ok(sqlx::query_as!(
        Said,
        r#"SELECT sender = 'user' AS "by_user!", text
        FROM messages
        WHERE request_id = $1 AND NOT (sender = 'chiffon' AND principal_id IS NOT NULL)
        ORDER BY seq"#,
        request_id,
    )
    .fetch_all(connection)
    .await?)
}
