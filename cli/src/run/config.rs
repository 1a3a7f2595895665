//! `chiffon config`: is it usable, and where does each value come from.

use serde_json::json;

use crate::args::{ConfigVerb, Global, Output};
use crate::config::{self, Config};
use crate::exit::{Exit, Outcome};
use crate::show::table;

/// Checks or prints the configuration.
pub fn run(global: &Global, verb: &ConfigVerb) -> Outcome {
    let layers = config::layers(global.config.as_deref())?;
    layers.read::<Config>()?;
    match verb {
        ConfigVerb::Check => say!("The configuration can be used."),
        ConfigVerb::Dump => {
            let origins = layers.origins()?;
            let items: Vec<_> =
                origins.iter().map(|origin| json!({"key": origin.key, "value": origin.value, "source": origin.source})).collect();
            if !table::json(global.output, &json!({"items": items})) && global.output == Output::Text {
                let rows = origins.into_iter().map(|origin| vec![origin.key, origin.value, origin.source]).collect();
                table::print(&["KEY", "VALUE", "FROM"], rows, "");
            }
        }
    }
    Ok(Exit::Done)
}
