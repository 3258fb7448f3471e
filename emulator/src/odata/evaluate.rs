//! Whether something passes a filter.

use super::expression::{Expression, Function, Literal, Operator};
use crate::directory::{Name, Object, Schema, Value, folded};
use serde_json::Value as Json;
use std::cmp::Ordering;

/// A value that a filter looks at.
#[derive(Clone, Debug)]
pub(crate) enum Operand<'a> {
    /// Unset or cleared.
    Null,
    /// A boolean.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A text, as it is.
    Text(std::borrow::Cow<'a, str>),
    /// A collection.
    Items(Vec<Operand<'a>>),
    /// A complex value.
    Json(&'a Json),
}

impl<'a> Operand<'a> {
    /// The operand for a property's value.
    pub(crate) fn of(value: Option<&'a Value>) -> Operand<'a> {
        match value {
            None | Some(Value::Null) => Operand::Null,
            Some(Value::Flag(flag)) => Operand::Flag(*flag),
            Some(Value::Number(number)) => Operand::Number(*number),
            Some(Value::Text(text)) => Operand::Text((&**text).into()),
            Some(Value::Texts(items)) => Operand::Items(items.iter().map(|item| Operand::Text((&**item).into())).collect()),
            Some(Value::Json(json)) => Operand::json(json),
        }
    }

    /// The operand for a JSON value.
    pub(crate) fn json(json: &'a Json) -> Operand<'a> {
        match json {
            Json::Null => Operand::Null,
            Json::Bool(flag) => Operand::Flag(*flag),
            Json::Number(number) => number.as_i64().map_or(Operand::Null, Operand::Number),
            Json::String(text) => Operand::Text(text.into()),
            Json::Array(items) => Operand::Items(items.iter().map(Operand::json).collect()),
            Json::Object(_) => Operand::Json(json),
        }
    }

    fn step(self, field: &str) -> Operand<'a> {
        if field.eq_ignore_ascii_case("$count") {
            let Operand::Items(items) = self else { return Operand::Number(0) };
            return Operand::Number(i64::try_from(items.len()).unwrap_or(i64::MAX));
        }
        let Operand::Json(json) = self else { return Operand::Null };
        let found = json.as_object().and_then(|map| map.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)));
        found.map_or(Operand::Null, |(_, value)| Operand::json(value))
    }
}

/// Something with fields.
pub(crate) trait Fields {
    /// The value of its own field; names ignore case.
    fn field(&self, name: &str) -> Operand<'_>;
}

/// A directory object seen through the schema.
pub(crate) struct Seen<'a> {
    /// The properties there are.
    pub(crate) schema: &'a Schema,
    /// The object.
    pub(crate) object: &'a Object,
    /// How many owners it has: the one relationship that is filtered by.
    pub(crate) owners: &'a dyn Fn() -> usize,
}

impl Fields for Seen<'_> {
    fn field(&self, name: &str) -> Operand<'_> {
        match self.schema.find(self.object.kind, name) {
            Some((Name::ID, _)) => Operand::Text(self.object.id.to_string().into()),
            Some((name, _)) => Operand::of(self.object.value(name)),
            None if is_owners(name) => Operand::Items(vec![Operand::Null; (self.owners)()]),
            None => Operand::Null,
        }
    }
}

/// Whether a path begins at the owners of an object.
pub(super) fn is_owners(name: &str) -> bool {
    name.eq_ignore_ascii_case("owners")
}

impl Fields for Json {
    fn field(&self, name: &str) -> Operand<'_> {
        Operand::json(self).step(name)
    }
}

/// An element of a collection: only the empty path and paths into it mean anything.
impl Fields for Operand<'_> {
    fn field(&self, name: &str) -> Operand<'_> {
        if name.is_empty() { self.clone() } else { self.clone().step(name) }
    }
}

/// Whether the subject passes the filter.
pub(crate) fn passes(filter: &Expression, subject: &dyn Fields) -> bool {
    match filter {
        Expression::And(parts) => parts.iter().all(|part| passes(part, subject)),
        Expression::Or(parts) => parts.iter().any(|part| passes(part, subject)),
        Expression::Not(part) => !passes(part, subject),
        Expression::Compare(path, operator, literal) => compare(&walk(path, subject), *operator, literal),
        Expression::In(path, literals) => {
            let held = walk(path, subject);
            literals.iter().any(|literal| equal(&held, literal))
        }
        Expression::Text(function, path, text) => matches_text(*function, &walk(path, subject), text),
        Expression::Any(path, body) => {
            let Operand::Items(items) = walk(path, subject) else { return false };
            items.iter().any(|item| body.as_ref().is_none_or(|body| passes(body, item)))
        }
    }
}

fn walk<'a>(path: &[String], subject: &'a dyn Fields) -> Operand<'a> {
    let first = subject.field(path.first().map_or("", String::as_str));
    path.iter().skip(1).fold(first, |value, field| value.step(field))
}

fn equal(held: &Operand<'_>, literal: &Literal) -> bool {
    ordering(held, literal) == Some(Ordering::Equal)
}

fn ordering(held: &Operand<'_>, literal: &Literal) -> Option<Ordering> {
    match (held, literal) {
        (Operand::Null, Literal::Null) => Some(Ordering::Equal),
        (Operand::Flag(held), Literal::Flag(wanted)) => Some(held.cmp(wanted)),
        (Operand::Number(held), Literal::Number(wanted)) => Some(held.cmp(wanted)),
        (Operand::Text(held), Literal::Text(wanted)) => Some(folded(held).cmp(&folded(wanted))),
        (Operand::Text(held), Literal::Number(wanted)) => Some(held.as_ref().cmp(wanted.to_string().as_str())),
        _ => None,
    }
}

fn compare(held: &Operand<'_>, operator: Operator, literal: &Literal) -> bool {
    let found = ordering(held, literal);
    match operator {
        Operator::Equal => found == Some(Ordering::Equal),
        Operator::NotEqual => found != Some(Ordering::Equal),
        Operator::Greater => found == Some(Ordering::Greater),
        Operator::GreaterOrEqual => found.is_some_and(Ordering::is_ge),
        Operator::Less => found == Some(Ordering::Less),
        Operator::LessOrEqual => found.is_some_and(Ordering::is_le),
    }
}

fn matches_text(function: Function, held: &Operand<'_>, text: &str) -> bool {
    let Operand::Text(held) = held else { return false };
    let (held, text) = (folded(held), folded(text));
    match function {
        Function::StartsWith => held.starts_with(&text),
        Function::EndsWith => held.ends_with(&text),
        Function::Contains => held.contains(&text),
    }
}
