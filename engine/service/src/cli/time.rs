//! Times as people read them.

use entrain_model::Millis;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time in UTC to the second, as in `2026-11-21T02:28:00Z`.
pub(crate) fn utc(at: Millis) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000));
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "?".to_owned())
}

/// The same, or a dash.
pub(super) fn utc_or_dash(at: Option<Millis>) -> String {
    at.map_or_else(|| "-".to_owned(), utc)
}

/// The time that a person means: `2026-11-21T02:28:00Z`, `2026-11-21`, or so long ago, as in `90m`, `24h` or `7d`.
///
/// # Errors
/// In words: it is none of these.
pub(crate) fn since(text: &str, now: Millis) -> Result<Millis, String> {
    let wrong = || format!("`{text}` is no time: write 2026-11-21T02:28:00Z, 2026-11-21, or how long ago, as in 90m, 24h or 7d");
    let ago = [('m', 60_000), ('h', 3_600_000), ('d', 86_400_000)];
    if let Some((number, factor)) = ago.iter().find_map(|(unit, factor)| Some((text.strip_suffix(*unit)?, *factor))) {
        let number: i64 = number.parse().map_err(|_| wrong())?;
        return Ok(now.saturating_sub(number.saturating_mul(factor)));
    }
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let at = OffsetDateTime::parse(&whole, &Rfc3339).map_err(|_| wrong())?;
    Ok(at.unix_timestamp().saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_understood_as_people_write_them() {
        let now = 1_800_000_000_000;
        assert_eq!(since("2h", now), Ok(now - 7_200_000));
        assert_eq!(since("7d", now), Ok(now - 604_800_000));
        assert_eq!(since("1970-01-02", now), Ok(86_400_000));
        assert_eq!(since("1970-01-01T01:00:00+01:00", now), Ok(0));
        for wrong in ["", "h", "yesterday", "2026-13-01", "xd"] {
            assert!(since(wrong, now).is_err(), "{wrong}");
        }
    }
}
