//! What was done for whom, as spans of the trace that everything carries already: made here, and handed to whoever sends them.
//!
//! Without somebody who takes them there is nothing: no span is made, no id is read, nothing is kept. What is handed over waits in a
//! bounded line; beyond it spans are dropped and counted, and nobody ever waits. How they travel is the business of `chiffon-traces`.

mod messages;
mod span;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

pub use self::messages::OnQueue;
pub use self::span::{Kind, Span, SpanId, TraceId, Value};

/// So many spans wait to be sent; what comes then is dropped.
pub const LINE: usize = 4_096;
/// The lowest 56 bits of a trace id are random by W3C Trace Context level 2; whether a trace is kept is told from them, by everybody alike.
const RANDOM_BITS: u32 = 56;

/// Who made a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `chiffon-orchestrator` or `chiffon-agent`.
    pub name: &'static str,
    /// Which of them: an agent's id, an orchestrator's instance.
    pub instance: String,
}

/// A span on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Who made it.
    pub service: Arc<Service>,
    /// The trace.
    pub trace_id: TraceId,
    /// What was done.
    pub span: Span,
}

/// How many spans came to what.
#[derive(Debug, Default)]
pub struct Counts {
    made: AtomicU64,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// Those that a collector has taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Those that nobody will see: there was no room, or no collector took them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Those of which neither is known yet.
    pub fn waiting(&self) -> u64 {
        self.made.load(Ordering::Relaxed).saturating_sub(self.sent() + self.dropped())
    }

    /// So many more were taken.
    pub fn add_sent(&self, spans: u64) {
        self.sent.fetch_add(spans, Ordering::Relaxed);
    }

    /// So many more are lost.
    pub fn add_dropped(&self, spans: u64) {
        self.dropped.fetch_add(spans, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone)]
struct On {
    service: Arc<Service>,
    line: mpsc::Sender<Ended>,
    counts: Arc<Counts>,
    /// A trace is kept whose random bits are below this.
    below: u64,
}

/// Where spans go. Cheap to clone; without anybody who takes them by default.
#[derive(Debug, Clone, Default)]
pub struct Traces(Option<Arc<On>>);

impl Traces {
    /// Spans of this share of all traces (0 to 1) go into the line that is given back.
    pub fn new(service: Service, ratio: f64) -> (Self, mpsc::Receiver<Ended>) {
        let (line, waiting) = mpsc::channel(LINE);
        let on = On { service: Arc::new(service), line, counts: Arc::default(), below: share(ratio) };
        (Self(Some(Arc::new(on))), waiting)
    }

    /// The same line for another service of this process.
    #[must_use]
    pub fn of(&self, service: Service) -> Self {
        Self(self.0.as_ref().map(|on| Arc::new(On { service: Arc::new(service), ..(**on).clone() })))
    }

    /// What became of the spans; `None` where nobody takes them.
    pub fn counts(&self) -> Option<&Arc<Counts>> {
        self.0.as_ref().map(|on| &on.counts)
    }

    /// Whether spans of this trace are kept. What is asked only for them need not be done otherwise.
    pub fn keeps(&self, trace_id: &str) -> bool {
        self.kept(trace_id).is_some()
    }

    /// Hands over a span; it is made only if somebody takes it.
    pub fn add(&self, trace_id: &str, make: impl FnOnce() -> Span) {
        let Some((on, trace_id)) = self.kept(trace_id) else { return };
        on.counts.made.fetch_add(1, Ordering::Relaxed);
        if on.line.try_send(Ended { service: Arc::clone(&on.service), trace_id, span: make() }).is_err() {
            on.counts.add_dropped(1);
        }
    }

    /// The W3C `traceparent` under which others go on (W3C Trace Context, section 3.2). Where nobody takes this span, it says so.
    pub fn traceparent(&self, trace_id: &str, span: SpanId) -> String {
        let flags = if self.keeps(trace_id) { "01" } else { "00" };
        format!("00-{trace_id}-{span}-{flags}")
    }

    /// The same for what is no span: it tells the trace, and that nothing hangs on it.
    pub fn no_parent(trace_id: &str, id: SpanId) -> String {
        Self::default().traceparent(trace_id, id)
    }

    fn kept(&self, trace_id: &str) -> Option<(&On, TraceId)> {
        let on = self.0.as_deref()?;
        let trace_id = TraceId::read(trace_id)?;
        let random = trace_id.low() & ((1 << RANDOM_BITS) - 1);
        (random < on.below).then_some((on, trace_id))
    }
}

/// The bound below which the random bits of this share of all ids lie.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of 2^56 is never negative"
)]
fn share(ratio: f64) -> u64 {
    (ratio.clamp(0.0, 1.0) * (1_u64 << RANDOM_BITS) as f64) as u64
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn service() -> Service {
        Service { name: "chiffon-orchestrator", instance: "here".to_owned() }
    }

    fn span() -> Span {
        Span::new(SpanId::of_message(Uuid::from_u128(7 << 64)), Kind::Internal, "plan", DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn nobody_who_takes_spans_means_that_none_is_made() {
        let off = Traces::default();
        off.add(TRACE, || unreachable!("nobody takes it"));
        assert!(!off.keeps(TRACE) && off.counts().is_none() && off.of(service()).counts().is_none());
        assert_eq!(off.traceparent(TRACE, SpanId::of_message(Uuid::from_u128(7 << 64))), format!("00-{TRACE}-0000000000000007-00"));
    }

    #[test]
    fn what_does_not_fit_into_the_line_is_dropped_and_counted() {
        let (traces, mut waiting) = Traces::new(service(), 1.0);
        for _ in 0..LINE + 3 {
            traces.add(TRACE, span);
        }
        let counts = traces.counts().expect("counts");
        assert_eq!((counts.dropped(), counts.waiting()), (3, LINE as u64));
        assert_eq!(waiting.try_recv().expect("the first").span, span());
        traces.add("no trace id", || unreachable!("it belongs to no trace"));
        assert_eq!(counts.dropped(), 3);
    }

    #[test]
    fn a_share_of_all_traces_is_kept_and_everybody_keeps_the_same() {
        let ids: Vec<String> =
            (0..2_000_u128).map(|id| format!("{:032x}", (id << 64) | (id * 0x00de_ad10_cc42_4217 % (1 << 56)) | (1 << 63))).collect();
        let (quarter, _line) = Traces::new(service(), 0.25);
        let (half, _line) = Traces::new(service(), 0.5);
        let (all, _line) = Traces::new(service(), 1.0);
        let (none, _line) = Traces::new(service(), 0.0);
        let kept = |traces: &Traces| ids.iter().filter(|id| traces.keeps(id)).count();
        assert_eq!((kept(&all), kept(&none)), (ids.len(), 0));
        assert!((400..600).contains(&kept(&quarter)), "{}", kept(&quarter));
        assert!(ids.iter().all(|id| !quarter.keeps(id) || half.keeps(id)), "who keeps more keeps these, too");
        let left_out = ids.iter().find(|id| !half.keeps(id)).expect("half of them");
        assert!(half.traceparent(left_out, span().id).ends_with("-00") && all.traceparent(left_out, span().id).ends_with("-01"));
    }
}
