//! Dates as SCIM writes them (xsd:dateTime), to and from milliseconds since 1970.

/// Milliseconds since 1970 of a date; without an offset it is taken as UTC. `None` if it is no date.
pub fn date_of(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, offset) = split_offset(rest)?;
    let (clock, millis) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, fraction_millis(fraction)?),
        None => (clock, 0),
    };
    let [hour, minute, second] = numbers(clock, ':')?;
    let valid = (1..=12).contains(&month) && (1..=length_of(year, month)).contains(&day) && date.len() == 10 && clock.len() == 8;
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset * 60;
    Some(seconds * 1000 + millis)
}

/// A date in UTC, with milliseconds.
pub fn date_text(millis: i64) -> String {
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(digits);
    let all = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all)
}

fn digits(text: &str) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn fraction_millis(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || fraction.len() > 12 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<3}").get(..3)?.parse().ok()
}

/// The clock, and how many minutes it is ahead of UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (clock, offset) = (text.get(..at)?, text.get(at + 1..)?);
    let (hours, minutes) = offset.split_once(':')?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let ahead = hours * 60 + minutes;
    let valid = offset.len() == 5 && ahead <= 14 * 60 && minutes < 60;
    valid.then_some((clock, if text.get(at..=at)? == "-" { -ahead } else { ahead }))
}

fn length_of(year: i64, month: i64) -> i64 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar. Years begin in March here, so that a leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_form_of_the_rfc() {
        assert_eq!(date_of("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(date_of("2011-05-13T04:42:34Z"), Some(1_305_261_754_000));
        assert_eq!(date_of("2011-05-13T06:42:34+02:00"), Some(1_305_261_754_000));
        assert_eq!(date_of("2011-05-12T23:42:34.5-05:00"), Some(1_305_261_754_500));
        assert_eq!(date_of("2000-02-29T00:00:00.123456Z"), Some(951_782_400_123));
        for wrong in
            ["", "2011-05-13", "2011-13-01T00:00:00Z", "2011-02-29T00:00:00Z", "2011-05-13T24:00:00Z", "x", "2011-05-13T1:2:3Z"]
        {
            assert_eq!(date_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_is_written_as_it_is_read() {
        for millis in [0, 1_305_261_754_123, 951_782_400_000, -86_400_000, 4_102_444_800_000, 1_740_787_199_999] {
            assert_eq!(date_of(&date_text(millis)), Some(millis), "{}", date_text(millis));
        }
        assert_eq!(date_text(1_305_261_754_000), "2011-05-13T04:42:34.000Z");
    }
}
