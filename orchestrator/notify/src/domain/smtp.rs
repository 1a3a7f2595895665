//! `[notifications.smtp]`: the server that takes e-mail, as the configuration has it.

use std::net::IpAddr;

use lettre::message::Mailbox;
use serde::Deserialize;

/// How the connection to it is kept from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// It begins in the open and goes on in TLS; a server that offers none gets nothing.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// None at all, for a server on this machine.
    None,
}

/// The server. Texts that are empty were not said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// Its name; that of its certificate.
    pub host: String,
    /// Its port; 0 for the usual one.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: Security,
    /// Whom messages are from, such as `Chiffon <chiffon@example.org>`.
    pub from: String,
    /// As whom to sign in; nobody when empty.
    pub user: String,
    /// The file with the password.
    pub password_file: String,
    /// The environment variable with it.
    pub password_env: String,
    /// A file (PEM) with the certificate of an authority that signs the server's, besides those that the system trusts.
    pub ca_file: String,
}

impl Smtp {
    /// Its port.
    pub fn port(&self) -> u16 {
        match (self.port, self.security) {
            (0, Security::Starttls) => 587,
            (0, Security::Tls) => 465,
            (0, Security::None) => 25,
            (port, _) => port,
        }
    }

    /// Whom messages are from.
    pub fn sender(&self) -> Option<Mailbox> {
        self.from.parse().ok()
    }

    /// Why it can't be used, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.host.is_empty() {
            return Ok(());
        }
        if self.sender().is_none() {
            return Err(format!(
                "`notifications.smtp.from` is `{}`, which is no address such as chiffon@example.org",
                self.from.escape_default()
            ));
        }
        let is_here = self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if self.security == Security::None && !is_here {
            return Err("`notifications.smtp.security` is `none`, which is for a server on this machine (localhost); say starttls or tls"
                .to_owned());
        }
        match (self.user.is_empty(), self.password_file.is_empty(), self.password_env.is_empty()) {
            (_, false, false) => Err("`notifications.smtp` has password_file and password_env; say one of them".to_owned()),
            (false, true, true) => Err("`notifications.smtp.user` needs password_file (or password_env)".to_owned()),
            (true, false, _) | (true, _, false) => Err("`notifications.smtp` has a password and no `user`".to_owned()),
            _ => Ok(()),
        }
    }
}
