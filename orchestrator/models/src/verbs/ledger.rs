//! The ledger of model calls on Postgres: what the chain of providers reserves before each call and settles after it.

use async_trait::async_trait;
use chiffon_kernel::store::{self, Store};
use chiffon_protocol::money::MicroDollars;
use chiffon_protocol::{ErrorCode, Problem};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::planner::ledger::{Ledger, Reservation, Settlement};
use crate::store::llm_calls::{self, New, Outcome, Spent};

/// The ledger in `llm_calls`.
#[derive(Debug, Clone)]
pub struct PostgresLedger {
    store: Store,
}

impl PostgresLedger {
    /// The ledger in this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Ledger for PostgresLedger {
    async fn reserve(&self, reservation: &Reservation, at: DateTime<Utc>) -> Result<(), Problem> {
        let reserved = async {
            let mut transaction = self.store.begin().await?;
            let spent = llm_calls::lock_spent(&mut transaction, &reservation.provider, reservation.request_id, at).await?;
            fits(reservation, &spent)?;
            llm_calls::add(&mut transaction, &row(reservation, reservation.worst_case, None), at).await?;
            Ok::<_, Problem>(store::commit(transaction).await?)
        };
        self.store.within_limit(reserved).await
    }

    async fn settle(&self, call_id: Uuid, settlement: &Settlement, at: DateTime<Utc>) -> Result<(), Problem> {
        let error = settlement.error.as_ref().map(|problem| json!(problem));
        let outcome = Outcome {
            state: settlement.state,
            tries: i32::try_from(settlement.tries).unwrap_or(i32::MAX),
            cost: settlement.cost,
            input_tokens: settlement.input_tokens,
            output_tokens: settlement.output_tokens,
            error: error.as_ref(),
            answer: settlement.answer.as_deref(),
        };
        let settled = async {
            let mut connection = self.store.acquire().await?;
            llm_calls::settle(&mut connection, call_id, &outcome, at).await
        };
        Ok(self.store.within_limit(settled).await?)
    }

    async fn skipped(&self, reservation: &Reservation, reason: &Problem, at: DateTime<Utc>) -> Result<(), Problem> {
        let reason = json!(reason);
        let noted = async {
            let mut connection = self.store.acquire().await?;
            llm_calls::add(&mut connection, &row(reservation, MicroDollars::ZERO, Some(&reason)), at).await
        };
        Ok(self.store.within_limit(noted).await?)
    }
}

fn row<'r>(reservation: &'r Reservation, reserved: MicroDollars, skipped_because: Option<&'r serde_json::Value>) -> New<'r> {
    New {
        id: reservation.call_id,
        request_id: reservation.request_id,
        round: reservation.round,
        provider: &reservation.provider,
        model: &reservation.model,
        reserved,
        skipped_because,
    }
}

fn fits(reservation: &Reservation, spent: &Spent) -> Result<(), Problem> {
    let wanted = reservation.worst_case;
    if let Some(most) = reservation.monthly_budget.filter(|most| spent.month + wanted > *most) {
        let message = format!(
            "`{}` has {most} USD this month (`monthly_budget_usd`), of which {} are spent; this call could cost {wanted}",
            reservation.provider, spent.month
        );
        return Err(
            Problem::new(ErrorCode::BudgetSpent, message).with_details(json!({"budget": "month", "provider": reservation.provider}))
        );
    }
    if let Some(most) = spent.request_most.filter(|most| spent.request + wanted > *most) {
        let message = format!(
            "the request may cost {most} USD (`max_cost_usd`), of which {} are spent; this call to `{}` could cost {wanted}",
            spent.request, reservation.provider
        );
        return Err(
            Problem::new(ErrorCode::BudgetSpent, message).with_details(json!({"budget": "request", "provider": reservation.provider}))
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(worst_case: i64) -> Reservation {
        Reservation {
            call_id: Uuid::nil(),
            request_id: Uuid::nil(),
            round: 1,
            provider: "claude".to_owned(),
            model: "m".to_owned(),
            worst_case: MicroDollars::new(worst_case),
            monthly_budget: Some(MicroDollars::new(10_000_000)),
        }
    }

    #[test]
    fn a_call_fits_when_its_worst_case_does() {
        let spent = |month, request| Spent {
            month: MicroDollars::new(month),
            request: MicroDollars::new(request),
            request_most: Some(MicroDollars::new(1_000_000)),
        };
        assert!(fits(&reservation(500_000), &spent(9_500_000, 500_000)).is_ok());
        let over_month = fits(&reservation(500_000), &spent(9_500_001, 0)).unwrap_err();
        assert_eq!(over_month.details["budget"], "month");
        assert!(
            over_month.message.contains("has 10.0000 USD") && over_month.message.contains("of which 9.500001 are spent"),
            "{over_month}"
        );
        assert_eq!(fits(&reservation(500_000), &spent(0, 500_001)).unwrap_err().details["budget"], "request");
        assert!(fits(&reservation(i64::MAX), &spent(i64::MAX, 0)).is_err(), "a sum does not begin anew");
    }
}
