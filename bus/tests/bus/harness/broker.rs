//! A broker with nothing in it: one in this process, or a virtual host of its own on the RabbitMQ that the suite runs against.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chiffon_bus::memory::MemoryBus;
use chiffon_bus::rabbit::RabbitBus;
use chiffon_bus::{Bus, BusError};
use chiffon_nodes::{Management, shared};
use chiffon_process::config::variable;
use chiffon_process::{Shutdown, Spawner};

use super::options;

/// A fresh broker.
pub struct Broker {
    kind: Kind,
    tasks: Spawner,
    connections: Mutex<Vec<Arc<dyn Bus>>>,
}

enum Kind {
    Memory(MemoryBus),
    RabbitMq { url: String, vhost: String, management: Management },
}

impl Broker {
    /// One in this process.
    pub fn memory() -> Self {
        Self::of(Kind::Memory(MemoryBus::new()))
    }

    /// A virtual host for this test.
    pub async fn rabbitmq(test: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        super::log_to_the_test();
        let management = Management::at(&required(shared::AMQP_MANAGEMENT_URL)).unwrap();
        let vhost = format!("{test}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        management.create_vhost(&vhost).await.unwrap();
        let (server, _) = required(shared::AMQP_URL).rsplit_once('/').map(|(server, vhost)| (server.to_owned(), vhost.to_owned())).unwrap();
        Self::of(Kind::RabbitMq { url: format!("{server}/{vhost}"), vhost, management })
    }

    fn of(kind: Kind) -> Self {
        Self { kind, tasks: Spawner::new(Shutdown::new()), connections: Mutex::default() }
    }

    /// A connection for one of its users.
    pub async fn connect(&self) -> Arc<dyn Bus> {
        let bus = self.try_connect().await.expect("the broker takes connections");
        self.connections.lock().unwrap().push(bus.clone());
        bus
    }

    async fn try_connect(&self) -> Result<Arc<dyn Bus>, BusError> {
        match &self.kind {
            Kind::Memory(bus) => Ok(bus.connect()),
            Kind::RabbitMq { url, .. } => RabbitBus::connect(options(url), &self.tasks).await,
        }
    }

    /// The address of the virtual host; RabbitMQ only.
    pub fn url(&self) -> &str {
        let Kind::RabbitMq { url, .. } = &self.kind else { panic!("a broker in memory has no address") };
        url
    }

    /// The broker's own report; RabbitMQ only.
    pub fn management(&self) -> (&Management, &str) {
        let Kind::RabbitMq { management, vhost, .. } = &self.kind else { panic!("a broker in memory has no management") };
        (management, vhost)
    }

    /// Closes every connection and takes the virtual host away; nothing may be left running.
    pub async fn finish(self) {
        let connections = std::mem::take(&mut *self.connections.lock().unwrap());
        for bus in connections {
            bus.close(Duration::from_secs(5)).await;
        }
        assert!(!self.tasks.shutdown().is_stopping(), "a task of the bus panicked; its message is above");
        assert!(self.tasks.finish(Duration::from_secs(5)).await, "tasks were left running");
        if let Kind::RabbitMq { vhost, management, .. } = self.kind {
            management.delete_vhost(&vhost).await.unwrap();
        }
    }
}

fn required(name: &str) -> String {
    variable(name)
        .unwrap_or_else(|| panic!("{name} is not set; run this by `cargo run -p chiffon-nodes -- run -- cargo nextest run -p chiffon-bus`"))
}
