//! A past for the database: real requests with all that belongs to them, told again many times under other ids at other times.
//!
//! What belongs to a request is found by its foreign keys, so a new table is filled as soon as it has one.

use anyhow::{Context as _, ensure};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row as _};

/// Rows that belong to a request without a foreign key that says so: table, column, and which rows.
const BY_WORD: [(&str, &str, &str); 2] = [
    ("execution_logs", "task_id", "task_id IN (SELECT id FROM bench_told_tasks)"),
    ("audit_log", "chain", "chain IN (SELECT id::text FROM bench_told_requests)"),
];
/// Which requests are told again.
const TOLD: &str = "id IN (SELECT id FROM requests WHERE status = 'completed' ORDER BY id DESC LIMIT 500)";
/// The past is as long as this.
const DAYS: f64 = 60.0;
/// Times told in one transaction.
const AT_ONCE: i64 = 50;

/// Another id for a row, the same for everybody who refers to it; time-ordered, as ids are, by as much as the copy is older.
const OTHER_ID: &str = "
    CREATE FUNCTION bench_id(id uuid, copy bigint, shift_ms double precision) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (
        lpad(to_hex(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint - (copy * shift_ms)::bigint), 12, '0')
        || '7' || substr(md5(id::text || copy), 1, 3) || '8' || substr(md5(id::text || copy), 4, 15)
    )::uuid";

/// Fills it up to so many requests; how many there are then.
pub async fn to(pool: &PgPool, wanted: i64) -> anyhow::Result<i64> {
    let mut connection = pool.acquire().await?;
    let connection = &mut *connection;
    // Keys are kept by how the rows are made, and a crash of this database loses nothing that anybody needs.
    for setting in [
        "SET session_replication_role = replica",
        "SET synchronous_commit = off",
        "SET statement_timeout = 0",
        "SET maintenance_work_mem = '256MB'",
    ] {
        sqlx::query(setting).execute(&mut *connection).await?;
    }
    sqlx::query("DROP FUNCTION IF EXISTS bench_id").execute(&mut *connection).await?;
    sqlx::query(OTHER_ID).execute(&mut *connection).await?;
    let (tables, inserts) = inserts(&mut *connection).await?;
    let template: i64 = sqlx::query_scalar("SELECT count(*) FROM bench_told_requests").fetch_one(&mut *connection).await?;
    ensure!(template > 0, "there is no completed request to tell again");
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM requests").fetch_one(&mut *connection).await?;
    let copies = ((wanted - there) + template - 1) / template;
    let indexes = drop_indexes(&mut *connection, &tables).await?;
    #[expect(clippy::cast_precision_loss, reason = "some thousand copies")]
    let shift_ms = DAYS * 86_400_000.0 / copies.max(1) as f64;
    let mut copy = 1;
    while copy <= copies {
        let until = (copy + AT_ONCE - 1).min(copies);
        for insert in &inserts {
            sqlx::query(AssertSqlSafe(insert.as_str()))
                .bind(copy)
                .bind(until)
                .bind(shift_ms)
                .execute(&mut *connection)
                .await
                .with_context(|| insert.clone())?;
        }
        if until % (AT_ONCE * 4) == 0 || until == copies {
            eprintln!("bench: {} of {wanted} requests are stored", there + until * template);
        }
        copy = until + 1;
    }
    eprintln!("bench: the database makes its indexes and looks at what it has (ANALYZE)");
    for index in indexes {
        sqlx::query(AssertSqlSafe(index.as_str())).execute(&mut *connection).await.with_context(|| index.clone())?;
    }
    sqlx::query("RESET ALL").execute(&mut *connection).await?;
    sqlx::query("VACUUM ANALYZE").execute(&mut *connection).await?;
    Ok(sqlx::query_scalar("SELECT count(*) FROM requests").fetch_one(&mut *connection).await?)
}

