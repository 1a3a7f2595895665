//! Every question is asked about a history that can be counted by hand, and about one that is long.

use std::fmt::Write as _;

use chiffon_harness::database;
use chiffon_postmortem::domain::question::Question;
use chiffon_postmortem::store::answer::{Answer, MOST_ROWS, ask};
use chiffon_postmortem::store::{QUESTIONS, find};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Column as _, Executor as _, PgPool, SqlSafeStr as _};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

async fn answer(pool: &PgPool, question: &Question, since: &str, until: &str) -> Vec<Vec<Value>> {
    match ask(pool, question, at(since), at(until)).await.expect("it is asked") {
        Answer::Rows { rows, .. } => rows,
        Answer::TooLong => panic!("`{}` takes too long", question.name),
    }
}

#[tokio::test]
async fn each_question_is_answered_as_one_counts_by_hand() {
    let database = database::migrated().await;
    let pool = PgPool::connect(&database.url()).await.expect("a pool");
    pool.execute(include_str!("history.sql")).await.expect("a history");
    let mut told = String::new();
    for question in QUESTIONS {
        writeln!(told, "{}: {}", question.name, question.columns.join(", ")).expect("text");
        for row in answer(&pool, question, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z").await {
            let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
            writeln!(told, "  {}", cells.join(" | ")).expect("text");
        }
    }
    let expected = include_str!("answers.txt");
    assert!(told == expected, "answers.txt says otherwise; it is:\n{told}");
}

#[tokio::test]
async fn what_was_before_and_after_is_not_in_an_answer() {
    let database = database::migrated().await;
    let pool = PgPool::connect(&database.url()).await.expect("a pool");
    pool.execute(include_str!("history.sql")).await.expect("a history");
    for question in QUESTIONS {
        for (since, until) in [("2020-01-01T00:00:00Z", "2026-03-01T00:00:00Z"), ("2026-03-04T00:00:00Z", "2030-01-01T00:00:00Z")] {
            assert_eq!(answer(&pool, question, since, until).await, Vec::<Vec<Value>>::new(), "{}", question.name);
        }
    }
}

#[tokio::test]
async fn the_columns_of_each_question_are_those_of_its_statement() {
    let database = database::migrated().await;
    let pool = PgPool::connect(&database.url()).await.expect("a pool");
    for question in QUESTIONS {
        let described = pool.prepare(question.sql.into_sql_str()).await.expect("a statement");
        let columns: Vec<String> = sqlx::Statement::columns(&described).iter().map(|column| column.name().to_owned()).collect();
        assert_eq!(columns, question.columns, "{}", question.name);
        if let Some(plot) = question.plot {
            assert!(plot.y.iter().chain([&plot.x]).all(|name| question.columns.contains(name)), "{}", question.name);
        }
    }
}

#[tokio::test]
async fn a_long_history_is_answered_with_so_many_rows_and_says_that_there_are_more() {
    let database = database::migrated().await;
    let pool = PgPool::connect(&database.url()).await.expect("a pool");
    pool.execute(include_str!("history.sql")).await.expect("a history");
    let copies = "
        SET session_replication_role = replica;
        INSERT INTO tasks
        SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), 'step_id', 's' || n, 'finished_at', t.finished_at + n * interval '1 minute'))).*
        FROM tasks t, generate_series(2, 6000) AS n
        WHERE t.purpose = 'apply';
        ANALYZE tasks";
    pool.execute(copies).await.expect("a long history");
    for question in QUESTIONS {
        let found = ask(&pool, question, at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")).await.expect("it is asked");
        assert!(matches!(found, Answer::Rows { .. }), "`{}` takes too long", question.name);
    }
    let changed = find("what-changed").expect("it is there");
    let found = ask(&pool, changed, at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")).await.expect("it is asked");
    let Answer::Rows { rows, more } = found else { panic!("it takes too long") };
    assert_eq!((rows.len(), more), (MOST_ROWS, true));
}
