//! `chiffon topology`: exchanges and queues on the broker.

use chiffon_protocol::kind::Kinds;
use chiffon_protocol::topology::Topology;

use super::backends;
use crate::args::{Global, TopologyVerb};
use crate::config::{self, Config};
use crate::exit::{Exit, Failure, Outcome};

/// Declares the topology, or prints it.
pub async fn run(global: &Global, verb: &TopologyVerb) -> Outcome {
    let config: Config = config::layers(global.config.as_deref())?.read()?;
    let topology = Topology::shared(config.bus.queue_type, &Kinds::default());
    match verb {
        TopologyVerb::Show => println!("{}", serde_json::to_string_pretty(&topology).unwrap_or_default()),
        TopologyVerb::Apply => {
            let tasks = chiffon_process::Spawner::default();
            let bus = backends::rabbitmq(&config, &backends::broker_url(&config)?, "chiffon-topology", &tasks)?;
            let applied = bus.declare(&topology).await;
            tasks.shutdown().stop();
            applied.map_err(|error| Failure::failed(error.to_string()))?;
            say!("{} exchanges and {} queues are declared.", topology.exchanges.len(), topology.queues.len());
        }
    }
    Ok(Exit::Done)
}
