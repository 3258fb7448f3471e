//! The sorts of differences, from the plainest to the most particular.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;

use super::{Said, Words};

/// What many differences of an attribute have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "sort")]
pub enum Pattern {
    /// It gets a value and was left alone.
    Set,
    /// It gets a value and had none.
    Filled,
    /// It had a value and is cleared.
    Cleared,
    /// It was left alone and is cleared.
    Emptied,
    /// It is no longer written.
    LeftAlone,
    /// Only new records get the value.
    OnlyNew,
    /// Records that exist get the value too.
    NoLongerOnlyNew,
    /// Only records that have none get the value.
    OnlyMissing,
    /// Only capitals and small letters differ.
    Case,
    /// Only white space differs.
    Space,
    /// The same words in another order.
    Order,
    /// Something was put before it, or taken away there.
    Prefix {
        /// What stood there.
        from: String,
        /// What stands there instead.
        to: String,
    },
    /// Something was put after it, or taken away there.
    Suffix {
        /// What stood there.
        from: String,
        /// What stands there instead.
        to: String,
    },
    /// Another domain after the same local part.
    Domain {
        /// The domain.
        from: String,
        /// The other.
        to: String,
    },
    /// It is cut off.
    Shortened,
    /// Another composition, in the names of the source's attributes and otherwise in its own words.
    Composed {
        /// What it was made of.
        from: String,
        /// What it is made of.
        to: String,
    },
    /// Another choice of a list's values.
    Items,
    /// Another part of an object.
    Parts,
    /// A value of another type.
    Type,
    /// None of the above that many objects share.
    Other,
}

/// The pattern of a difference.
pub(super) fn of(old: Said<'_>, new: Said<'_>, words: &Words<'_>) -> Pattern {
    match (old, new) {
        (_, Said::Nothing) => Pattern::LeftAlone,
        (Said::Nothing, Said::Clear) => Pattern::Emptied,
        (_, Said::Clear) => Pattern::Cleared,
        (Said::Nothing, Said::Set(_)) => Pattern::Set,
        (Said::Clear, Said::Set(_)) => Pattern::Filled,
        (Said::OnlyNew(_) | Said::OnlyMissing(_), Said::Set(_)) => Pattern::NoLongerOnlyNew,
        (Said::Nothing | Said::Clear | Said::Set(_) | Said::OnlyMissing(_), Said::OnlyNew(_)) => Pattern::OnlyNew,
        (Said::Nothing | Said::Clear | Said::Set(_) | Said::OnlyNew(_), Said::OnlyMissing(_)) => Pattern::OnlyMissing,
        (Said::Set(old), Said::Set(new))
        | (Said::OnlyNew(old), Said::OnlyNew(new))
        | (Said::OnlyMissing(old), Said::OnlyMissing(new)) => of_values(old, new, words),
    }
}

fn of_values(old: &Json, new: &Json, words: &Words<'_>) -> Pattern {
    match (old, new) {
        (Json::String(old), Json::String(new)) => of_texts(old, new, words),
        (Json::Array(old), Json::Array(new)) => match (&old[..], &new[..]) {
            ([Json::String(old)], [Json::String(new)]) => of_texts(old, new, words),
            _ => Pattern::Items,
        },
        (Json::Object(_), Json::Object(_)) => Pattern::Parts,
        (Json::Bool(_), Json::Bool(_)) | (Json::Number(_), Json::Number(_)) => {
            Pattern::Composed { from: old.to_string(), to: new.to_string() }
        }
        _ => Pattern::Type,
    }
}

fn of_texts(old: &str, new: &str, words: &Words<'_>) -> Pattern {
    if old.to_lowercase() == new.to_lowercase() {
        return Pattern::Case;
    }
    if dense(old).eq(dense(new)) {
        return Pattern::Space;
    }
    if let (Some((local, from)), Some((same, to))) = (old.rsplit_once('@'), new.rsplit_once('@'))
        && local == same
    {
        return Pattern::Domain { from: from.to_owned(), to: to.to_owned() };
    }
    if let Some(pattern) = affix(old, new, words) {
        return pattern;
    }
    if old.starts_with(new) {
        return Pattern::Shortened;
    }
    let (from, to) = (words.template(old), words.template(new));
    // Two texts of the same make differ in what the source does not have; the words themselves say more then.
    if from == to {
        return Pattern::Other;
    }
    if !from.contains('{') && !to.contains('{') && ordered(old) == ordered(new) {
        return Pattern::Order;
    }
    Pattern::Composed { from, to }
}

/// What was added or taken away at one end, if it is the same for many: made of no value of the source.
fn affix(old: &str, new: &str, words: &Words<'_>) -> Option<Pattern> {
    let common = |affix: &str| !affix.is_empty() && !words.template(affix).contains('{');
    if let Some(added) = new.strip_suffix(old).filter(|added| common(added)) {
        return Some(Pattern::Prefix { from: String::new(), to: added.to_owned() });
    }
    if let Some(taken) = old.strip_suffix(new).filter(|taken| common(taken)) {
        return Some(Pattern::Prefix { from: taken.to_owned(), to: String::new() });
    }
    if let Some(added) = new.strip_prefix(old).filter(|added| common(added)) {
        return Some(Pattern::Suffix { from: String::new(), to: added.to_owned() });
    }
    let taken = old.strip_prefix(new).filter(|taken| taken.starts_with(|c: char| !c.is_alphanumeric()) && common(taken))?;
    Some(Pattern::Suffix { from: taken.to_owned(), to: String::new() })
}

fn dense(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace())
}

fn ordered(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Set => f.write_str("newly set; was left alone"),
            Pattern::Filled => f.write_str("newly set; was cleared"),
            Pattern::Cleared => f.write_str("cleared"),
            Pattern::Emptied => f.write_str("cleared; was left alone"),
            Pattern::LeftAlone => f.write_str("no longer written"),
            Pattern::OnlyNew => f.write_str("given to new records only"),
            Pattern::NoLongerOnlyNew => f.write_str("given to all records, no longer to new ones only"),
            Pattern::OnlyMissing => f.write_str("given only where the target has no value"),
            Pattern::Case => f.write_str("capitals and small letters only"),
            Pattern::Space => f.write_str("white space only"),
            Pattern::Order => f.write_str("the same words in another order"),
            Pattern::Prefix { from, to } => end(f, "before it", from, to),
            Pattern::Suffix { from, to } => end(f, "after it", from, to),
            Pattern::Domain { from, to } => write!(f, "domain `{from}` -> `{to}`"),
            Pattern::Shortened => f.write_str("cut off"),
            Pattern::Composed { from, to } => write!(f, "`{from}` -> `{to}`"),
            Pattern::Items => f.write_str("other values in the list"),
            Pattern::Parts => f.write_str("other parts of the object"),
            Pattern::Type => f.write_str("a value of another type"),
            Pattern::Other => f.write_str("other values"),
        }
    }
}

fn end(f: &mut fmt::Formatter<'_>, place: &str, from: &str, to: &str) -> fmt::Result {
    if from.is_empty() { write!(f, "`{to}` put {place}") } else { write!(f, "`{from}` {place} taken away") }
}
