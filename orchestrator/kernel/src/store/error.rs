//! What can go wrong in the store, and which code it has.

use chiffon_protocol::{ErrorCode, Problem};

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database can't be reached, or refused or broke a statement.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// Work on the database was given up, because its connection seems to lead nowhere.
    #[error("the database did not answer for {seconds} s; this is given up and tried again")]
    TookTooLong {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The schema can't be brought to what this version needs.
    #[error("the database's schema: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The login may not make the tables.
    #[error(
        "the login `{login}` may not make tables in the schema `public` of the database `{database}`; make it the owner: ALTER DATABASE {database} OWNER TO {login}"
    )]
    Rights {
        /// Who logs in.
        login: String,
        /// Where.
        database: String,
    },
    /// The address can't be read.
    #[error("the database's address can't be read: {0}; it has the form postgres://user:password@host:5432/database")]
    Url(String),
    /// A row does not stand where the caller, who holds its lock, has seen it: a mistake of this program.
    #[error("{table} {id} is not `{from}` any more")]
    Moved {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// Where it was thought to stand.
        from: &'static str,
    },
    /// Something was to be moved in a way that its state does not have: a mistake of this program.
    #[error("{table} {id}: {source}")]
    Transition {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// The move.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row holds what no version writes.
    #[error("{table}.{column} of {id} holds `{value}`, which no version writes")]
    BadData {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
        /// What it holds.
        value: String,
    },
}

impl Error {
    pub(super) fn url(error: &sqlx::Error) -> Self {
        Self::Url(error.to_string())
    }

    /// What those are told who have no business with the database's files: what it refuses for now, and what can't be read, without its own words.
    fn for_strangers(&self) -> String {
        if let Self::BadData { table, column, id, .. } = self {
            return format!("`{table}.{column}` of {id} can't be read; look at it with `chiffon sql`");
        }
        let Self::Database(sqlx::Error::Database(error)) = self else { return self.to_string() };
        let code = error.code().unwrap_or_default();
        match &*code {
            "53100" => "the database's disk is full, so it takes no changes; make room there".to_owned(),
            "25006" => "the database takes no changes: it is a standby, or set to read-only".to_owned(),
            "53300" => "the database has no connection left; raise its max_connections, or lower database.max_connections".to_owned(),
            code if code.starts_with("57P") => "the database is stopping or starting".to_owned(),
            code => format!("the database can't do it for now (SQLSTATE {code}); its log says why"),
        }
    }

    /// Whether the same may work later: the database is away, busy, or chose this transaction as a deadlock's victim.
    pub fn is_transient(&self) -> bool {
        match self {
            // `Protocol`: a connection that breaks in mid-word reads as one that talks nonsense.
            Self::TookTooLong { .. }
            | Self::Database(
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_),
            ) => true,
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| passes(&code)),
            _ => false,
        }
    }
}

/// Whether what this SQLSTATE tells is over after a while, whatever was asked
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn passes(sqlstate: &str) -> bool {
    match sqlstate.get(..2) {
        // The connection; its transaction, which was in no state for the statement, was ended for idling or by a standby; a
        // deadlock's victim; no room; the server's end or a statement's limit; its disk or files.
        Some("08" | "25" | "40" | "53" | "57" | "58") => true,
        _ => sqlstate == "55P03",
    }
}

/// Whether it tells that tables, columns, functions or rights are not there that this version needs.
fn does_not_fit(sqlstate: &str) -> bool {
    matches!(sqlstate, "42P01" | "42703" | "42883" | "42704" | "42501" | "3F000")
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Url(_) => ErrorCode::DatabaseUrlInvalid,
            Error::Migration(_) | Error::Rights { .. } => ErrorCode::MigrationFailed,
            _ if error.is_transient() => ErrorCode::DatabaseUnavailable,
            // A refused login, or a database that is not there.
            Error::Database(sqlx::Error::Database(database))
                if database.code().is_some_and(|code| code.starts_with("28") || code.starts_with("3D")) =>
            {
                ErrorCode::DatabaseUrlInvalid
            }
            Error::Database(sqlx::Error::Database(database)) if database.code().is_some_and(|code| does_not_fit(&code)) => {
                ErrorCode::DatabaseDoesNotFit
            }
            Error::BadData { .. } => ErrorCode::StoredDataUnreadable,
            _ => ErrorCode::Internal,
        };
        let is_told = matches!(code, ErrorCode::DatabaseUnavailable | ErrorCode::StoredDataUnreadable);
        Problem::new(code, if is_told { error.for_strangers() } else { error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_refuses_for_a_while_is_told_from_what_it_refuses_for_good() {
        // A frozen process finds its transaction ended (25P03), or all of them (25P04); its connection idle for too long (57P05).
        for passing in
            ["08006", "25P02", "25P03", "25P04", "25006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P05", "58030"]
        {
            assert!(passes(passing), "{passing}");
            assert!(!does_not_fit(passing), "{passing}");
        }
        for lasting in ["22003", "22P05", "23505", "23514", "42601", "XX000", "P0001", "", "2"] {
            assert!(!passes(lasting) && !does_not_fit(lasting), "{lasting}");
        }
        for foreign in ["42P01", "42703", "42883", "42501", "3F000"] {
            assert!(!passes(foreign) && does_not_fit(foreign), "{foreign}");
        }
    }
}
