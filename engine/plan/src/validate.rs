//! What the target would refuse is found before the call, with the limit named.

use entrain_model::{AttributeSchema, DesiredRecord, Hold, Kind, Policy, Schema, Setting, Shape, Writable, fold};
use serde_json::Value as Json;

use crate::compare::{instant, is_unset};
use crate::leaves::{Leaf, leaves};

/// The most characters of a login: in all, before the `@`, after it (Graph, create user: `userPrincipalName`).
const LOGIN: (usize, usize, usize) = (113, 64, 48);

/// The first value that the target would refuse, by attribute name; `None` if all are acceptable.
///
/// Checks type, length in characters, number of values, characters, the form of logins and their domain.
pub fn validate(kind: Kind, record: &DesiredRecord, schema: &Schema, policy: &Policy) -> Option<Hold> {
    let schema = schema.of(kind);
    let wrong_whole = record.settings.iter().find_map(|(name, setting)| {
        let rule = schema.attributes.get(name.as_str())?;
        wrong_setting(rule, setting).map(|detail| rejected(name, detail))
    });
    wrong_whole.or_else(|| {
        leaves(record, schema).iter().filter(|leaf| !is_unset(leaf.to)).find_map(|leaf| {
            let rule = leaf.rule?;
            wrong_value(leaf, rule, policy).map(|detail| rejected(&leaf.name, detail))
        })
    })
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

fn wrong_setting(rule: &AttributeSchema, setting: &Setting) -> Option<String> {
    if rule.writable == Writable::Never {
        return Some("the target lets nobody write it: remove it from the mapping".to_owned());
    }
    let (Shape::Parts(parts), Setting::Set(value) | Setting::CreateOnly(value)) = (rule.shape, setting) else { return None };
    let Some(members) = value.as_object() else { return (!is_unset(value)).then(|| type_message("an object", value)) };
    let stranger = members.keys().find(|name| !parts.contains(&name.as_str()))?;
    Some(format!("it has no part `{stranger}`: correct the name in the mapping"))
}

fn wrong_value(leaf: &Leaf<'_>, rule: &AttributeSchema, policy: &Policy) -> Option<String> {
    match (leaf.shape, leaf.to) {
        (Shape::Text, Json::String(text)) => wrong_text(text, rule),
        (Shape::Login, Json::String(text)) => wrong_text(text, rule).or_else(|| wrong_login(text, policy)),
        (Shape::Texts, Json::Array(list)) => wrong_list(list, rule),
        (Shape::Boolean, Json::Bool(_)) | (Shape::Parts(_) | Shape::Whole, _) => None,
        (Shape::DateTime, value) => {
            instant(value).is_none().then(|| format!("{value} is no date or time: give it as 2024-05-31 or 2024-05-31T00:00:00Z"))
        }
        (Shape::Text | Shape::Login, other) => Some(type_message("a text", other)),
        (Shape::Texts, other) => Some(type_message("a list of texts", other)),
        (Shape::Boolean, other) => Some(type_message("`true` or `false`", other)),
    }
}

fn type_message(wanted: &str, found: &Json) -> String {
    format!("the target takes {wanted} and the mapping gives {found}: convert it in the mapping")
}

fn wrong_list(list: &[Json], rule: &AttributeSchema) -> Option<String> {
    if let Some(max) = rule.max_values.filter(|max| list.len() > *max) {
        let count = list.len();
        return Some(format!("it has {count} values; the target allows {max}: choose among them in the mapping"));
    }
    list.iter().find_map(|value| match value.as_str() {
        Some(text) => wrong_text(text, rule),
        None => Some(type_message("a list of texts", value)),
    })
}

fn wrong_text(text: &str, rule: &AttributeSchema) -> Option<String> {
    let count = text.chars().count();
    if let Some(max) = rule.max_length.filter(|max| count > *max) {
        return Some(format!(
            "it has {count} characters; the target allows {max}: shorten it in the source or truncate it in the mapping"
        ));
    }
    if let Some(bad) = text.chars().find(|c| rule.forbidden.contains(*c)) {
        return Some(format!("{text:?} contains {bad:?}, which the target does not allow: replace it in the mapping"));
    }
    let bad = text.chars().find(|c| rule.ascii && !c.is_ascii())?;
    Some(format!("{text:?} contains {bad:?}; the target allows ASCII alone: fold it in the mapping"))
}

fn wrong_login(login: &str, policy: &Policy) -> Option<String> {
    let malformed = |why: &str| Some(format!("{login:?} {why}: correct it in the source or in the mapping"));
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
    unverified(domain, policy)
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
