//! `GET /questions`: what can be asked.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::question::{Plot, Question};
use crate::store::QUESTIONS;

/// All questions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Questions {
    items: Vec<QuestionView>,
}

/// A question about what was.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct QuestionView {
    /// Names it for `GET /questions/{name}`.
    name: &'static str,
    /// The question, in words.
    title: &'static str,
    /// How its answer is to be read.
    about: &'static str,
    /// The columns of its answer, in their order.
    columns: &'static [&'static str],
    /// How it is drawn, where it is more than a list.
    plot: Option<Plot>,
    /// Its SQL about the last thirty days, as it can be given to `chiffon sql`.
    sql: String,
}

/// Lists the questions about what was that can be asked.
#[utoipa::path(get, path = "/questions", tag = "operations", responses((status = 200, body = Questions)))]
pub(in crate::http) async fn list() -> Json<Questions> {
    Json(Questions { items: QUESTIONS.iter().map(QuestionView::from).collect() })
}

impl From<&Question> for QuestionView {
    fn from(question: &Question) -> Self {
        let Question { name, title, about, columns, plot, .. } = *question;
        Self { name, title, about, columns, plot, sql: question.sql_about_the_last_month() }
    }
}
