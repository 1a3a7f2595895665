//! The exporter against collectors that work, refuse, come back, and hang.

mod collector;

use std::time::{Duration, Instant};

use chiffon_process::telemetry;
use chiffon_process::traces::{Kind, LINE, Service, Span, SpanId, Traces};
use chiffon_testkit::until;
use chiffon_traces::{Exporter, Settings};
use chrono::{DateTime, TimeDelta, Utc};
use opentelemetry_proto::tonic::trace::v1::Span as Written;
use uuid::Uuid;

use self::collector::{Answers, Collector};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PATIENCE: Duration = Duration::from_mins(1);

fn exporter(url: &str) -> Exporter {
    telemetry::install_tls_provider();
    let settings = Settings { endpoint: url.to_owned(), headers_file: "".into(), headers_env: String::new(), sample_ratio: 1.0 };
    let target = settings.target().expect("it can be meant").expect("a target");
    Exporter::start(target, Service { name: "chiffon-orchestrator", instance: "here".to_owned() }).expect("it begins")
}

fn id(number: u128) -> SpanId {
    SpanId::of_message(Uuid::from_u128(number << 64))
}

fn begun() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::microseconds(1_000_001)
}

fn add(traces: &Traces, number: u128) {
    traces.add(TRACE, || {
        Span::new(id(number), Kind::Producer, format!("send {number}"), begun(), begun() + TimeDelta::seconds(1))
            .under(id(9))
            .with("text", "word")
            .with("number", 7_u32)
            .failed(Some("unroutable"))
    });
}

fn spans(collector: &Collector) -> Vec<Written> {
    let calls = collector.calls();
    let services = calls.into_iter().flat_map(|(_, call)| call.resource_spans);
    services.flat_map(|service| service.scope_spans).flat_map(|scope| scope.spans).collect()
}

async fn reaches(what: &str, traces: &Traces, wanted: (u64, u64)) {
    let counts = traces.counts().expect("counts");
    until(what, PATIENCE, async || {
        let seen = (counts.sent(), counts.dropped());
        if seen == wanted { Ok(()) } else { Err(seen) }
    })
    .await;
}

#[tokio::test]
async fn spans_come_as_the_published_schema_has_them_and_each_service_by_itself() {
    let collector = Collector::start(Answers::Status(200));
    let exporter = exporter(&collector.url());
    let agent = exporter.traces().of(Service { name: "chiffon-agent", instance: "nas".to_owned() });
    add(exporter.traces(), 1);
    add(&agent, 2);
    exporter.finish(PATIENCE).await;

    let (head, call) = collector.calls().pop().expect("a call");
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/x-protobuf\r\n"), "{head}");
    let services: Vec<String> = call.resource_spans.iter().map(|service| format!("{:?}", service.resource)).collect();
    assert!(services.len() == 2 && services[0].contains("chiffon-orchestrator") && services[1].contains("chiffon-agent"), "{services:?}");
    let span = &call.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(span.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
    assert_eq!((span.span_id.as_slice(), span.parent_span_id.as_slice()), (&1_u64.to_be_bytes()[..], &9_u64.to_be_bytes()[..]));
    assert_eq!((span.name.as_str(), span.kind), ("send 1", 4));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_001_000, 2_000_001_000));
    let told = format!("{:?} {:?}", span.attributes, span.status);
    for part in ["\"word\"", "IntValue(7)", "\"error.type\"", "\"unroutable\"", "Error"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[tokio::test]
async fn a_collector_that_is_away_gets_everything_that_fits_once_it_is_back() {
    let collector = Collector::start(Answers::Status(503));
    let exporter = exporter(&collector.url());
    let traces = exporter.traces().clone();
    add(&traces, 1);
    until("a refused call", PATIENCE, async || if collector.calls().is_empty() { Err("none") } else { Ok(()) }).await;
    for number in 0..LINE as u128 + 10 {
        add(&traces, number + 2);
    }
    reaches("what has no room to be dropped", &traces, (0, 10)).await;
    collector.answers(Answers::Status(200));
    reaches("all others to be sent", &traces, (LINE as u64 + 1, 10)).await;
    exporter.finish(PATIENCE).await;
    assert_eq!(traces.counts().expect("counts").waiting(), 0);
}

#[tokio::test]
async fn what_is_refused_for_good_and_what_is_left_out_is_dropped_and_counted() {
    let collector = Collector::start(Answers::Status(400));
    let exporter = exporter(&collector.url());
    let traces = exporter.traces().clone();
    add(&traces, 1);
    reaches("a refused batch", &traces, (0, 1)).await;
    collector.answers(Answers::LeavesOut(1));
    add(&traces, 2);
    reaches("a batch of which one was left out", &traces, (0, 2)).await;
    collector.answers(Answers::Status(200));
    add(&traces, 3);
    reaches("a batch that was taken", &traces, (1, 2)).await;
    assert_eq!(spans(&collector).len(), 3, "nothing is sent twice");
    exporter.finish(PATIENCE).await;
}

#[tokio::test]
async fn a_stop_sends_what_waits_and_does_not_wait_for_a_collector_that_hangs() {
    let collector = Collector::start(Answers::Status(200));
    let works = exporter(&collector.url());
    (0..1_000).for_each(|number| add(works.traces(), number + 1));
    works.finish(PATIENCE).await;
    assert_eq!(spans(&collector).len(), 1_000);

    let hangs = exporter(&Collector::start(Answers::Never).url());
    let traces = hangs.traces().clone();
    add(&traces, 1);
    let began = Instant::now();
    hangs.finish(Duration::from_millis(200)).await;
    // Far below what one call may take, on any machine.
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    let counts = traces.counts().expect("counts");
    assert_eq!((counts.sent(), counts.dropped(), counts.waiting()), (0, 1, 0));
    add(&traces, 2);
    assert_eq!(counts.dropped(), 2, "afterwards nobody takes them");
}

#[tokio::test]
async fn whoever_makes_spans_never_waits() {
    let exporter = exporter(&Collector::start(Answers::Never).url());
    let began = chiffon_testkit::CpuInstant::now();
    (0..100_000).for_each(|number| add(exporter.traces(), number + 1));
    let took = began.elapsed();
    let counts = exporter.traces().counts().expect("counts");
    assert!(counts.dropped() > 0 && counts.waiting() <= 2 * LINE as u64, "{counts:?}");
    assert!(took < Duration::from_secs(5), "{took:?} for 100,000 spans");
    exporter.finish(Duration::from_millis(50)).await;
}
