//! Times as people read them.

use entrain_model::Millis;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time in UTC to the second, as in `2026-11-21T02:28:00Z`.
pub(super) fn utc(at: Millis) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000));
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "?".to_owned())
}

/// The same, or a dash.
pub(super) fn utc_or_dash(at: Option<Millis>) -> String {
    at.map_or_else(|| "-".to_owned(), utc)
}
