//! How to reach a RabbitMQ, and the reading of its addresses. Passwords never leave this file in an error.

use std::time::Duration;

use lapin::uri::AMQPUri;

use crate::BusError;

/// How to reach a RabbitMQ.
#[derive(Clone)]
pub struct RabbitOptions {
    /// `amqp://user:password@host:5672/vhost`, or `amqps://`. The nodes of a cluster follow each other, separated by commas: the
    /// first that answers is used, and after a loss the next one.
    pub url: String,
    /// The name that the broker shows for the connections.
    pub connection_name: String,
    /// A publish that is not confirmed by then has failed; nothing else waits longer for the broker either.
    pub publish_timeout: Duration,
    /// A broker that is silent for two of these counts as gone. A `heartbeat` in the address comes first.
    pub heartbeat: Duration,
    /// How often exchanges, queues and bindings are looked after, and after how long a silence a subscription is made anew, in case
    /// somebody has deleted them on the broker.
    pub declare_again_every: Duration,
}

impl RabbitOptions {
    /// The usual times for this address.
    pub fn new(url: impl Into<String>, connection_name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connection_name: connection_name.into(),
            publish_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
            declare_again_every: Duration::from_secs(30),
        }
    }

    /// Whether the address can be read; nothing is asked.
    pub fn check(&self) -> Result<(), BusError> {
        self.uris().map(drop)
    }

    /// The addresses as the client takes them, at least one.
    pub(super) fn uris(&self) -> Result<Vec<AMQPUri>, BusError> {
        addresses(&self.url).into_iter().map(|url| self.uri(url)).collect()
    }

    /// One address, with the times that it does not name itself.
    fn uri(&self, url: &str) -> Result<AMQPUri, BusError> {
        let shown = without_password(url);
        // Some of the parser's errors repeat the address.
        let unreadable = |reason: String| BusError::Address { reason: reason.replace(url, &shown), url: shown.clone() };
        let mut uri: AMQPUri = url.parse().map_err(unreadable)?;
        // The parser takes a bracketed host for none at all, and would go to localhost.
        if url.contains('[') {
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
            .field("url", &addresses(&self.url).into_iter().map(without_password).collect::<Vec<_>>())
            .field("connection_name", &self.connection_name)
            .field("publish_timeout", &self.publish_timeout)
            .field("heartbeat", &self.heartbeat)
            .field("declare_again_every", &self.declare_again_every)
            .finish()
    }
}

/// Splits a list where the next address begins. A comma elsewhere is part of a password.
fn addresses(list: &str) -> Vec<&str> {
    let mut addresses = Vec::new();
    let mut rest = list.trim();
    while let Some((address, more)) = split_address(rest) {
        addresses.push(address.trim());
        rest = more.trim();
    }
    // A comma at the end is no address.
    addresses.push(rest.trim_end_matches([',', ' ']));
    addresses
}

/// The text before the first comma that an address follows, and that which follows.
fn split_address(list: &str) -> Option<(&str, &str)> {
    let parted = list.match_indices(',').filter_map(|(at, _)| list.split_at_checked(at)?.1.strip_prefix(',').map(|rest| (at, rest)));
    parted.into_iter().find(|(_, rest)| is_address(rest)).and_then(|(at, rest)| Some((list.get(..at)?, rest)))
}

fn is_address(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("amqp://") || text.starts_with("amqps://")
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

    fn read(url: &str) -> Vec<AMQPUri> {
        RabbitOptions::new(url, "test").uris().expect("readable addresses")
    }

    #[test]
    fn the_nodes_of_a_cluster_are_read_in_order_and_a_comma_in_a_password_is_part_of_it() {
        let uris = read("amqp://u:a,b@one:5672/v, amqps://u:a,b@two:5671/v,amqp://u@three/v,");
        let seen: Vec<_> = uris.iter().map(|uri| (uri.authority.host.as_str(), uri.authority.port, uri.vhost.as_str())).collect();
        assert_eq!(seen, [("one", 5672, "v"), ("two", 5671, "v"), ("three", 5672, "v")]);
        assert_eq!(uris[0].authority.userinfo.password, "a,b");
    }

    #[test]
    fn one_unreadable_address_of_several_is_named_without_any_password() {
        let options = RabbitOptions::new("amqp://chiffon:hush@one/,amqp://chiffon:hush@[::1]:5672/", "test");
        let text = format!("{} {options:?}", options.uris().unwrap_err());
        assert!(text.contains("[::1]") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn an_unreadable_address_is_shown_without_its_password() {
        let error = RabbitOptions::new("http://chiffon:hush@broker:5672/", "test").uris().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("http://chiffon:***@broker:5672/"), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }

    #[test]
    fn an_address_without_a_scheme_hides_its_password_too() {
        let text = RabbitOptions::new("chiffon:hush@broker", "test").uris().unwrap_err().to_string();
        assert!(!text.contains("hush"), "{text}");
    }

    #[test]
    fn an_ipv6_host_is_refused_instead_of_going_to_localhost() {
        assert!(RabbitOptions::new("amqp://u:p@[::1]:5672/x", "test").uris().is_err());
    }

    #[test]
    fn an_address_without_a_virtual_host_means_the_default_one() {
        assert_eq!(read("amqp://broker:5672/")[0].vhost, "/");
        assert_eq!(read("amqp://broker:5672")[0].vhost, "/");
        assert_eq!(read("amqp://broker/%2Fother")[0].vhost, "/other");
    }

    #[test]
    fn a_heartbeat_in_the_address_comes_first() {
        assert_eq!(read("amqp://broker/?heartbeat=3")[0].query.heartbeat, Some(3));
        assert_eq!(read("amqp://broker/")[0].query.heartbeat, Some(10));
    }
}
