//! Looks at the certificate of the address that people call, as a browser would see it: expired or not, it is looked at.

use std::time::Duration;

use chiffon_protocol::canonical;
use chrono::DateTime;
use reqwest::tls::TlsInfo;
use sha2::{Digest as _, Sha256};
use x509_parser::parse_x509_certificate;

use crate::domain::standing::Certificate;

/// How long the call may take.
const WITHIN: Duration = Duration::from_secs(10);

/// The certificate of this address; `None` where it is not of TLS or does not answer, which is told in other ways.
pub async fn of(address: &str) -> Option<Certificate> {
    if !address.starts_with("https://") {
        return None;
    }
    // Nothing is said to it and nothing that it says is believed: only its certificate is read.
    let client = reqwest::Client::builder()
        .tls_info(true)
        .tls_danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(WITHIN)
        .build()
        .ok()?;
    let answer = match client.head(format!("{address}/health/live")).send().await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(%error, "the certificate of this address could not be looked at");
            return None;
        }
    };
    read(answer.extensions().get::<TlsInfo>()?.peer_certificate()?)
}

fn read(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    let not_after = DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)?;
    Some(Certificate { sha256: canonical::hex(&Sha256::digest(der)), not_after })
}
