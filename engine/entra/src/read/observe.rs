//! From Graph's JSON to what was seen.

use std::collections::BTreeSet;

use entrain_model::{Attributes, Condition, Kind, Observed, ObservedReference, Protection, Relation, TargetId};
use serde_json::Value as Json;

/// Properties that are not tracked and cannot be selected where changes are tracked (they live outside the directory), or
/// that are never read back.
const OUTSIDE: &[&str] = &[
    "aboutMe",
    "allowExternalSenders",
    "autoSubscribeNewMembers",
    "birthday",
    "hideFromAddressLists",
    "hideFromOutlookClients",
    "interests",
    "isSubscribedByMail",
    "mailboxSettings",
    "mySite",
    "passwordProfile",
    "pastProjects",
    "photo",
    "responsibilities",
    "schools",
    "signInActivity",
    "skills",
    "unseenCount",
];

/// Properties that every record has: where all of them came, the payload is a whole one, and what is missing has no value.
fn witnesses(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User => &["displayName", "userPrincipalName", "accountEnabled"],
        Kind::Group => &["displayName", "mailEnabled", "securityEnabled"],
    }
}

/// What the adapter itself must know of a record.
fn needed(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User => &["id", "isManagementRestricted", "onPremisesSyncEnabled", "userType"],
        Kind::Group => &["id", "onPremisesSyncEnabled", "groupTypes", "isAssignableToRole", "isManagementRestricted"],
    }
}

/// Which properties are asked for, and how an answer is read.
pub(super) struct View {
    kind: Kind,
    /// Properties of Graph, whole.
    properties: BTreeSet<String>,
    /// Parts of properties that count as attributes of their own: dotted paths.
    parts: BTreeSet<String>,
}

impl View {
    pub(super) fn new(kind: Kind, attributes: &BTreeSet<String>, anchor: &str) -> Self {
        let asked: Vec<&str> = attributes.iter().map(String::as_str).chain([anchor]).collect();
        let parts = asked.iter().filter(|name| name.contains('.')).map(|name| (*name).to_owned()).collect();
        let roots = asked.iter().filter_map(|name| name.split('.').next());
        let properties = roots
            .chain(needed(kind).iter().copied())
            .chain(witnesses(kind).iter().copied())
            .filter(|name| !OUTSIDE.contains(name))
            .map(str::to_owned)
            .collect();
        Self { kind, properties, parts }
    }

    /// The list for `$select`.
    pub(super) fn select(&self) -> String {
        self.properties.iter().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    /// The same with the references, for reads that bring them.
    pub(super) fn select_with_references(&self) -> String {
        let references = match self.kind {
            Kind::User => "manager",
            Kind::Group => "members,owners",
        };
        format!("{},{references}", self.select())
    }

    /// Reads one item of a page; none without an id.
    pub(super) fn observe(&self, item: &Json) -> Option<Observed> {
        let id = TargetId::from(item["id"].as_str()?);
        let condition = match item["@removed"]["reason"].as_str() {
            Some("deleted") => Condition::Gone,
            Some(_) => Condition::Deleted,
            None if item.get("@removed").is_some() => Condition::Deleted,
            None => Condition::Live,
        };
        Some(Observed {
            kind: self.kind,
            id,
            condition,
            attributes: if condition == Condition::Live { self.attributes(item) } else { Attributes::new() },
            references: references(self.kind, item),
            mastered_elsewhere: item.get("onPremisesSyncEnabled").map(|enabled| enabled.as_bool() == Some(true)),
            unwritable: unwritable(self.kind, item),
            protection: protection(item),
        })
    }

    /// Reads a record of the recycle bin: as a live one, but for its state.
    pub(super) fn observe_deleted(&self, item: &Json) -> Option<Observed> {
        Some(Observed { condition: Condition::Deleted, ..self.observe(item)? })
    }

    fn attributes(&self, item: &Json) -> Attributes {
        let mut attributes: Attributes = self
            .properties
            .iter()
            .filter(|name| *name != "id")
            .filter_map(|name| Some((name.clone(), item.get(name)?.clone())))
            .collect();
        if witnesses(self.kind).iter().all(|name| item.get(*name).is_some()) {
            for name in self.properties.iter().filter(|name| *name != "id") {
                attributes.entry(name.clone()).or_insert(Json::Null);
            }
        }
        let parts: Vec<_> = self.parts.iter().filter_map(|path| Some((path.clone(), part(&attributes, path)?))).collect();
        attributes.extend(parts);
        attributes
    }
}

/// The value at a dotted path, where its root was seen: `null` if it is not there.
fn part(attributes: &Attributes, path: &str) -> Option<Json> {
    let (root, rest) = path.split_once('.')?;
    let mut value = attributes.get(root)?;
    for name in rest.split('.') {
        value = value.get(name).unwrap_or(&Json::Null);
    }
    Some(value.clone())
}

fn references(kind: Kind, item: &Json) -> Vec<ObservedReference> {
    let names: &[(&str, Relation)] = match kind {
        Kind::User => &[("manager", Relation::Manager)],
        Kind::Group => &[("members", Relation::Member), ("owners", Relation::Owner)],
    };
    names
        .iter()
        .flat_map(|(name, relation)| [(item.get(format!("{name}@delta")), *relation), (item.get(*name), *relation)])
        .flat_map(|(value, relation)| match value {
            Some(Json::Array(others)) => others.iter().filter_map(|other| reference(relation, other)).collect(),
            Some(other) => reference(relation, other).into_iter().collect::<Vec<_>>(),
            None => Vec::new(),
        })
        .collect()
}

fn reference(relation: Relation, other: &Json) -> Option<ObservedReference> {
    Some(ObservedReference {
        relation,
        to: other["id"].as_str()?.into(),
        to_kind: kind_of(other).or((relation == Relation::Manager).then_some(Kind::User)),
        present: other.get("@removed").is_none(),
    })
}

/// The kind of an item of mixed lists.
pub(super) fn kind_of(item: &Json) -> Option<Kind> {
    match item["@odata.type"].as_str()? {
        "#microsoft.graph.user" => Some(Kind::User),
        "#microsoft.graph.group" => Some(Kind::Group),
        _ => None,
    }
}

/// Why a record is protected, as far as it shows it itself. The sign-in name of a guest contains `#EXT#`, also where somebody made a
/// member of them since. Whoever is in a restricted management administrative unit is there to be kept from applications like us.
fn protection(item: &Json) -> BTreeSet<Protection> {
    let guest = item["userType"].as_str().is_some_and(|sort| sort.eq_ignore_ascii_case("guest"));
    let external = item["userPrincipalName"].as_str().is_some_and(|name| name.to_ascii_uppercase().contains("#EXT#"));
    let role_group = item["isAssignableToRole"].as_bool() == Some(true);
    let restricted = item["isManagementRestricted"].as_bool() == Some(true);
    let reasons =
        [(guest || external, Protection::Guest), (role_group, Protection::RoleGroup), (restricted, Protection::Restricted)];
    reasons.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
}

/// Why nobody can write a group through Graph, if so (group types, Graph documentation).
fn unwritable(kind: Kind, item: &Json) -> Option<String> {
    let has = |word: &str| item["groupTypes"].as_array().is_some_and(|types| types.iter().any(|one| one.as_str() == Some(word)));
    if kind == Kind::Group && has("DynamicMembership") {
        return Some("dynamic membership: its members follow a rule of the tenant".to_owned());
    }
    if kind == Kind::Group && item["mailEnabled"].as_bool() == Some(true) && !has("Unified") {
        return Some("a mail-enabled security group or distribution list: it is kept in Exchange".to_owned());
    }
    None
}
