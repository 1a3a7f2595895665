//! What a login needs to bring the schema to this version, looked at before anything is changed.
//!
//! A database's owner has all of it but one: to make the role that `chiffon sql` reads with. Without that right the role is left out, and
//! only `chiffon sql` misses it.

use std::borrow::Cow;

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgPool, SqlSafeStr as _};

use super::Error;

/// Where the first migration makes the role, and what follows is all about it.
const ROLE_BEGINS: &str = "-- The role of `chiffon sql`";

/// Refuses a login that can't migrate, and takes out what it may not do and nobody else needs.
pub(super) async fn check(pool: &PgPool, migrations: &mut Migrator) -> Result<(), Error> {
    let (login, database, can_make_tables, has_role, can_make_roles): (String, String, bool, bool, bool) = sqlx::query_as(
        "SELECT current_user::text, current_database()::text, has_schema_privilege('public', 'CREATE'),
            EXISTS (SELECT FROM pg_roles WHERE rolname = 'chiffon_postmortem'),
            (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)",
    )
    .fetch_one(pool)
    .await?;
    if !can_make_tables {
        return Err(Error::Rights { login, database });
    }
    if !has_role && !can_make_roles {
        tracing::warn!(
            login,
            "this login may not make roles: everything works but `chiffon sql`, which needs one; docs/operating.md says how to make it"
        );
        leave_the_role_out(migrations);
    }
    Ok(())
}

/// The first migration without the role; it counts as the same, so that a database can't tell and no later start minds.
fn leave_the_role_out(migrations: &mut Migrator) {
    let mut all = migrations.migrations.to_vec();
    for migration in &mut all {
        // Later ones look whether the role is there.
        let before = migration.sql.as_str().split_once(ROLE_BEGINS).map(|(before, _)| before.to_owned());
        if let Some(before) = before.filter(|_| migration.version == 1) {
            migration.sql = AssertSqlSafe(before).into_sql_str();
        }
    }
    migrations.migrations = Cow::Owned(all);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_role_is_left_out_and_the_migration_counts_as_the_same() {
        let whole = sqlx::migrate!("../../migrations");
        let mut without = sqlx::migrate!("../../migrations");
        leave_the_role_out(&mut without);
        let mut shortened = 0;
        for (whole, without) in whole.iter().zip(without.iter()) {
            assert_eq!((whole.version, &whole.checksum), (without.version, &without.checksum));
            let left_out = whole.sql.as_str().strip_prefix(without.sql.as_str()).expect("a beginning of it");
            let statements = left_out.split(';').filter(|statement| !statement.trim().is_empty());
            for statement in
                statements.filter(|statement| !statement.contains("$$") && !statement.contains("NULL") && !statement.contains("END"))
            {
                assert!(statement.contains("chiffon_postmortem"), "{statement}");
            }
            shortened += usize::from(!left_out.is_empty());
        }
        assert_eq!(shortened, 1, "the first migration makes it");
    }
}
