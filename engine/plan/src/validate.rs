//! What the target would refuse is found before the call, with the limit named.

use entrain_model::{AttributeSchema, DesiredRecord, Hold, Kind, Policy, Schema, Setting, Shape, Writable, fold};
use serde_json::Value as Json;

use crate::compare::{instant, is_unset};
use crate::leaves::{Leaf, leaves};

/// The most characters of a login: in all, before the `@`, after it (Graph, create user: `userPrincipalName`).
const LOGIN: (usize, usize, usize) = (113, 64, 48);

/// A value that the target would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Of which attribute, dotted for a part.
    pub attribute: String,
    /// What sort of flaw.
    pub sort: FlawSort,
    /// What is wrong with it and what to do.
    pub detail: String,
}

/// What can be wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawSort {
    /// Nobody can write the attribute, or it does not exist.
    NotWritable,
    /// It is of another type.
    WrongType,
    /// It has too many characters.
    TooLong,
    /// It has too many values.
    TooMany,
    /// It has a character that the target does not take.
    Forbidden,
    /// It is no login.
    Login,
    /// It is a login in a domain that the target has not verified.
    Domain,
}

/// The first value that the target would refuse, by attribute name; `None` if all are acceptable.
///
/// Checks type, length in characters, number of values, characters, the form of logins and their domain.
pub fn validate(kind: Kind, record: &DesiredRecord, schema: &Schema, policy: &Policy) -> Option<Hold> {
    let of_setting = settings(kind, record, schema).next();
    let flaw = of_setting.or_else(|| {
        let leaves = leaves(record, schema.of(kind));
        leaves.iter().find_map(|leaf| of_leaf(leaf, policy))
    })?;
    Some(rejected(&flaw.attribute, flaw.detail))
}

/// All values that the target would refuse: those of attributes as a whole first.
pub fn flaws(kind: Kind, record: &DesiredRecord, schema: &Schema, policy: &Policy) -> Vec<Flaw> {
    let leaves = leaves(record, schema.of(kind));
    settings(kind, record, schema).chain(leaves.iter().filter_map(|leaf| of_leaf(leaf, policy))).collect()
}

fn settings<'a>(kind: Kind, record: &'a DesiredRecord, schema: &'a Schema) -> impl Iterator<Item = Flaw> + 'a {
    let schema = schema.of(kind);
    record.settings.iter().filter_map(|(name, setting)| {
        let (sort, detail) = wrong_setting(schema.attributes.get(name.as_str())?, setting)?;
        Some(Flaw { attribute: name.clone(), sort, detail })
    })
}

fn of_leaf(leaf: &Leaf<'_>, policy: &Policy) -> Option<Flaw> {
    let rule = leaf.rule.filter(|_| !is_unset(leaf.to))?;
    let (sort, detail) = wrong_value(leaf, rule, policy)?;
    Some(Flaw { attribute: leaf.name.clone(), sort, detail })
}

/// The first attribute without which no record can be made, if the record lacks one.
pub fn missing(kind: Kind, record: &DesiredRecord, schema: &Schema) -> Option<Hold> {
    let lacks = |name: &&&str| record.value(name).is_none_or(is_unset);
    let name = schema.of(kind).required.iter().find(lacks)?;
    Some(rejected(name, format!("a new {kind} needs a value and has none: fill it in the source or set it in the mapping")))
}

pub(crate) fn rejected(attribute: &str, detail: String) -> Hold {
    Hold::Rejected { attribute: Some(attribute.to_owned()), detail }
}

type Wrong = (FlawSort, String);

fn wrong_setting(rule: &AttributeSchema, setting: &Setting) -> Option<Wrong> {
    if rule.writable == Writable::Never {
        return Some((FlawSort::NotWritable, "the target lets nobody write it: remove it from the mapping".to_owned()));
    }
    let (Shape::Parts(parts), Setting::Set(value) | Setting::CreateOnly(value) | Setting::Yield(value)) = (rule.shape, setting)
    else {
        return None;
    };
    let Some(members) = value.as_object() else { return (!is_unset(value)).then(|| wrong_type("an object", value)) };
    let stranger = members.keys().find(|name| !parts.contains(&name.as_str()))?;
    Some((FlawSort::NotWritable, format!("it has no part `{stranger}`: correct the name in the mapping")))
}

