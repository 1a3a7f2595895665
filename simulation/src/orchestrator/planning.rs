//! Planning a round (RELIABILITY 19): what is to be planned stands in PostgreSQL, and planners look there, woken or by themselves.

use chiffon_requests::domain::request::{self, Status};

use super::{Desk, Memory, PLANNING_LEASE};

impl Desk<'_> {
    /// Leases the round that is due, as far as there is room for it.
    pub(crate) fn take_planning(&mut self, memory: &mut Memory) {
        let request = &mut self.records.request;
        if memory.planning.is_none() && request.status == Status::Planning && request.planning_until <= self.now {
            request.planning_epoch += 1;
            request.planning_until = self.now + PLANNING_LEASE;
            memory.planning = Some((request.round, request.planning_epoch));
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
}
