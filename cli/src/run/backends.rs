//! The database and the broker: those that are configured, or private ones.

use std::sync::Arc;

use chiffon_bus::Bus;
use chiffon_bus::rabbit::{RabbitBus, RabbitOptions};
use chiffon_kernel::store::{Store, StoreOptions};
use chiffon_process::Spawner;
use chiffon_protocol::Problem;

use crate::config::{BusDriver, Config, value_or_file};
use crate::exit::Failure;

/// The configured database's address; empty when there is none.
pub fn database_url(config: &Config) -> Result<String, Failure> {
    Ok(value_or_file(&config.database.url, &config.database.url_file, "database.url_file")?)
}

/// The configured broker's address; an error when there is none.
pub fn broker_url(config: &Config) -> Result<String, Failure> {
    let url = value_or_file(&config.bus.url, &config.bus.url_file, "bus.url_file")?;
    if url.is_empty() {
        return Err(Failure::usage("no broker is configured; set AMQP_URL to amqp://user:password@host:5672/vhost"));
    }
    Ok(url)
}

/// Refuses configured addresses that nothing can be reached at, before anything is made or asked.
pub fn check(config: &Config) -> Result<(), Failure> {
    let database = database_url(config)?;
    if !database.is_empty() {
        Store::check_url(&database).map_err(Problem::from)?;
    }
    let broker = value_or_file(&config.bus.url, &config.bus.url_file, "bus.url_file")?;
    if broker.is_empty() || config.bus.driver == BusDriver::Memory { Ok(()) } else { check_broker(&broker) }
}

/// The same for a broker's address.
pub fn check_broker(url: &str) -> Result<(), Failure> {
    RabbitOptions::new(url, "").check().map_err(|error| Failure::usage(error.to_string()))
}

/// How the store reaches a database.
pub fn store_options(config: &Config, url: String) -> StoreOptions {
    StoreOptions {
        url,
        max_connections: config.database.max_connections,
        acquire_timeout: config.database.acquire_timeout,
        statement_timeout: config.database.statement_timeout,
    }
}

/// A connection to a RabbitMQ, which comes up by itself when the broker does.
pub fn rabbitmq(config: &Config, url: &str, name: &str, tasks: &Spawner) -> Result<Arc<dyn Bus>, Failure> {
    let options =
        RabbitOptions { publish_timeout: config.bus.publish_timeout, heartbeat: config.bus.heartbeat, ..RabbitOptions::new(url, name) };
    RabbitBus::start(options, tasks).map_err(|error| Failure::usage(error.to_string()))
}
