//! What the directory refuses.

use entrain_model::{
    Attributes, Condition, DirectoryError, Fault, Kind, NewRecord, Schema, Shape, TargetId, Writable, Write, fold,
};
use entrain_plan::flat;
use serde_json::Value as Json;

use super::state::State;
use super::tables::{Key, Reference, Tables, owner_kind};

/// An attribute, dotted for a part; `null` if it has no value.
pub(super) fn read<'a>(attributes: &'a Attributes, name: &str) -> &'a Json {
    let (parent, part) = name.split_once('.').map_or((name, None), |(parent, part)| (parent, Some(part)));
    let value = attributes.get(parent).unwrap_or(&Json::Null);
    part.map_or(value, |part| value.get(part).unwrap_or(&Json::Null))
}

/// The replica that the write reached shows all that the write names.
pub(super) fn visible(seen: &Tables, write: &Write) -> Result<(), DirectoryError> {
    let live = |kind: Kind, id: &TargetId| if seen.is_live(&(kind, id.clone())) { Ok(()) } else { Err(not_found(id)) };
    match write {
        Write::Create(_) | Write::FirstMember { .. } => Ok(()),
        Write::Restore { kind, id, .. } => {
            let record = seen.records.get(&(*kind, id.clone()));
            if record.is_some_and(|record| record.condition == Condition::Deleted) { Ok(()) } else { Err(not_found(id)) }
        }
        Write::Update { kind, id, .. } | Write::Delete { kind, id } => live(*kind, id),
        Write::Disable { id, .. } | Write::RevokeSessions { id } | Write::Issue { id, .. } => live(Kind::User, id),
        Write::AddReference { relation, from, to_kind, to } => {
            live(owner_kind(*relation), from)?;
            live(*to_kind, to)
        }
        Write::RemoveReference { relation, from, .. } => live(owner_kind(*relation), from),
    }
}

/// The record is there, and may be written.
pub(super) fn writable(state: &State, key: &Key) -> Result<(), DirectoryError> {
    let record = state.tables.records.get(key).filter(|record| record.condition == Condition::Live);
    let Some(record) = record else { return Err(not_found(&key.1)) };
    if (record.marks.privileged || record.marks.administrator) && !state.writes_privileged {
        let message = format!("record {} holds privileged roles; this application may not write it", key.1);
        return Err(DirectoryError::new(Fault::Forbidden, message));
    }
    if record.marks.mastered_elsewhere || record.marks.unwritable.is_some() {
        return Err(rejected("read_only", None, format!("record {} cannot be written here", key.1)));
    }
    Ok(())
}

/// A new record has all that it needs.
pub(super) fn complete(record: &NewRecord, schema: &Schema) -> Result<(), DirectoryError> {
    let lacks = |name: &&&str| read(&record.attributes, name).is_null();
    match schema.of(record.kind).required.iter().find(lacks) {
        Some(name) => Err(rejected("required", Some(name), format!("a new {} needs `{name}`", record.kind))),
        None => Ok(()),
    }
}

/// Each value may be had by this record.
pub(super) fn acceptable(
    state: &State,
    kind: Kind,
    id: Option<&TargetId>,
    attributes: &Attributes,
    schema: &Schema,
) -> Result<(), DirectoryError> {
    let rules = schema.of(kind);
    for (name, value) in flat(attributes, rules) {
        let Some(rule) = rules.attributes.get(name.as_str()) else { continue };
        if rule.writable == Writable::Never {
            return Err(rejected("read_only", Some(&name), format!("`{name}` cannot be written")));
        }
        if value.is_null() && !rule.clearable && id.is_some() {
            return Err(rejected("not_clearable", Some(&name), format!("`{name}` cannot be cleared")));
        }
        let Some(text) = value.as_str() else { continue };
        if rule.max_length.is_some_and(|max| text.chars().count() > max) {
            return Err(rejected("too_long", Some(&name), format!("`{name}` is too long")));
        }
        if rule.shape == Shape::Login && !verified(state, text) {
            return Err(rejected("domain", Some(&name), format!("the domain of \"{text}\" is not verified")));
        }
        if rule.unique && taken(state, kind, id, &name, text) {
            let fault = Fault::AlreadyExists { attribute: Some(name.clone()) };
            return Err(DirectoryError::new(fault, format!("another record has \"{text}\" as `{name}`")));
        }
    }
    Ok(())
}

/// Both ends are there, and the one may refer to the other.
pub(super) fn joinable(state: &State, reference: &Reference) -> Result<(), DirectoryError> {
    writable(state, &reference.owner())?;
    if !state.tables.is_live(&reference.to) {
        return Err(not_found(&reference.to.1));
    }
    if reference.owner() == reference.to {
        return Err(rejected("itself", None, format!("record {} cannot refer to itself", reference.from)));
    }
    Ok(())
}

pub(super) fn not_found(id: &TargetId) -> DirectoryError {
    DirectoryError::new(Fault::NotFound { id: Some(id.clone()) }, format!("there is no record {id}"))
}

fn rejected(code: &str, attribute: Option<&str>, message: String) -> DirectoryError {
    let fault = Fault::Rejected { code: code.to_owned(), attribute: attribute.map(str::to_owned) };
    DirectoryError::new(fault, message)
}

fn verified(state: &State, login: &str) -> bool {
    let domain = login.rsplit_once('@').map_or("", |(_, domain)| domain);
    state.domains.iter().any(|name| fold(name) == fold(domain))
}

fn taken(state: &State, kind: Kind, id: Option<&TargetId>, name: &str, text: &str) -> bool {
    state.tables.records.iter().any(|(key, record)| {
        key.0 == kind
            && Some(&key.1) != id
            && record.condition == Condition::Live
            && read(&record.attributes, name).as_str().is_some_and(|other| fold(other) == fold(text))
    })
}