/// Takes the indexes away that are no keys, because made at once they are made in a fraction of the time; the statements that make them.
async fn drop_indexes(connection: &mut PgConnection, tables: &[String]) -> anyhow::Result<Vec<String>> {
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
        FROM pg_index
        JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid::regclass::text = ANY($1) AND NOT indisunique AND relkind = 'i' AND NOT relispartition",
    )
    .bind(tables)
    .fetch_all(&mut *connection)
    .await?;
    for (name, _) in &indexes {
        sqlx::query(AssertSqlSafe(format!("DROP INDEX {name}"))).execute(&mut *connection).await?;
    }
    Ok(indexes.into_iter().map(|(_, definition)| definition).collect())
}

/// The tables that have rows of requests, and a statement for each.
async fn inserts(connection: &mut PgConnection) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    // A stream has the id of its request.
    let streams = "id IN (SELECT id FROM bench_told_requests)";
    let mut tables: Vec<(String, String)> =
        [("requests", TOLD), ("streams", streams)].map(|(table, rows)| (table.to_owned(), rows.to_owned())).into();
    let keys: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT key.conrelid::regclass::text, own.attname::text, key.confrelid::regclass::text, other.attname::text
        FROM pg_constraint AS key
        JOIN pg_attribute AS own ON own.attrelid = key.conrelid AND own.attnum = key.conkey[1]
        JOIN pg_attribute AS other ON other.attrelid = key.confrelid AND other.attnum = key.confkey[1]
        WHERE key.contype = 'f' AND cardinality(key.conkey) = 1 AND key.conparentid = 0",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut next = 0;
    while let Some((table, _)) = tables.get(next).cloned() {
        next += 1;
        for (from, column, to, target) in keys.iter().filter(|(_, _, to, _)| *to == table) {
            if !tables.iter().any(|(known, _)| known == from) {
                tables.push((from.clone(), format!("{column} IN (SELECT {target} FROM bench_told_{to})")));
            }
        }
    }
    let belongs = tables.clone();
    tables.extend(BY_WORD.map(|(table, _, rows)| (table.to_owned(), rows.to_owned())));
    let mut inserts = Vec::new();
    for (table, rows) in &tables {
        let mut other: Vec<&str> = keys
            .iter()
            .filter(|(from, _, to, _)| from == table && belongs.iter().any(|(known, _)| known == to))
            .map(|(_, column, _, _)| column.as_str())
            .collect();
        other.extend(BY_WORD.iter().filter(|(known, _, _)| *known == table).map(|(_, column, _)| *column));
        // Kept apart, so that no index is needed to find them again.
        let told = format!("CREATE TEMP TABLE bench_told_{table} AS SELECT * FROM {table} WHERE {rows}");
        sqlx::query(AssertSqlSafe(told)).execute(&mut *connection).await?;
        inserts.push(insert(connection, table, &other).await?);
    }
    Ok((tables.into_iter().map(|(table, _)| table).collect(), inserts))
}

/// The statement that tells a table's rows again. `$1` to `$2` number the copies, `$3` is how many milliseconds lie between two.
async fn insert(connection: &mut PgConnection, table: &str, other: &[&str]) -> anyhow::Result<String> {
    let columns = sqlx::query(
        "SELECT attname::text AS name, atttypid::regtype::text AS type, coalesce(attnum = ANY(key.conkey), false) AS is_key
        FROM pg_attribute
        LEFT JOIN pg_constraint AS key ON key.conrelid = attrelid AND key.contype = 'p'
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''
        ORDER BY attnum",
    )
    .bind(table)
    .fetch_all(&mut *connection)
    .await?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in columns {
        let (name, kind, is_key): (String, String, bool) = (column.try_get("name")?, column.try_get("type")?, column.try_get("is_key")?);
        let is_other = other.contains(&name.as_str());
        let value = match kind.as_str() {
            "uuid" if is_other || (is_key && name == "id") => format!("bench_id(told.{name}, copy, $3)"),
            "text" if is_other => format!("bench_id(told.{name}::uuid, copy, $3)::text"),
            "timestamp with time zone" => format!("told.{name} - copy * $3 * interval '1 millisecond'"),
            _ => format!("told.{name}"),
        };
        names.push(name);
        values.push(value);
    }
    Ok(format!(
        "INSERT INTO {table} ({}) SELECT {} FROM bench_told_{table} AS told CROSS JOIN generate_series($1::bigint, $2::bigint) AS copy",
        names.join(", "),
        values.join(", ")
    ))
}
