//! Steps of the orchestrators, and where they die.

use super::{World, is_for_orchestrators};
use crate::network::Party;
use crate::orchestrator::{AGENT_LEASE, Desk, Memory, OUTBOX_LEASE, Orchestrator};

impl World {
    pub(super) fn works(&self, who: usize) -> bool {
        self.orchestrators[who].up && !self.orchestrators[who].stopped
    }

    pub(super) fn deliver_to_orchestrator(&mut self, who: usize) {
        let waiting = self.network.count(is_for_orchestrators);
        if !self.works(who) || waiting == 0 {
            return;
        }
        let nth = self.rng.usize(..waiting);
        let Some(parcel) = self.network.deliver(Party::Orchestrator(who), nth, is_for_orchestrators) else { return };
        if self.fault(80) {
            self.trace.say(|| format!("orchestrator {who} dies before it commits {:?}", parcel.message));
            return self.kill_orchestrator(who);
        }
        self.trace.say(|| format!("orchestrator {who} takes in {:?}", parcel.message));
        let replies = Desk { records: &mut self.records, now: self.now, bug: self.bug }.receive(&parcel.message);
        if self.fault(80) {
            self.trace.say(|| format!("orchestrator {who} dies after the commit, before it answers"));
            return self.kill_orchestrator(who);
        }
        for (queue, message) in replies {
            self.publish(queue, message);
        }
        if self.fault(80) {
            self.trace.say(|| format!("orchestrator {who} dies before it acknowledges"));
            return self.kill_orchestrator(who);
        }
        self.network.settle(parcel.id);
    }

    pub(super) fn tick_orchestrator(&mut self, who: usize) {
        let tick = self.rng.u8(..9);
        self.tick(who, tick);
    }

    pub(super) fn tick_all(&mut self, who: usize) {
        for tick in 0..9 {
            self.tick(who, tick);
        }
    }

    pub(super) fn tick(&mut self, who: usize, tick: u8) {
        if !self.works(who) {
            return;
        }
        let heard = self.now.saturating_sub(self.heard_since) > AGENT_LEASE;
        let mut memory = std::mem::take(&mut self.orchestrators[who].memory);
        let mut desk = Desk { records: &mut self.records, now: self.now, bug: self.bug };
        match tick {
            0 => desk.take_planning(&mut memory),
            1 => desk.store_plan(&mut memory),
            2 => desk.dispatch(),
            3 => desk.take_back_unclaimed(),
            4 if heard => desk.look_for_silence(who, &mut memory),
            5 if heard => desk.mark_silent(&mut memory),
            6 => desk.try_again(&self.limits),
            7 => self.relay(who, &mut memory),
            8 => {
                let published = std::mem::take(&mut memory.published);
                self.records.outbox.retain(|row| !published.contains(&row.id));
            }
            _ => {}
        }
        self.orchestrators[who].memory = memory;
    }

    /// Leases outbox rows and publishes them; they are deleted in another transaction.
    pub(super) fn relay(&mut self, who: usize, memory: &mut Memory) {
        let (now, mut out) = (self.now, Vec::new());
        for row in self.records.outbox.iter_mut().filter(|row| row.leased_until <= now) {
            row.leased_until = now + OUTBOX_LEASE;
            out.push(row.clone());
        }
        for row in out {
            self.trace.say(|| format!("orchestrator {who} publishes {:?}", row.message));
            self.publish(row.queue, row.message);
            memory.published.push(row.id);
        }
    }

    pub(super) fn kill_orchestrator(&mut self, who: usize) {
        self.orchestrators[who] = Orchestrator { up: false, stopped: false, memory: Memory::default() };
        self.network.give_back(Party::Orchestrator(who));
    }
}
