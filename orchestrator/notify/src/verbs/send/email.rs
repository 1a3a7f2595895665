//! A message by SMTP: text, and the same as HTML with its link. Addresses were read as addresses when the configuration was; a subject is one
//! line, so that nobody's words become a header.

use std::path::Path;
use std::time::Duration;

use chiffon_protocol::Shown;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::{Said, secret};
use crate::domain::backoff::Failed;
use crate::domain::channel::Channel;
use crate::domain::smtp::{Security, Smtp};

/// How long a server may take for one of its answers.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// And for all of them. Less than a try is claimed for.
const ALL_WITHIN: Duration = Duration::from_secs(30);
/// The most of a subject.
const SUBJECT_CHARS: usize = 200;
/// The most of a server's words that is shown.
const MOST_ANSWER_CHARS: usize = 200;

/// Sends it to all addresses of the channel, in one message.
pub async fn send(smtp: &Smtp, channel: &Channel, said: &Said, public_url: &str) -> Result<(), Failed> {
    let message = message(smtp, channel, said, public_url)?;
    let transport = transport(smtp)?;
    match tokio::time::timeout(ALL_WITHIN, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(Failed::for_now("the server for e-mail did not take the message in time")),
    }
}

fn transport(smtp: &Smtp) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failed> {
    let tls = match smtp.security {
        Security::None => Tls::None,
        Security::Starttls => Tls::Required(parameters(smtp)?),
        Security::Tls => Tls::Wrapper(parameters(smtp)?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host).port(smtp.port()).tls(tls);
    if !smtp.user.is_empty() {
        builder = builder.credentials(Credentials::new(smtp.user.clone(), secret::of_smtp(smtp)?));
    }
    Ok(builder.timeout(Some(ANSWER_WITHIN)).build())
}

fn parameters(smtp: &Smtp) -> Result<TlsParameters, Failed> {
    let mut builder = TlsParameters::builder(smtp.host.clone());
    if !smtp.ca_file.is_empty() {
        let file = Path::new(&smtp.ca_file);
        let pem = std::fs::read(file).map_err(|error| Failed::for_now(format!("`ca_file` {} can't be read: {error}", file.display())))?;
        let authority = Certificate::from_pem(&pem);
        builder = builder.add_root_certificate(authority.map_err(|_| Failed::for_good("`ca_file` holds no certificate (PEM)"))?);
    }
    builder.build_rustls().map_err(|error| Failed::for_good(format!("no TLS to the server for e-mail: {error}")))
}

/// Made by a program: an absent person's answer is not wanted. (RFC 3834.)
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn message(smtp: &Smtp, channel: &Channel, said: &Said, public_url: &str) -> Result<Message, Failed> {
    let sender = smtp.sender().ok_or_else(|| Failed::for_good("`notifications.smtp.from` is no address"))?;
    let domain = sender.email.domain().to_owned();
    let subject = Shown::line(&said.title).at_most(SUBJECT_CHARS).to_string();
    let mut builder = Message::builder()
        .from(sender)
        .subject(subject.clone())
        .date(said.at.into())
        .message_id(Some(format!("<{}@{domain}>", said.id)))
        .header(AutoSubmitted);
    for address in &channel.to {
        builder = builder.to(Mailbox::new(None, address.clone()));
    }
    let text = format!("{}\n\n{}\n\n-- \nThe channel {} of Chiffon at {public_url}\n", said.body, said.url, channel.name);
    let url = escaped(&said.url);
    let html = format!("<h3>{}</h3>{}<p><a href=\"{url}\">{url}</a></p>", escaped(&subject), html_body(said));
    let both = builder.multipart(MultiPart::alternative_plain_html(text, html));
    both.map_err(|error| Failed::for_good(format!("the message could not be made: {error}")))
}

/// What it tells; where that is several things, each with its own link.
fn html_body(said: &Said) -> String {
    if said.items.is_empty() {
        return format!("<p>{}</p>", escaped(&said.body).replace('\n', "<br>"));
    }
    let items = said.items.iter().map(|item| format!("<li><a href=\"{}\">{}</a></li>", escaped(&item.url), escaped(&item.title)));
    format!("<ul>{}</ul>", items.collect::<String>())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What a server refuses for good needs somebody's change; all else may be better later.
fn failed(error: &lettre::transport::smtp::Error) -> Failed {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    let why = format!("e-mail: {}", Shown::line(&words).at_most(MOST_ANSWER_CHARS));
    if error.is_permanent() { Failed::for_good(why) } else { Failed::for_now(why) }
}