fn wrong_value(leaf: &Leaf<'_>, rule: &AttributeSchema, policy: &Policy) -> Option<Wrong> {
    match (leaf.shape, leaf.to) {
        (Shape::Text, Json::String(text)) => wrong_text(text, rule),
        (Shape::Login, Json::String(text)) => {
            let wrong = wrong_text(text, rule)
                .map(|(sort, detail)| (if sort == FlawSort::Forbidden { FlawSort::Login } else { sort }, detail));
            wrong.or_else(|| wrong_login(text, policy))
        }
        (Shape::Texts, Json::Array(list)) => wrong_list(list, rule),
        (Shape::Boolean, Json::Bool(_)) | (Shape::Parts(_) | Shape::Whole, _) => None,
        (Shape::DateTime, value) => {
            let detail = || format!("{value} is no date or time: give it as 2024-05-31 or 2024-05-31T00:00:00Z");
            instant(value).is_none().then(|| (FlawSort::WrongType, detail()))
        }
        (Shape::Text | Shape::Login, other) => Some(wrong_type("a text", other)),
        (Shape::Texts, other) => Some(wrong_type("a list of texts", other)),
        (Shape::Boolean, other) => Some(wrong_type("`true` or `false`", other)),
    }
}

fn wrong_type(wanted: &str, found: &Json) -> Wrong {
    (FlawSort::WrongType, format!("the target takes {wanted} and the mapping gives {found}: convert it in the mapping"))
}

fn wrong_list(list: &[Json], rule: &AttributeSchema) -> Option<Wrong> {
    if let Some(max) = rule.max_values.filter(|max| list.len() > *max) {
        let count = list.len();
        let detail = format!("it has {count} values; the target allows {max}: choose among them in the mapping");
        return Some((FlawSort::TooMany, detail));
    }
    list.iter().find_map(|value| match value.as_str() {
        Some(text) => wrong_text(text, rule),
        None => Some(wrong_type("a list of texts", value)),
    })
}

fn wrong_text(text: &str, rule: &AttributeSchema) -> Option<Wrong> {
    let count = text.chars().count();
    if let Some(max) = rule.max_length.filter(|max| count > *max) {
        let detail =
            format!("it has {count} characters; the target allows {max}: shorten it in the source or truncate it in the mapping");
        return Some((FlawSort::TooLong, detail));
    }
    if let Some(bad) = text.chars().find(|c| rule.forbidden.contains(*c)) {
        let detail = format!("{text:?} contains {bad:?}, which the target does not allow: replace it in the mapping");
        return Some((FlawSort::Forbidden, detail));
    }
    let bad = text.chars().find(|c| rule.ascii && !c.is_ascii())?;
    let detail = format!("{text:?} contains {bad:?}; the target allows ASCII alone: fold it in the mapping");
    Some((FlawSort::Forbidden, detail))
}

fn wrong_login(login: &str, policy: &Policy) -> Option<Wrong> {
    let malformed = |why: &str| Some((FlawSort::Login, format!("{login:?} {why}: correct it in the source or in the mapping")));
    let Some((local, domain)) = login.split_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty()) else {
        return malformed("is not of the form local@domain");
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "'.-_!#^~".contains(c);
    if let Some(bad) = local.chars().find(|c| !allowed(*c)) {
        return malformed(&format!("contains {bad:?} before the @, which the target does not allow"));
    }
    if local.starts_with('.') || local.ends_with('.') {
        return malformed("begins or ends with a dot before the @");
    }
    if domain.contains('@') {
        return malformed("has more than one @");
    }
    let measured = [(login, LOGIN.0, "in all"), (local, LOGIN.1, "before the @"), (domain, LOGIN.2, "after the @")];
    for (part, max, place) in measured {
        let count = part.chars().count();
        if count > max {
            return malformed(&format!("has {count} characters {place}; the target allows {max}"));
        }
    }
    unverified(domain, policy).map(|detail| (FlawSort::Domain, detail))
}

fn unverified(domain: &str, policy: &Policy) -> Option<String> {
    let verified = &policy.verified_domains;
    if verified.is_empty() || verified.contains(&fold(domain)) {
        return None;
    }
    Some(format!(
        "the domain `{domain}` is not verified in the target, which has {}: verify it there or map the login to one of these",
        verified.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    ))
}
