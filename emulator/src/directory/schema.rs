//! The resources of the directory and their properties, keyed by interned name.

use super::application_properties::{APPLICATION, SERVICE_PRINCIPAL};
use super::bystander_properties::{CONTACT, DEVICE};
use super::extension::Extension;
use super::group_properties::GROUP;
use super::names::{Name, Names};
use super::object::Kind;
use super::property::{Property, Shown};
use super::user_properties::USER;

/// The properties of each kind, plus the directory extensions that the tenant has registered.
#[derive(Debug)]
pub(crate) struct Schema {
    names: Names,
    resources: [Resource; Kind::ALL.len()],
}

#[derive(Debug, Default)]
struct Resource {
    by_name: Vec<(Name, Property)>,
    shown: Vec<Name>,
}

impl Resource {
    fn add(&mut self, name: Name, property: Property) {
        if property.shown == Shown::ByDefault {
            self.shown.push(name);
        }
        let at = self.by_name.partition_point(|(known, _)| *known < name);
        self.by_name.insert(at, (name, property));
    }
}

fn properties(kind: Kind) -> &'static [Property] {
    match kind {
        Kind::User => USER,
        Kind::Group => GROUP,
        Kind::Application => APPLICATION,
        Kind::ServicePrincipal => SERVICE_PRINCIPAL,
        Kind::Device => DEVICE,
        Kind::Contact => CONTACT,
    }
}

impl Schema {
    /// The schema without any directory extension.
    pub(crate) fn new() -> Schema {
        let mut names = Names::default();
        let resources = Kind::ALL.map(|kind| {
            let mut resource = Resource::default();
            for property in properties(kind) {
                resource.add(names.intern(property.name), *property);
            }
            resource
        });
        Schema { names, resources }
    }

    /// Registers directory extensions in place of the present ones.
    pub(crate) fn register(&mut self, extensions: &[Extension]) {
        let Schema { names, resources } = self;
        for resource in &mut *resources {
            resource.by_name.retain(|(name, _)| !names.spell(*name).starts_with("extension_"));
        }
        for Extension { name, property, kinds } in extensions {
            let name = names.intern(name);
            for kind in kinds {
                resources[*kind as usize].add(name, *property);
            }
        }
    }

    fn resource(&self, kind: Kind) -> &Resource {
        &self.resources[kind as usize]
    }

    /// The property of that name, spelled exactly so.
    pub(crate) fn exact(&self, kind: Kind, text: &str) -> Option<(Name, &Property)> {
        self.find(kind, text).filter(|(name, _)| self.spell(*name) == text)
    }

    /// The property of that name in any case.
    pub(crate) fn find(&self, kind: Kind, text: &str) -> Option<(Name, &Property)> {
        let name = self.names.find(text)?;
        self.property(kind, name).map(|property| (name, property))
    }

    /// The property with this number.
    pub(crate) fn property(&self, kind: Kind, name: Name) -> Option<&Property> {
        let entries = &self.resource(kind).by_name;
        let at = entries.binary_search_by_key(&name, |(known, _)| *known).ok()?;
        entries.get(at).map(|(_, property)| property)
    }

    /// The properties returned when nothing is selected, in the service's order.
    pub(crate) fn shown(&self, kind: Kind) -> &[Name] {
        &self.resource(kind).shown
    }

    /// How a name is spelled.
    pub(crate) fn spell(&self, name: Name) -> &str {
        self.names.spell(name)
    }

    /// The property of that name of any of these kinds, in any case.
    pub(crate) fn find_in(&self, kinds: &[Kind], text: &str) -> Option<(Name, &Property)> {
        kinds.iter().find_map(|kind| self.find(*kind, text))
    }
}
