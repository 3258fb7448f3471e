//! What operations do to a resource.

use serde_json::Value as Json;

use super::aim::{Aim, Elements};
use super::lists::{
    is_same, joined, keep_one_primary, listed, merged, nothing, put_list, removable, remove_part, retain, selected,
};
use super::{Operation, Patch, Verb};
use crate::check::attributes;
use crate::place::child;
use crate::put::immutable;
use crate::schema::{Attribute, Mutability, Sort};
use crate::value::{checked, single, sort_of};
use crate::{ErrorKind, Map, Named, Place, Profile, Result, ScimError, Shape};

impl Patch {
    /// Makes the operations, one after the other. After a failure the resource is to be thrown away.
    ///
    /// # Errors
    /// A path that is not understood, selects nothing or may not be written; a value that does not fit.
    pub fn apply(&self, shape: &Shape<'_>, resource: &mut Map, profile: Profile) -> Result<()> {
        let work = Work { shape, profile };
        for operation in &self.operations {
            work.make(resource, operation)?;
        }
        *resource = attributes(shape, std::mem::take(resource), profile)?;
        Ok(())
    }
}

struct Work<'w, 'a> {
    shape: &'w Shape<'a>,
    profile: Profile,
}

impl<'a> Work<'_, 'a> {
    fn make(&self, resource: &mut Map, operation: &Operation) -> Result<()> {
        let Some(path) = &operation.path else {
            return match (operation.verb, &operation.value) {
                (Verb::Add | Verb::Replace, Some(Json::Object(values))) => self.whole(resource, operation.verb, values),
                (Verb::Remove, _) => Err(ScimError::bad(ErrorKind::NoTarget, "`remove` needs a `path`")),
                (Verb::Add | Verb::Replace, _) => Err(ScimError::value("without a `path`, `value` is an object of attributes")),
            };
        };
        let aim = Aim::parse(path, self.shape, self.profile)?;
        aim.writable()?;
        match operation.verb {
            Verb::Remove => self.remove(resource, &aim, operation.value.as_ref()),
            Verb::Add | Verb::Replace => {
                let value = operation.value.clone().unwrap_or(Json::Null);
                self.write(resource, &aim, operation.verb, value)
            }
        }
    }

    /// An operation without a path: each key is an attribute, the URN of an extension, or for some clients a path.
    fn whole(&self, resource: &mut Map, verb: Verb, values: &Map) -> Result<()> {
        for (key, value) in values {
            let aim = match self.shape.named(key) {
                Ok(Named::Attribute(place)) if place.sub.is_none() => Aim::Attribute(place),
                Ok(Named::Extension(urn)) => Aim::Extension(urn),
                _ if self.profile.reads_paths_as_keys() => Aim::parse(key, self.shape, self.profile)?,
                // Like a resource that is posted: what no schema knows is left out.
                _ => continue,
            };
            let about_itself = key.eq_ignore_ascii_case("schemas") || key.eq_ignore_ascii_case("meta");
            match aim.writable() {
                Ok(()) => self.write(resource, &aim, verb, value.clone())?,
                Err(_) if about_itself || self.profile.ignores_read_only() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write(&self, resource: &mut Map, aim: &Aim<'a>, verb: Verb, value: Json) -> Result<()> {
        match aim {
            Aim::Extension(urn) => {
                let Json::Object(values) = value else {
                    return Err(ScimError::value(format!("`{urn}` is {}; write an object", sort_of(&value))));
                };
                let Some(schema) = self.shape.extension(urn) else { return Ok(()) };
                for (name, value) in values {
                    let Some(attribute) = crate::schema::find(&schema.attributes, &name) else { continue };
                    if attribute.mutability != Mutability::ReadOnly {
                        let place = Place { extension: Some(&schema.id), attribute, sub: None };
                        self.set(place.home(resource), place.attribute, verb, value)?;
                    }
                }
                Ok(())
            }
            Aim::Attribute(place) => match place.sub {
                None => self.set(place.home(resource), place.attribute, verb, value),
                Some(sub) => self.set_part(place.home(resource), place.attribute, sub, verb, value),
            },
            Aim::Elements(elements) => self.set_elements(resource, elements, verb, value),
        }
    }

    /// Sets an attribute of an object, be it the resource, an extension or a complex value.
    fn set(&self, home: &mut Map, attribute: &Attribute, verb: Verb, value: Json) -> Result<()> {
        let value = self.unwrapped(attribute, value);
        let old = home.get(&attribute.name);
        let Some(new) = checked(attribute, value, self.profile)? else {
            if verb == Verb::Replace {
                home.remove(&attribute.name);
            }
            return Ok(());
        };
        let new = match (old, new) {
            (Some(Json::Array(old)), Json::Array(new)) if verb == Verb::Add => Json::Array(joined(old, new)),
            (Some(Json::Object(old)), Json::Object(new)) => Json::Object(merged(old, new)),
            (_, new) => new,
        };
        if attribute.mutability == Mutability::Immutable && old.is_some_and(|old| *old != new) {
            return Err(immutable(&attribute.name));
        }
        home.insert(attribute.name.clone(), new);
        Ok(())
    }

    /// Sets a part of a complex attribute; of a list, in every element.
    fn set_part(&self, home: &mut Map, attribute: &Attribute, sub: &Attribute, verb: Verb, value: Json) -> Result<()> {
        if !attribute.multi_valued {
            let object = child(home, &attribute.name);
            self.set(object, sub, verb, value)?;
            if object.is_empty() {
                home.remove(&attribute.name);
            }
            return Ok(());
        }
        let Some(Json::Array(list)) = home.get_mut(&attribute.name) else { return Err(nothing(&attribute.name)) };
        for element in list.iter_mut().filter_map(Json::as_object_mut) {
            self.set(element, sub, verb, value.clone())?;
        }
        Ok(())
    }

    fn set_elements(&self, resource: &mut Map, elements: &Elements<'a>, verb: Verb, value: Json) -> Result<()> {
        let attribute = elements.place.attribute;
        let home = elements.place.home(resource);
        let mut list = match home.remove(&attribute.name) {
            Some(Json::Array(list)) => list,
            Some(_) | None => Vec::new(),
        };
        let mut selected = selected(&list, elements);
        let mut value = value;
        if selected.is_empty() {
            let made = if verb == Verb::Add || self.profile.makes_missing_elements() { elements.equal.clone() } else { None };
            list.push(Json::Object(made.ok_or_else(|| nothing(&attribute.name))?));
            selected.push(list.len() - 1);
            if let Json::Array(given) = &mut value
                && given.len() == 1
                && elements.sub.is_none()
            {
                value = given.remove(0);
            }
        }
        for index in &selected {
            let Some(Json::Object(element)) = list.get_mut(*index) else { continue };
            match elements.sub {
                Some(sub) => self.set(element, sub, verb, value.clone())?,
                None => match single(attribute, value.clone(), self.profile)? {
                    Some(Json::Object(new)) if verb == Verb::Add => *element = merged(element, new),
                    Some(Json::Object(mut new)) => {
                        // What the filter asks for stays true unless the value says otherwise.
                        for (key, equal) in elements.equal.clone().unwrap_or_default() {
                            new.entry(key).or_insert(equal);
                        }
                        *element = new;
                    }
                    Some(_) | None => element.clear(),
                },
            }
        }
        keep_one_primary(&mut list, &selected);
        put_list(home, attribute, list);
        Ok(())
    }

    fn remove(&self, resource: &mut Map, aim: &Aim<'a>, value: Option<&Json>) -> Result<()> {
        match aim {
            Aim::Extension(urn) => {
                let required = self.shape.extensions.iter().any(|(schema, required)| *required && schema.id == *urn);
                if required {
                    return Err(ScimError::bad(ErrorKind::Mutability, format!("`{urn}` is required and cannot be removed")));
                }
                resource.remove(*urn);
            }
            Aim::Attribute(place) => match place.sub {
                None => self.remove_attribute(place.home(resource), place.attribute, value)?,
                Some(sub) => {
                    removable(sub)?;
                    remove_part(place.home(resource), place.attribute, sub, |_| true);
                }
            },
            Aim::Elements(elements) => {
                let (home, attribute) = (elements.place.home(resource), elements.place.attribute);
                match elements.sub {
                    Some(sub) => {
                        removable(sub)?;
                        remove_part(home, attribute, sub, |element| elements.condition.matches(element));
                    }
                    None => {
                        retain(home, attribute, |element| !element.as_object().is_some_and(|e| elements.condition.matches(e)))
                    }
                }
            }
        }
        resource.retain(|key, value| self.shape.extension(key).is_none() || !value.as_object().is_some_and(Map::is_empty));
        Ok(())
    }

    /// Removes an attribute; of a list only what `value` names, if it names something.
    fn remove_attribute(&self, home: &mut Map, attribute: &Attribute, value: Option<&Json>) -> Result<()> {
        removable(attribute)?;
        let named = match value {
            None | Some(Json::Null) => None,
            Some(value) if attribute.multi_valued => checked(attribute, listed(value.clone()), self.profile)?,
            Some(_) => None,
        };
        let Some(Json::Array(named)) = named else {
            home.remove(&attribute.name);
            return Ok(());
        };
        retain(home, attribute, |element| !named.iter().any(|named| is_same(element, named)));
        Ok(())
    }

    /// A lone value for a list becomes a list. Some clients write a lone value as a list of one, or as `{"value": ..}`.
    fn unwrapped(&self, attribute: &Attribute, value: Json) -> Json {
        if attribute.multi_valued {
            return if value.is_null() { value } else { listed(value) };
        }
        if !self.profile.reads_bare_values() {
            return value;
        }
        let mut value = value;
        if let Json::Array(list) = &mut value
            && list.len() == 1
        {
            value = list.remove(0);
        }
        if let Json::Object(object) = &mut value
            && attribute.sort != Sort::Complex
            && let Some(inner) = object.remove("value")
        {
            value = inner;
        }
        // An empty text clears, as `null` does.
        if value.as_str() == Some("") { Json::Null } else { value }
    }
}
