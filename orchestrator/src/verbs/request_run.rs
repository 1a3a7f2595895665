//! A request as the engine knows it: the run that ordered the work.

use async_trait::async_trait;
use sqlx::PgConnection;
use uuid::Uuid;

use super::run::Run;
use super::{Context, advance_request, plan_again, transition, wake_planning};
use crate::store::{self, requests};

/// The runs that are requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests;

#[async_trait]
impl Run for Requests {
    async fn settle(&self, context: &Context, connection: &mut PgConnection, run_id: Uuid) -> Result<(), store::Error> {
        advance_request::run(context, connection, run_id).await
    }

    async fn say(&self, context: &Context, connection: &mut PgConnection, run_id: Uuid, text: &str) -> Result<(), store::Error> {
        let row = requests::lock(connection, run_id).await?.filter(|row| !row.status.is_finished());
        match row {
            Some(row) => transition::say(context, connection, &row, None, text).await,
            None => Ok(()),
        }
    }

    async fn agent_came(&self, context: &Context, connection: &mut PgConnection) -> Result<(), store::Error> {
        wake_planning::after_hello(context, connection).await.map(drop)
    }

    async fn plan_again(&self, context: &Context, connection: &mut PgConnection, run_id: Uuid) -> Result<bool, store::Error> {
        plan_again::run(context, connection, run_id).await
    }

    async fn can_plan_again(&self, connection: &mut PgConnection, run_id: Uuid, refused: Uuid) -> Result<bool, store::Error> {
        plan_again::is_possible(connection, run_id, refused).await
    }

    async fn plan_again_because(
        &self,
        context: &Context,
        connection: &mut PgConnection,
        run_id: Uuid,
        what: &str,
    ) -> Result<(), store::Error> {
        plan_again::because(context, connection, run_id, what).await
    }
}
