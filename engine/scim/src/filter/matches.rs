//! Whether a resource fulfils a condition.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::{Condition, Constant, Operator};
use crate::date::date_of;
use crate::schema::Attribute;
use crate::value::folded;
use crate::{Map, Place};

impl Condition<'_> {
    /// Whether the resource, or the element, fulfils it.
    pub fn matches(&self, resource: &Map) -> bool {
        match self {
            Condition::Present(place) => values(place, resource).iter().any(|value| has_value(value)),
            Condition::Compare(place, operator, constant) => {
                let values = values(place, resource);
                if *constant == Constant::Null {
                    return (*operator == Operator::Eq) != values.iter().any(|value| has_value(value));
                }
                // A value that is not set differs from every value.
                (values.is_empty() && *operator == Operator::Ne)
                    || values.iter().any(|value| compares(place.meant(), value, *operator, constant))
            }
            Condition::Element(place, inner) => elements(place.read(resource)).iter().any(|element| match element {
                Json::Object(element) => inner.matches(element),
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => false,
            }),
            Condition::Not(inner) => !inner.matches(resource),
            Condition::All(all) => all.iter().all(|condition| condition.matches(resource)),
            Condition::Any(any) => any.iter().any(|condition| condition.matches(resource)),
        }
    }
}

/// The values that a place has in a resource: none, one, or those of all elements.
fn values<'d>(place: &Place<'_>, resource: &'d Map) -> Vec<&'d Json> {
    let elements = elements(place.read(resource));
    match place.sub {
        None => elements.iter().collect(),
        Some(sub) => elements.iter().filter_map(|element| element.get(&sub.name)).collect(),
    }
}

fn elements(value: Option<&Json>) -> &[Json] {
    match value {
        None | Some(Json::Null) => &[],
        Some(Json::Array(list)) => list,
        Some(lone) => std::slice::from_ref(lone),
    }
}

fn has_value(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(list) => list.iter().any(has_value),
        Json::Object(object) => object.values().any(has_value),
        Json::Bool(_) | Json::Number(_) => true,
    }
}

fn compares(attribute: &Attribute, value: &Json, operator: Operator, constant: &Constant) -> bool {
    let ordering = match (value, constant) {
        (Json::String(text), Constant::Text(other)) => {
            let text = if attribute.case_exact { text.clone() } else { folded(text) };
            match operator {
                Operator::Co => return text.contains(other.as_str()),
                Operator::Sw => return text.starts_with(other.as_str()),
                Operator::Ew => return text.ends_with(other.as_str()),
                Operator::Eq | Operator::Ne | Operator::Gt | Operator::Lt | Operator::Ge | Operator::Le => {}
            }
            Some(text.as_str().cmp(other.as_str()))
        }
        (Json::String(text), Constant::Date(other)) => date_of(text).map(|millis| millis.cmp(other)),
        (Json::Bool(flag), Constant::Flag(other)) => Some(flag.cmp(other)),
        (Json::Number(number), Constant::Number(other)) => number.as_f64().and_then(|number| number.partial_cmp(other)),
        _ => None,
    };
    match operator {
        Operator::Eq => ordering == Some(Ordering::Equal),
        Operator::Ne => ordering != Some(Ordering::Equal),
        Operator::Gt => ordering == Some(Ordering::Greater),
        Operator::Lt => ordering == Some(Ordering::Less),
        Operator::Ge => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        Operator::Le => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}
