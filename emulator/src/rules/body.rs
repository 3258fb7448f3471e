//! Reading the body of a create or an update.

use super::link::{Reference, reference};
use super::shape::{Written, unknown};
use crate::directory::{Kind, Name, Object, Property, Relation, Value, Write};
use crate::failure::Failure;
use crate::world::World;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

/// What a body asks for, with types and lengths checked.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Properties to set.
    pub(crate) edits: Vec<(Name, Value)>,
    /// References to add.
    pub(crate) binds: Vec<(Relation, Reference)>,
}

impl Draft {
    /// The value that the draft sets.
    pub(crate) fn value(&self, name: Name) -> Option<&Value> {
        self.edits.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The text that the draft sets.
    pub(crate) fn text(&self, name: Name) -> Option<&str> {
        self.value(name).and_then(Value::as_text)
    }

    /// Takes a property out of the draft.
    pub(crate) fn take(&mut self, name: Name) -> Option<Value> {
        let at = self.edits.iter().position(|(known, _)| *known == name)?;
        Some(self.edits.remove(at).1)
    }

    /// Whether the draft makes a group of this type.
    pub(crate) fn is_of_type(&self, wanted: &str) -> bool {
        self.value(Name::GROUP_TYPES).is_some_and(|types| types.items().iter().any(|kind| kind.eq_ignore_ascii_case(wanted)))
    }

    /// Whether the draft sets the property.
    pub(crate) fn sets(&self, name: Name) -> bool {
        self.value(name).is_some()
    }
}

/// The JSON object of a body.
///
/// # Errors
/// 400 when the body is not a JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Json>, Failure> {
    let found = match serde_json::from_slice(body) {
        Ok(Json::Object(map)) => return Ok(map),
        Ok(Json::Array(_)) => "An unexpected 'StartArray'",
        Ok(_) => "An unexpected 'PrimitiveValue'",
        Err(_) if body.is_empty() => "An unexpected 'EndOfInput'",
        Err(_) => "An unexpected 'PrimitiveValue'",
    };
    Err(Failure::bad_request(format!(
        "{found} node was found when reading from the JSON reader. A 'StartObject' node was expected."
    )))
}

/// Reads the body against the schema. `existing` is the object that is updated, `None` for a create.
///
/// # Errors
/// The first property that is unknown, has the wrong type, or may not be written now.
pub(crate) fn read(world: &World, kind: Kind, existing: Option<&Object>, map: &Map<String, Json>) -> Result<Draft, Failure> {
    let mut draft = Draft::default();
    let given: Vec<(&String, &Json)> = map.iter().filter(|(name, _)| !name.starts_with("@odata.")).collect();
    for (name, json) in &given {
        if let Some(property) = name.strip_suffix("@odata.bind") {
            draft.binds.extend(bind(world, kind, property, json)?);
            continue;
        }
        let (number, property) = world.tenant.schema.exact(kind, name).ok_or_else(|| unknown(kind, name))?;
        let before = existing.and_then(|object| object.value(number));
        let written = Written { kind, name, property, switches: &world.switches, before };
        may_write(&written, existing.is_some(), given.len(), json)?;
        draft.edits.push((number, written.value(json)?));
    }
    extensions_fit(world, existing, &draft)?;
    Ok(draft)
}

/// The values of directory extensions that an object may hold, over all applications.
const MOST_EXTENSIONS: usize = 100;

fn extensions_fit(world: &World, existing: Option<&Object>, draft: &Draft) -> Result<(), Failure> {
    let extension = |name: &Name| world.tenant.schema.spell(*name).starts_with("extension_");
    let written = draft.edits.iter().filter(|(name, _)| extension(name));
    let (set, cleared): (Vec<_>, Vec<_>) = written.partition(|(_, value)| *value != Value::Null);
    if set.is_empty() {
        return Ok(());
    }
    let held =
        existing.into_iter().flat_map(Object::properties).filter(|(name, value)| extension(name) && **value != Value::Null);
    let mut names: BTreeSet<Name> = held.map(|(name, _)| name).chain(set.iter().map(|(name, _)| *name)).collect();
    for (name, _) in cleared {
        names.remove(name);
    }
    if names.len() <= MOST_EXTENSIONS {
        return Ok(());
    }
    Err(Failure::bad_request(format!("An object holds at most {MOST_EXTENSIONS} values of directory extensions.")))
}

fn may_write(written: &Written<'_>, update: bool, given: usize, json: &Json) -> Result<(), Failure> {
    let Written { kind, name, property: Property { write, .. }, .. } = *written;
    match write {
        Write::Always | Write::Secret => Ok(()),
        Write::Never => Err(Failure::read_only(name)),
        Write::AtCreation if update && !repeats(written, json) => Err(Failure::read_only(name)),
        Write::AtCreation => Ok(()),
        Write::Alone if update && given == 1 && written.switches.exchange_properties_by_application => Ok(()),
        Write::Alone | Write::Elsewhere if !update || given > 1 => Err(Failure::bad_request(format!(
            "Property '{name}' of resource '{}' must be updated in a request of its own.",
            kind.resource()
        ))),
        // Properties kept outside the directory cannot be written by an application.
        Write::Alone | Write::Elsewhere => Err(Failure::denied()),
    }
}

fn repeats(written: &Written<'_>, json: &Json) -> bool {
    let Ok(value) = written.value(json) else { return false };
    match written.before {
        Some(before) => *before == value,
        None => matches!(&value, Value::Null | Value::Flag(false)) || matches!(&value, Value::Texts(items) if items.is_empty()),
    }
}

fn bind(world: &World, kind: Kind, property: &str, json: &Json) -> Result<Vec<(Relation, Reference)>, Failure> {
    let relation = Relation::named(property).filter(|relation| match relation {
        Relation::Manager => kind == Kind::User && world.switches.manager_bind,
        Relation::Member => kind == Kind::Group,
        Relation::Owner => kind != Kind::User,
    });
    let relation = relation.ok_or_else(|| unknown(kind, &format!("{property}@odata.bind")))?;
    let wrong = || Failure::bad_request(format!("The value of '{property}@odata.bind' is not valid."));
    let urls: Vec<&Json> = match (relation, json) {
        (Relation::Manager, Json::String(_)) => vec![json],
        (Relation::Member | Relation::Owner, Json::Array(items)) => items.iter().collect(),
        _ => return Err(wrong()),
    };
    urls.into_iter().map(|url| Ok((relation, reference(url.as_str().ok_or_else(wrong)?)?))).collect()
}
