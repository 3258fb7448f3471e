//! One object of the directory, of any kind.

use super::names::Name;
use super::value::Value;
use uuid::Uuid;

/// A dense number for an object, never reused. Order is the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row(pub(crate) u32);

impl Row {
    /// The position in the table of objects.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The kinds of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A user.
    User,
    /// A group.
    Group,
    /// The registration of an application.
    Application,
    /// An application as a principal of the tenant.
    ServicePrincipal,
    /// A machine that is registered or joined.
    Device,
    /// Somebody outside with an address (`orgContact`).
    Contact,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Kind; 6] =
        [Kind::User, Kind::Group, Kind::Application, Kind::ServicePrincipal, Kind::Device, Kind::Contact];

    /// The collection's path segment: `users`, `groups`.
    pub(crate) fn collection(self) -> &'static str {
        match self {
            Kind::User => "users",
            Kind::Group => "groups",
            Kind::Application => "applications",
            Kind::ServicePrincipal => "servicePrincipals",
            Kind::Device => "devices",
            Kind::Contact => "contacts",
        }
    }

    /// The kind whose type a path segment casts to, such as `microsoft.graph.user`; case does not count.
    pub(crate) fn of_cast(segment: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.odata_type().trim_start_matches('#').eq_ignore_ascii_case(segment))
    }

    /// The kind of a collection's path segment; case does not count.
    pub(crate) fn of_collection(segment: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.collection().eq_ignore_ascii_case(segment))
    }

    /// The resource's name in messages: `User`, `Group`.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Kind::User => "User",
            Kind::Group => "Group",
            Kind::Application => "Application",
            Kind::ServicePrincipal => "ServicePrincipal",
            Kind::Device => "Device",
            Kind::Contact => "OrgContact",
        }
    }

    /// The type annotation: `#microsoft.graph.user`.
    pub(crate) fn odata_type(self) -> &'static str {
        match self {
            Kind::User => "#microsoft.graph.user",
            Kind::Group => "#microsoft.graph.group",
            Kind::Application => "#microsoft.graph.application",
            Kind::ServicePrincipal => "#microsoft.graph.servicePrincipal",
            Kind::Device => "#microsoft.graph.device",
            Kind::Contact => "#microsoft.graph.orgContact",
        }
    }
}

/// Where an object is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// In the directory.
    Live,
    /// In the recycle bin since this moment (unix milliseconds).
    Recycled(i64),
    /// Gone for good; its number and id stay known to the delta.
    Purged,
}

/// An object: identity, life and properties.
#[derive(Debug)]
pub(crate) struct Object {
    /// The object id.
    pub(crate) id: Uuid,
    /// What it is.
    pub(crate) kind: Kind,
    /// Live, in the recycle bin, or gone.
    pub(crate) life: Life,
    properties: Box<[(Name, Value)]>,
}

impl Object {
    /// A live object without properties.
    pub(crate) fn new(id: Uuid, kind: Kind) -> Object {
        Object { id, kind, life: Life::Live, properties: Box::default() }
    }

    /// An object as it was.
    pub(crate) fn restored(id: Uuid, kind: Kind, life: Life, mut properties: Vec<(Name, Value)>) -> Object {
        properties.sort_unstable_by_key(|(name, _)| *name);
        Object { id, kind, life, properties: properties.into_boxed_slice() }
    }

    /// The value of a property; `None` if it was never set.
    pub(crate) fn value(&self, name: Name) -> Option<&Value> {
        let at = self.properties.binary_search_by_key(&name, |(known, _)| *known).ok()?;
        self.properties.get(at).map(|(_, value)| value)
    }

    /// The text of a property, if it has one.
    pub(crate) fn text(&self, name: Name) -> Option<&str> {
        self.value(name).and_then(Value::as_text)
    }

    /// The items of a collection property; empty if unset.
    pub(crate) fn items(&self, name: Name) -> &[Box<str>] {
        self.value(name).map_or(&[], Value::items)
    }

    /// Whether a flag is set and true.
    pub(crate) fn is_true(&self, name: Name) -> bool {
        self.value(name).is_some_and(Value::is_true)
    }

    /// Every property that was ever set, by name.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (Name, &Value)> {
        self.properties.iter().map(|(name, value)| (*name, value))
    }

    /// Sets properties; returns the names whose value changed.
    pub(crate) fn set(&mut self, edits: impl IntoIterator<Item = (Name, Value)>) -> Vec<Name> {
        let mut properties = std::mem::take(&mut self.properties).into_vec();
        let mut changed = Vec::new();
        for (name, value) in edits {
            match properties.binary_search_by_key(&name, |(known, _)| *known) {
                Ok(at) if properties[at].1 == value => continue,
                Ok(at) => properties[at].1 = value,
                // Clearing what was never set leaves it unset.
                Err(_) if value == Value::Null => continue,
                Err(at) => properties.insert(at, (name, value)),
            }
            changed.push(name);
        }
        self.properties = properties.into_boxed_slice();
        changed
    }

    /// Ends the object's life: only id and kind stay.
    pub(crate) fn purge(&mut self) {
        self.life = Life::Purged;
        self.properties = Box::default();
    }

    /// Whether the object is in the directory.
    pub(crate) fn is_live(&self) -> bool {
        self.life == Life::Live
    }

    /// A Microsoft 365 group.
    pub(crate) fn is_unified(&self) -> bool {
        self.has_group_type("Unified")
    }

    /// A group whose members come from a rule.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.has_group_type("DynamicMembership")
    }

    fn has_group_type(&self, wanted: &str) -> bool {
        self.items(Name::GROUP_TYPES).iter().any(|kind| kind.eq_ignore_ascii_case(wanted))
    }
}
