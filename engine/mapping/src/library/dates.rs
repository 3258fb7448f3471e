//! Dates. The form between functions is ISO 8601: `2024-01-31`, or with a time `2024-01-31T08:00:00Z`.

use rhai::{Dynamic, ImmutableString};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::{Entry, Result, fail, of_text};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "date_time",
        call: "date_time(text)",
        says: "An ISO date, or date and time, as a point in time in UTC; without a time: midnight, without a zone: UTC. Any other text stays as it is, and the check before the write holds the object.",
        example: "[date_time(\"2024-01-31\"), date_time(\"2024-01-31T08:00:00+01:00\")]",
        gives: "[\"2024-01-31T00:00:00Z\", \"2024-01-31T07:00:00Z\"]",
        register: |engine| of_text(engine, "date_time", |text| moment(text).and_then(rfc3339).unwrap_or_else(|| text.to_owned())),
    },
    Entry {
        name: "parse_date",
        call: "parse_date(text, form)` or `parse_date(text, form, default)",
        says: "The ISO date of a text in that form: `YYYY`, `MM`, `DD` stand for digits, everything else for itself. Without a default, a text of another form is an error.",
        example: "parse_date(\"31.01.2024\", \"DD.MM.YYYY\")",
        gives: "\"2024-01-31\"",
        register: |engine| {
            engine.register_fn("parse_date", |text: ImmutableString, form: ImmutableString| -> Result<Dynamic> {
                parse(&text, &form).map_or_else(
                    || fail("parse_date: the text is no date of this form; parse_date(text, form, default) accepts any text"),
                    |date| Ok(date.to_string().into()),
                )
            });
            engine.register_fn("parse_date", |text: ImmutableString, form: ImmutableString, default: Dynamic| {
                parse(&text, &form).map_or(default, |date| date.to_string().into())
            });
            engine.register_fn("parse_date", |(): (), _: ImmutableString| ());
            engine.register_fn("parse_date", |(): (), _: ImmutableString, default: Dynamic| default);
        },
    },
    Entry {
        name: "format_date",
        call: "format_date(text, form)",
        says: "An ISO date, or date and time (in UTC), in that form: `YYYY`, `YY`, `MM`, `DD`, `hh`, `mm`, `ss`. Any other text is an error.",
        example: "format_date(\"2024-01-31\", \"DD.MM.YY\")",
        gives: "\"31.01.24\"",
        register: |engine| {
            engine.register_fn("format_date", |text: ImmutableString, form: ImmutableString| -> Result<Dynamic> {
                moment(&text)
                    .map_or_else(|| fail("format_date: the text is no ISO date"), |moment| Ok(format(moment, &form).into()))
            });
            engine.register_fn("format_date", |(): (), _: ImmutableString| ());
        },
    },
];

fn moment(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(moment.to_offset(UtcOffset::UTC));
    }
    if let Ok(date) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Some(date.with_time(Time::MIDNIGHT).assume_utc());
    }
    let local =
        format_description!("[year]-[month]-[day][first [T][ ]][hour]:[minute][optional [:[second][optional [.[subsecond]]]]]");
    PrimitiveDateTime::parse(text, local).ok().map(PrimitiveDateTime::assume_utc)
}

fn rfc3339(moment: OffsetDateTime) -> Option<String> {
    moment.format(&Rfc3339).ok()
}

fn parse(text: &str, form: &str) -> Option<Date> {
    let (mut year, mut month, mut day) = (None, None, None);
    let (mut text, mut form) = (text.trim(), form);
    while let Some(letter) = form.chars().next() {
        let (slot, length) = match () {
            () if form.starts_with("YYYY") => (Some(&mut year), 4),
            () if form.starts_with("MM") => (Some(&mut month), 2),
            () if form.starts_with("DD") => (Some(&mut day), 2),
            () => (None, letter.len_utf8()),
        };
        let part = text.get(..length)?;
        match slot {
            Some(slot) if part.bytes().all(|byte| byte.is_ascii_digit()) => *slot = part.parse::<u16>().ok(),
            None if form.starts_with(part) => {}
            Some(_) | None => return None,
        }
        (text, form) = (&text[length..], &form[length..]);
    }
    if !text.is_empty() {
        return None;
    }
    let month = Month::try_from(u8::try_from(month?).ok()?).ok()?;
    Date::from_calendar_date(i32::from(year?), month, u8::try_from(day?).ok()?).ok()
}

fn format(moment: OffsetDateTime, form: &str) -> String {
    let (mut formatted, mut form) = (String::new(), form);
    while let Some(letter) = form.chars().next() {
        let parts = [
            ("YYYY", format!("{:04}", moment.year())),
            ("YY", format!("{:02}", moment.year().rem_euclid(100))),
            ("MM", format!("{:02}", u8::from(moment.month()))),
            ("DD", format!("{:02}", moment.day())),
            ("hh", format!("{:02}", moment.hour())),
            ("mm", format!("{:02}", moment.minute())),
            ("ss", format!("{:02}", moment.second())),
        ];
        if let Some((token, digits)) = parts.into_iter().find(|(token, _)| form.starts_with(token)) {
            formatted.push_str(&digits);
            form = &form[token.len()..];
        } else {
            formatted.push(letter);
            form = &form[letter.len_utf8()..];
        }
    }
    formatted
}
