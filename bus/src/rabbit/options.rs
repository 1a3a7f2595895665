//! How to reach a RabbitMQ, and the reading of its address. Passwords never leave this file in an error.

use std::time::Duration;

use lapin::uri::AMQPUri;

use crate::BusError;

/// How to reach a RabbitMQ.
#[derive(Clone)]
pub struct RabbitOptions {
    /// `amqp://user:password@host:5672/vhost`, or `amqps://`.
    pub url: String,
    /// The name that the broker shows for the connections.
    pub connection_name: String,
    /// A publish that is not confirmed by then has failed; nothing else waits longer for the broker either.
    pub publish_timeout: Duration,
    /// A broker that is silent for two of these counts as gone. A `heartbeat` in the address comes first.
    pub heartbeat: Duration,
}

impl RabbitOptions {
    /// The usual times for this address.
    pub fn new(url: impl Into<String>, connection_name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connection_name: connection_name.into(),
            publish_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
        }
    }

    /// The address as the client takes it, with the times that it does not name itself.
    pub(super) fn uri(&self) -> Result<AMQPUri, BusError> {
        let shown = without_password(&self.url);
        // Some of the parser's errors repeat the address.
        let unreadable = |reason: String| BusError::Address { reason: reason.replace(&self.url, &shown), url: shown.clone() };
        let mut uri: AMQPUri = self.url.parse().map_err(unreadable)?;
        // The parser takes a bracketed host for none at all, and would go to localhost.
        if self.url.contains('[') {
            return Err(unreadable("an IPv6 address can't be given directly: give the host's name".to_owned()));
        }
        // `amqp://host/` names the virtual host with the empty name, which nobody has and everybody writes.
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        // Without it, the broker's own default of 60 s leaves the client blind for two minutes:
        // https://www.rabbitmq.com/docs/heartbeats.
        uri.query.heartbeat.get_or_insert(u16::try_from(self.heartbeat.as_secs().max(1)).unwrap_or(u16::MAX));
        uri.query.connection_timeout.get_or_insert(5_000);
        Ok(uri)
    }
}

impl std::fmt::Debug for RabbitOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RabbitOptions")
            .field("url", &without_password(&self.url))
            .field("connection_name", &self.connection_name)
            .field("publish_timeout", &self.publish_timeout)
            .field("heartbeat", &self.heartbeat)
            .finish()
    }
}

fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}{separator}{user}:***@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_address_is_shown_without_its_password() {
        let error = RabbitOptions::new("http://chiffon:hush@broker:5672/", "test").uri().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("http://chiffon:***@broker:5672/"), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }

    #[test]
    fn an_address_without_a_scheme_hides_its_password_too() {
        let text = RabbitOptions::new("chiffon:hush@broker", "test").uri().unwrap_err().to_string();
        assert!(!text.contains("hush"), "{text}");
    }

    #[test]
    fn an_ipv6_host_is_refused_instead_of_going_to_localhost() {
        assert!(RabbitOptions::new("amqp://u:p@[::1]:5672/x", "test").uri().is_err());
    }

    #[test]
    fn an_address_without_a_virtual_host_means_the_default_one() {
        assert_eq!(RabbitOptions::new("amqp://broker:5672/", "test").uri().unwrap().vhost, "/");
        assert_eq!(RabbitOptions::new("amqp://broker:5672", "test").uri().unwrap().vhost, "/");
        assert_eq!(RabbitOptions::new("amqp://broker/%2Fother", "test").uri().unwrap().vhost, "/other");
    }

    #[test]
    fn a_heartbeat_in_the_address_comes_first() {
        assert_eq!(RabbitOptions::new("amqp://broker/?heartbeat=3", "test").uri().unwrap().query.heartbeat, Some(3));
        assert_eq!(RabbitOptions::new("amqp://broker/", "test").uri().unwrap().query.heartbeat, Some(10));
    }
}
