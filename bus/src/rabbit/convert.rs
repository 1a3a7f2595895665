//! Between the bus's types and AMQP's.

use std::collections::BTreeMap;

use chiffon_protocol::topology::{CODE_HEADER, DEAD_EXCHANGE, ORIGIN_HEADER, REASON_HEADER};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::publish::Publication;
use crate::Outgoing;

/// An outgoing message as the client takes it.
pub fn publication(message: Outgoing) -> Publication {
    let mut headers = FieldTable::default();
    for (key, value) in &message.headers {
        insert(&mut headers, key, value);
    }
    // https://www.rabbitmq.com/docs/publishers#message-properties: 1 is transient, 2 is persistent.
    let properties = BasicProperties::default()
        .with_delivery_mode(if message.transient { 1 } else { 2 })
        .with_content_type("application/json".into())
        .with_message_id(message.message_id.as_str().into())
        .with_correlation_id(message.correlation_id.as_str().into())
        .with_headers(headers);
    Publication { exchange: message.exchange, routing_key: message.routing_key, properties, body: message.body }
}

/// The copy of a rejected message that is kept: everything it had, where it came from and why it was rejected.
pub fn dead_letter(queue: &str, properties: &BasicProperties, body: bytes::Bytes, code: u16, reason: &str) -> Publication {
    let mut headers = properties.headers().clone().unwrap_or_default();
    insert(&mut headers, REASON_HEADER, reason);
    insert(&mut headers, CODE_HEADER, &code.to_string());
    insert(&mut headers, ORIGIN_HEADER, queue);
    let properties = properties.clone().with_delivery_mode(2).with_headers(headers);
    Publication { exchange: DEAD_EXCHANGE.to_owned(), routing_key: queue.to_owned(), properties, body }
}

fn insert(headers: &mut FieldTable, key: &str, value: &str) {
    headers.insert(key.into(), AMQPValue::LongString(value.into()));
}

/// The headers of a message that came in, as text; the broker's own tables are left out. What the broker has dead-lettered by
/// itself gets the same two headers as what was rejected: <https://www.rabbitmq.com/docs/dlx#effects>.
pub fn headers(properties: &BasicProperties) -> BTreeMap<String, String> {
    let table = properties.headers().as_ref().map(FieldTable::inner).into_iter().flatten();
    let mut headers: BTreeMap<String, String> =
        table.filter_map(|(key, value)| text(value).map(|value| (key.to_string(), value))).collect();
    for (ours, theirs) in [(ORIGIN_HEADER, "x-first-death-queue"), (REASON_HEADER, "x-first-death-reason")] {
        if let Some(value) = headers.get(theirs).cloned() {
            headers.entry(ours.to_owned()).or_insert(value);
        }
    }
    headers
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::LongLongInt(number) => Some(number.to_string()),
        AMQPValue::LongInt(number) => Some(number.to_string()),
        AMQPValue::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// A short text property, if the sender gave one.
pub fn given(property: Option<&ShortString>) -> Option<String> {
    property.map(ToString::to_string).filter(|text| !text.is_empty())
}
