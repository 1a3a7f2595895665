//! A channel's secret, read at each try: one that was changed counts without a restart. It is never shown.

use std::path::Path;

use chiffon_process::config;

use crate::domain::backoff::Failed;
use crate::domain::channel::Channel;
use crate::domain::smtp::Smtp;

/// The secret, or why there is none.
pub fn of(channel: &Channel) -> Result<String, Failed> {
    read("secret", channel.secret_file.as_deref(), channel.secret_env.as_deref())
}

/// The same where a channel may have none.
pub fn of_any(channel: &Channel) -> Result<Option<String>, Failed> {
    if channel.secret_file.is_none() && channel.secret_env.is_none() { Ok(None) } else { of(channel).map(Some) }
}

/// The password of the server for e-mail.
pub fn of_smtp(smtp: &Smtp) -> Result<String, Failed> {
    let file = Some(Path::new(&smtp.password_file)).filter(|file| !file.as_os_str().is_empty());
    read("password", file, Some(smtp.password_env.as_str()).filter(|name| !name.is_empty()))
}

fn read(what: &str, file: Option<&Path>, variable: Option<&str>) -> Result<String, Failed> {
    let text = match (file, variable) {
        (Some(file), _) => std::fs::read_to_string(file)
            .map_err(|error| Failed::for_now(format!("`{what}_file` {} can't be read: {error}", file.display())))?,
        (None, Some(name)) => {
            config::variable(name).ok_or_else(|| Failed::for_good(format!("the variable {name} (`{what}_env`) is not set")))?
        }
        (None, None) => String::new(),
    };
    let text = text.trim();
    if text.is_empty() { Err(Failed::for_now(format!("the channel's {what} is empty"))) } else { Ok(text.to_owned()) }
}
