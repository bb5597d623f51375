//! Settings of mail.

use super::reader::Reader;
use crate::account::mail::Mailer;
use crate::secret::Secret;

/// Mail.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// `smtp(s)://…`, which may hold a password.
    pub url: Secret,
    /// The sender's address.
    pub from: String,
}

impl MailSettings {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let (url, from) = (reader.secret("BLUECAST_SMTP_URL"), reader.text("BLUECAST_MAIL_FROM").map(str::to_owned));
        let settings = match (url, from) {
            (Some(url), Some(from)) => Self { url, from },
            (None, None) => return None,
            _ => {
                reader.problem("BLUECAST_SMTP_URL and BLUECAST_MAIL_FROM are given together".to_owned());
                return None;
            }
        };
        if let Err(error) = Mailer::new(&settings, &[]) {
            reader.problem(error.to_string());
        }
        Some(settings)
    }
}
