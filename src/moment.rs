//! Wall-clock times: Unix milliseconds inside, RFC 3339 outside.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::{Answer, Problem};

/// Now, in Unix milliseconds.
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// Unix milliseconds as RFC 3339 in UTC; what lies outside its years becomes the epoch.
pub fn rfc3339(unix_ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// Reads a time as RFC 3339 writes it, out of the query's field of that name, as Unix milliseconds.
///
/// # Errors
/// 422 where it is no such time.
pub fn at_ms(field: &str, text: Option<&str>) -> Answer<Option<i64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |_| Problem::unprocessable("invalid_query", format!("`{field}` is a time such as 2026-11-22T20:00:00Z.")).of_field(field);
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(wrong)?;
    Ok(Some(i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)))
}
