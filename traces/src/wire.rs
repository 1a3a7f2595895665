//! Spans as OTLP writes them: the published schema, in protobuf.

use chiffon_process::traces::{Ended, Kind, Service, Span, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Written, Status};
use prost::Message as _;

/// The version of the semantic conventions after which attributes are named.
const CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.37.0";

/// A batch as the body of a call.
pub(crate) fn body(batch: &[Ended]) -> Vec<u8> {
    let mut services: Vec<(&Service, Vec<Written>)> = Vec::new();
    for ended in batch {
        let span = written(ended);
        match services.iter_mut().find(|(service, _)| **service == *ended.service) {
            Some((_, spans)) => spans.push(span),
            None => services.push((&ended.service, vec![span])),
        }
    }
    let resource_spans = services.into_iter().map(|(service, spans)| of_service(service, spans)).collect();
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn of_service(service: &Service, spans: Vec<Written>) -> ResourceSpans {
    let version = env!("CARGO_PKG_VERSION");
    let attributes = vec![
        attribute("service.name", &Value::from(service.name)),
        attribute("service.version", &Value::from(version)),
        attribute("service.instance.id", &Value::from(service.instance.as_str())),
    ];
    let scope = InstrumentationScope { name: "chiffon".to_owned(), version: version.to_owned(), ..InstrumentationScope::default() };
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans, schema_url: CONVENTIONS.to_owned() }],
        schema_url: CONVENTIONS.to_owned(),
    }
}

fn written(ended: &Ended) -> Written {
    let Span { id, parent, kind, name, start, end, attributes, error } = &ended.span;
    let nanoseconds = |at: &chrono::DateTime<chrono::Utc>| at.timestamp_nanos_opt().and_then(|at| u64::try_from(at).ok()).unwrap_or(0);
    let mut attributes: Vec<KeyValue> = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    attributes.extend(error.as_ref().map(|error| attribute("error.type", &Value::Text(error.clone()))));
    Written {
        trace_id: ended.trace_id.bytes().to_vec(),
        span_id: id.bytes().to_vec(),
        parent_span_id: parent.map(|parent| parent.bytes().to_vec()).unwrap_or_default(),
        name: name.clone(),
        kind: match kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Producer => SpanKind::Producer,
            Kind::Consumer => SpanKind::Consumer,
        }
        .into(),
        start_time_unix_nano: nanoseconds(start),
        end_time_unix_nano: nanoseconds(end),
        attributes,
        status: error.as_ref().map(|_| Status { code: StatusCode::Error.into(), message: String::new() }),
        // The lowest 8 bits are those of `traceparent`: it is sampled.
        flags: 1,
        ..Written::default()
    }
}

fn attribute(name: &str, value: &Value) -> KeyValue {
    let value = match value {
        Value::Text(text) => any_value::Value::StringValue(text.clone()),
        Value::Number(number) => any_value::Value::IntValue(*number),
        Value::Flag(flag) => any_value::Value::BoolValue(*flag),
    };
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
