//! A channel's secret, read at each try: one that was changed counts without a restart. It is never shown.

use chiffon_process::config;

use crate::domain::backoff::Failed;
use crate::domain::channel::Channel;

/// The secret, or why there is none.
pub fn of(channel: &Channel) -> Result<String, Failed> {
    let text = match (&channel.secret_file, &channel.secret_env) {
        (Some(file), _) => std::fs::read_to_string(file)
            .map_err(|error| Failed::for_now(format!("`secret_file` {} can't be read: {error}", file.display())))?,
        (None, Some(name)) => {
            config::variable(name).ok_or_else(|| Failed::for_good(format!("the variable {name} (`secret_env`) is not set")))?
        }
        (None, None) => String::new(),
    };
    let text = text.trim();
    if text.is_empty() { Err(Failed::for_now("the channel's secret is empty")) } else { Ok(text.to_owned()) }
}
