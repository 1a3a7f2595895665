//! Planning a round (RELIABILITY 19).

use chiffon_requests::domain::request::{self, Status};

use super::{Desk, Memory, PLANNING_LEASE, RESEND_AFTER};
use crate::network::{Message, Queue};

impl Desk<'_> {
    pub(super) fn take_planning(&mut self, round: u32, memory: &mut Memory) {
        let request = &mut self.records.request;
        if request.status == Status::Planning && request.round == round && request.planning_until <= self.now {
            request.planning_epoch += 1;
            request.planning_until = self.now + PLANNING_LEASE;
            memory.planning = Some((round, request.planning_epoch));
        }
    }

    /// The model has answered: stored only where the conversation has not moved, and nobody took the round over.
    pub(crate) fn store_plan(&mut self, memory: &mut Memory) {
        let Some((round, epoch)) = memory.planning.take() else { return };
        let request = &mut self.records.request;
        if request.round != round || request.planning_epoch != epoch {
            return;
        }
        let Ok(status) = request.status.on(request::Event::Propose) else { return };
        request.status = status;
        self.propose();
    }

    /// What waits for a message is announced again (RELIABILITY 1).
    pub(crate) fn announce_again(&mut self) {
        let request = &mut self.records.request;
        if request.status == Status::Planning && request.resend_at <= self.now && request.planning_until <= self.now {
            request.resend_at = self.now + RESEND_AFTER;
            let round = request.round;
            self.records.send(Queue::Requests, Message::PlanWanted { round });
        }
    }
}
