//! A hook's secret, read at each call: one that was changed counts without a restart. It is never shown.

use chiffon_process::config;

use crate::domain::hook::Hook;

/// The secret, or why there is none.
pub fn of(hook: &Hook) -> Result<String, String> {
    let text = match (&hook.secret_file, &hook.secret_env) {
        (Some(file), _) => {
            std::fs::read_to_string(file).map_err(|error| format!("`secret_file` {} can't be read: {error}", file.display()))?
        }
        (None, Some(name)) => config::variable(name).ok_or_else(|| format!("the variable {name} (`secret_env`) is not set"))?,
        (None, None) => String::new(),
    };
    let text = text.trim();
    if text.is_empty() { Err("its secret is empty".to_owned()) } else { Ok(text.to_owned()) }
}
