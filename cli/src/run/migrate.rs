//! `chiffon migrate`: brings the database to what this version needs.

use chiffon_kernel::store::Store;

use super::backends;
use crate::args::Global;
use crate::config::{self, Config};
use crate::exit::{Exit, Failure, Outcome};

/// Applies what is missing.
pub async fn run(global: &Global) -> Outcome {
    let config: Config = config::layers(global.config.as_deref())?.read()?;
    let url = backends::database_url(&config)?;
    if url.is_empty() {
        return Err(Failure::usage("no database is configured; set DATABASE_URL (`chiffon up` migrates its own by itself)"));
    }
    let store = Store::new(&backends::store_options(&config, url)).map_err(chiffon_protocol::Problem::from)?;
    store.migrate().await.map_err(chiffon_protocol::Problem::from)?;
    say!("The database is up to date.");
    Ok(Exit::Done)
}
