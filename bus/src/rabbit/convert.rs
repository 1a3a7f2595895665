//! Between the bus's types and AMQP's.

use std::collections::BTreeMap;

use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::AMQPUri;
use lapin::BasicProperties;

use super::RabbitOptions;
use crate::{BusError, Outgoing};

/// The address with heartbeat and timeout, or an error that hides its password.
pub fn address(options: &RabbitOptions) -> Result<AMQPUri, BusError> {
    let mut uri: AMQPUri = options.url.parse().map_err(|reason| BusError::Address { url: without_password(&options.url), reason })?;
    if uri.query.heartbeat.is_none() {
        uri.query.heartbeat = Some(u16::try_from(options.heartbeat.as_secs()).unwrap_or(60));
    }
    if uri.query.connection_timeout.is_none() {
        uri.query.connection_timeout = Some(5_000);
    }
    Ok(uri)
}

fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        None => url.to_owned(),
    }
}

/// The properties of an outgoing message.
pub fn properties(message: &Outgoing) -> BasicProperties {
    let delivery_mode = if message.transient { 1 } else { 2 };
    let mut headers = FieldTable::default();
    for (key, value) in &message.headers {
        headers.insert(key.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    BasicProperties::default()
        .with_delivery_mode(delivery_mode)
        .with_content_type("application/json".into())
        .with_message_id(message.message_id.as_str().into())
        .with_correlation_id(message.correlation_id.as_str().into())
        .with_headers(headers)
}

/// The headers of a message that came in, as text; the broker's own tables are left out.
pub fn headers(properties: &BasicProperties) -> BTreeMap<String, String> {
    let table = properties.headers().as_ref().map(FieldTable::inner);
    table
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| {
            let text = match value {
                AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
                AMQPValue::ShortString(text) => text.to_string(),
                AMQPValue::LongLongInt(number) => number.to_string(),
                AMQPValue::LongInt(number) => number.to_string(),
                AMQPValue::Boolean(yes) => yes.to_string(),
                _ => return None,
            };
            Some((key.to_string(), text))
        })
        .collect()
}

/// The message id, if the sender gave one.
pub fn message_id(properties: &BasicProperties) -> Option<String> {
    properties.message_id().as_ref().map(ShortString::to_string)
}
