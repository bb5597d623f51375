//! Mail, where a server for it is named in the settings.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use url::Url;

use crate::config::MailSettings;

/// How long the server may take for one command.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Sends mail. Clones share nothing but the settings: a connection a letter.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why no mail was sent. The server's own words may hold the address of the receiver, but no secret.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The settings cannot be used.
    #[error("the mail settings cannot be used: {0}")]
    Settings(String),
    /// The receiver's address is none.
    #[error("the mail address cannot be used: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// The letter cannot be written.
    #[error("the letter cannot be written: {0}")]
    Letter(#[from] lettre::error::Error),
    /// The server does not take it.
    #[error("the mail server did not take it: {0}")]
    Server(#[from] lettre::transport::smtp::Error),
}

impl Mailer {
    /// Reads the settings; connects only when there is something to send. `authorities_pem` are trusted besides the usual ones.
    pub fn new(settings: &MailSettings, authorities_pem: &[u8]) -> Result<Self, MailError> {
        let wrong = |what: &str| MailError::Settings(what.to_owned());
        let from: Mailbox = settings.from.parse().map_err(|_| wrong("BLUECAST_MAIL_FROM is no mail address"))?;
        let url = Url::parse(settings.url.reveal()).map_err(|_| wrong("BLUECAST_SMTP_URL is no address"))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("BLUECAST_SMTP_URL names no host"))?;
        // The address brings user, password, port and the kind of security; what it says of certificates is not enough for us.
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(settings.url.reveal())
            .map_err(|_| wrong("BLUECAST_SMTP_URL is written smtps://USER:PASSWORD@HOST, or smtp:// with ?tls=required"))?
            .timeout(Some(TIMEOUT));
        if !authorities_pem.is_empty() {
            let mut parameters = TlsParameters::builder(host.to_owned());
            let blocks = String::from_utf8_lossy(authorities_pem);
            for block in blocks.split_inclusive("-----END CERTIFICATE-----").filter(|block| block.contains("BEGIN CERTIFICATE")) {
                if let Ok(certificate) = Certificate::from_pem(block.as_bytes()) {
                    parameters = parameters.add_root_certificate(certificate);
                }
            }
            let parameters = parameters.build_rustls().map_err(|_| wrong("BLUECAST_CA_FILE cannot be used for mail"))?;
            let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
            let security = match (url.scheme(), tls.as_deref()) {
                ("smtps", _) => Some(Tls::Wrapper(parameters)),
                (_, Some("required")) => Some(Tls::Required(parameters)),
                (_, Some("opportunistic")) => Some(Tls::Opportunistic(parameters)),
                _ => None,
            };
            if let Some(security) = security {
                builder = builder.tls(security);
            }
        }
        Ok(Self { transport: builder.build(), from })
    }

    /// Sends one letter of plain text.
    pub async fn send(&self, to: &str, subject: &str, text: String) -> Result<(), MailError> {
        let to = Mailbox::new(None, to.parse()?);
        let letter = Message::builder().from(self.from.clone()).to(to).subject(subject).header(ContentType::TEXT_PLAIN).body(text)?;
        self.transport.send(letter).await?;
        Ok(())
    }
}
