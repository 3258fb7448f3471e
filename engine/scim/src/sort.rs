//! The order of a list (RFC 7644 section 3.4.2.3).

use std::cmp::Ordering;

use serde_json::Value as Json;

use crate::date::date_of;
use crate::schema::Sort;
use crate::value::{folded, is_primary};
use crate::{Map, Place};

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The least.
    #[default]
    Ascending,
    /// The greatest.
    Descending,
}

/// What a resource is sorted by. What has no value comes last in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    /// A number, a truth, a point in time.
    Number(f64),
    /// A text.
    Text(String),
    /// Not set.
    Missing,
}

impl Eq for SortKey {}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |key: &SortKey| match key {
            SortKey::Number(_) => 0,
            SortKey::Text(_) => 1,
            SortKey::Missing => 2,
        };
        match (self, other) {
            (SortKey::Number(one), SortKey::Number(two)) => one.total_cmp(two),
            (SortKey::Text(one), SortKey::Text(two)) => one.cmp(two),
            (one, two) => rank(one).cmp(&rank(two)),
        }
    }
}

/// What a resource is sorted by: of several values the preferred one, or the first.
#[expect(clippy::cast_precision_loss, reason = "dates are far below 2^52 milliseconds")]
pub fn sort_key(place: &Place<'_>, resource: &Map) -> SortKey {
    let chosen = match place.read(resource) {
        Some(Json::Array(list)) => list.iter().find(|element| is_primary(element)).or_else(|| list.first()),
        other => other,
    };
    let part =
        if place.sub.is_none() && place.attribute.sort == Sort::Complex { place.attribute.sub("value") } else { place.sub };
    let (attribute, value) = match part {
        None => (place.attribute, chosen),
        Some(sub) => (sub, chosen.and_then(|chosen| chosen.get(&sub.name))),
    };
    match value {
        Some(Json::String(text)) if attribute.sort == Sort::DateTime => {
            date_of(text).map_or(SortKey::Missing, |millis| SortKey::Number(millis as f64))
        }
        Some(Json::String(text)) if attribute.case_exact => SortKey::Text(text.clone()),
        Some(Json::String(text)) => SortKey::Text(folded(text)),
        Some(Json::Bool(flag)) => SortKey::Number(f64::from(u8::from(*flag))),
        Some(Json::Number(number)) => number.as_f64().map_or(SortKey::Missing, SortKey::Number),
        Some(Json::Null | Json::Array(_) | Json::Object(_)) | None => SortKey::Missing,
    }
}
