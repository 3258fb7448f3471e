//! When a target gets its full sync.

use std::str::FromStr as _;
use std::time::Duration;

use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// Every four hours, at a minute when few others start.
pub const DEFAULT_CRON: &str = "0 17 */4 * * *";

/// A cron expression in a time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The expression as written: second, minute, hour, day of month, month, day of week.
    pub expression: String,
    /// The same, parsed.
    pub cron: Cron,
    /// When all of the tenant is read anew; every seven days without it.
    pub full: Option<FullRead>,
    /// The time zone in which it is read; daylight saving counts.
    pub time_zone: Tz,
    /// Each start is later than due by a share of this.
    pub jitter: Duration,
}

/// Schedules that say the same are the same.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        let full = |schedule: &Self| schedule.full.as_ref().map(|full| full.expression.clone());
        (&self.expression, full(self), self.time_zone, self.jitter)
            == (&other.expression, full(other), other.time_zone, other.jitter)
    }
}

/// When all of the tenant is read anew.
#[derive(Clone, Debug)]
pub struct FullRead {
    /// The expression as written.
    pub expression: String,
    /// The same, parsed.
    pub cron: Cron,
}

impl Schedule {
    /// The expression, checked: exactly six fields.
    ///
    /// # Errors
    /// In words: what is wrong with it.
    pub fn parse_cron(expression: &str) -> Result<Cron, String> {
        let fields = expression.split_whitespace().count();
        if fields != 6 {
            return Err(format!(
                "`{expression}` has {fields} {}; write six: second, minute, hour, day of month, month, day of week, as in \"{DEFAULT_CRON}\"",
                if fields == 1 { "field" } else { "fields" }
            ));
        }
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
        parser.parse(expression).map_err(|error| format!("`{expression}` is no schedule: {error}"))
    }

    /// The time zone of that name.
    ///
    /// # Errors
    /// In words: the name is not known.
    pub fn parse_zone(name: &str) -> Result<Tz, String> {
        Tz::from_str(name).map_err(|_| format!("`{name}` is no time zone; write a name like \"Europe/Zurich\" or \"UTC\""))
    }
}

/// A length of time like `90s`, `5m`, `2h` or `250ms`.
///
/// # Errors
/// In words: what is wrong with it.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no length of time; write a number and a unit, as in \"90s\", \"5m\" or \"2h\"");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).map(Duration::from_millis).ok_or_else(wrong)
}
