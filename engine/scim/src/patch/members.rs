//! What a PATCH does to the members of a group, as single steps: a large group is never read, nor written, as a whole.

use serde_json::Value as Json;

use super::aim::Aim;
use super::{Operation, Patch, Verb};
use crate::value::checked;
use crate::{Condition, Constant, ErrorKind, Named, Operator, Place, Profile, Result, ScimError, Shape};

/// A member, as a client names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberRef {
    /// Its id.
    pub id: String,
    /// Its resource type, if the client says so.
    pub kind: Option<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberStep {
    /// These are members.
    Add(Vec<MemberRef>),
    /// These are not.
    Remove(Vec<String>),
    /// Nobody is.
    RemoveAll,
    /// These are, and nobody else.
    Only(Vec<MemberRef>),
}

impl MemberRef {
    /// The members of a list, as the value of the attribute `members` has them.
    pub fn list(value: Option<&Json>) -> Result<Vec<MemberRef>> {
        let elements = value.and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        elements.iter().map(Self::read).collect()
    }

    fn read(element: &Json) -> Result<Self> {
        let text = |key: &str| element.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
        let reference = text("$ref").map(|uri| uri.trim_end_matches('/').rsplit('/'));
        let of_uri = reference.and_then(|mut parts| Some((parts.next()?.to_owned(), parts.next()?.to_owned())));
        let kind = text("type").map(str::to_owned).or_else(|| match of_uri.as_ref().map(|(_, endpoint)| endpoint.as_str()) {
            Some("Users") => Some("User".to_owned()),
            Some("Groups") => Some("Group".to_owned()),
            Some(_) | None => None,
        });
        let id = text("value").map(str::to_owned).or_else(|| of_uri.map(|(id, _)| id));
        let id = id.ok_or_else(|| ScimError::value("a member has no `value`; write the id of a user or group"))?;
        Ok(Self { id, kind })
    }
}

impl Patch {
    /// Takes the operations on the list `members` out, as steps in their order. The rest of the PATCH does not touch it.
    ///
    /// # Errors
    /// A step that cannot be made without a look at all members.
    pub fn take_members(&mut self, shape: &Shape<'_>, profile: Profile) -> Result<Vec<MemberStep>> {
        let mut steps = Vec::new();
        let mut rest = Vec::with_capacity(self.operations.len());
        for mut operation in std::mem::take(&mut self.operations) {
            let Some(path) = operation.path.clone() else {
                take_from_whole(&mut operation, shape, profile, &mut steps)?;
                if operation.value.as_ref().and_then(Json::as_object).is_none_or(|values| !values.is_empty()) {
                    rest.push(operation);
                }
                continue;
            };
            match Aim::parse(&path, shape, profile)? {
                Aim::Attribute(place) if is_members(&place) => {
                    if place.sub.is_some() {
                        return Err(ScimError::bad(
                            ErrorKind::Mutability,
                            "a member cannot be changed: remove it, and add another",
                        ));
                    }
                    steps.push(step(operation.verb, operation.value, &place, profile)?);
                }
                Aim::Elements(elements) if is_members(&elements.place) => {
                    let ids = ids(&elements.condition).ok_or_else(|| {
                        ScimError::bad(
                            ErrorKind::InvalidPath,
                            format!("`{path}` cannot be followed: write members[value eq \"id\"]"),
                        )
                    })?;
                    if operation.verb == Verb::Add {
                        let add = ids.into_iter().map(|id| MemberRef { id, kind: None }).collect();
                        steps.push(MemberStep::Add(add));
                        continue;
                    }
                    steps.push(MemberStep::Remove(ids));
                    if operation.verb == Verb::Replace {
                        steps.push(step(Verb::Add, operation.value, &elements.place, profile)?);
                    }
                }
                Aim::Attribute(_) | Aim::Elements(_) | Aim::Extension(_) => rest.push(operation),
            }
        }
        self.operations = rest;
        Ok(steps)
    }
}

fn is_members(place: &Place<'_>) -> bool {
    place.extension.is_none() && place.attribute.name == "members"
}

/// The step of `members` in an operation without a path.
fn take_from_whole(operation: &mut Operation, shape: &Shape<'_>, profile: Profile, steps: &mut Vec<MemberStep>) -> Result<()> {
    let Some(Json::Object(values)) = &mut operation.value else { return Ok(()) };
    let of_members = |key: &String| match shape.named(key) {
        Ok(Named::Attribute(place)) => Some(place).filter(|place| is_members(place) && place.sub.is_none()),
        Ok(Named::Extension(_)) | Err(_) => None,
    };
    let found: Vec<(String, Place<'_>)> = values.keys().filter_map(|key| Some((key.clone(), of_members(key)?))).collect();
    for (key, place) in found {
        steps.push(step(operation.verb, values.remove(&key), &place, profile)?);
    }
    Ok(())
}

fn step(verb: Verb, value: Option<Json>, place: &Place<'_>, profile: Profile) -> Result<MemberStep> {
    let list = match value {
        None | Some(Json::Null) => None,
        Some(list @ Json::Array(_)) => Some(list),
        Some(lone) => Some(Json::Array(vec![lone])),
    };
    let named_some = list.is_some();
    let list = match list {
        Some(list) => checked(place.attribute, list, profile)?,
        None => None,
    };
    let members = MemberRef::list(list.as_ref())?;
    Ok(match verb {
        Verb::Add => MemberStep::Add(members),
        Verb::Replace => MemberStep::Only(members),
        // Some clients name whom they mean in `value`; to take that for everybody would empty the group.
        Verb::Remove if named_some => MemberStep::Remove(members.into_iter().map(|member| member.id).collect()),
        Verb::Remove => MemberStep::RemoveAll,
    })
}

/// The ids that a condition names, if it says nothing else.
fn ids(condition: &Condition<'_>) -> Option<Vec<String>> {
    match condition {
        Condition::Compare(place, Operator::Eq, Constant::Text(id)) if place.attribute.name == "value" => Some(vec![id.clone()]),
        Condition::Any(any) => any.iter().map(ids).collect::<Option<Vec<_>>>().map(|ids| ids.concat()),
        Condition::Compare(..) | Condition::Present(_) | Condition::Element(..) | Condition::Not(_) | Condition::All(_) => None,
    }
}
