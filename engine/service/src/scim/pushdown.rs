//! Which part of a filter the database answers from an index.

use entrain_model::SourceId;
use entrain_scim::{Condition, Constant, Operator, Place, ScimError};
use entrain_store::{Compared, SourceTest};

use super::kept::Kept;

/// A filter as the database and we share it.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    /// What every row that is wanted passes.
    pub(super) test: SourceTest,
    /// What is left to judge, if the test is not all of it.
    pub(super) rest: Option<Condition<'a>>,
}

/// Splits a filter.
///
/// # Errors
/// It asks of members or groups what only a look at all of them could tell.
pub(super) fn share(condition: Option<Condition<'_>>, kept: Kept) -> Result<Shared<'_>, ScimError> {
    let Some(condition) = condition else { return Ok(Shared { test: SourceTest::All(Vec::new()), rest: None }) };
    if let Some(test) = as_test(&condition, kept) {
        return Ok(Shared { test, rest: None });
    }
    let (tests, judged) = match condition {
        Condition::All(all) => {
            let (mut tests, mut judged) = (Vec::new(), Vec::new());
            for condition in all {
                match as_test(&condition, kept) {
                    Some(test) => tests.push(test),
                    None => judged.push(condition),
                }
            }
            (tests, Condition::All(judged))
        }
        Condition::Present(_) | Condition::Compare(..) | Condition::Element(..) | Condition::Not(_) | Condition::Any(_) => {
            (Vec::new(), condition)
        }
    };
    // The members of a site's own type, if it has such an attribute, stand in its document.
    if let Some(name) = unread(&judged).filter(|_| kept != Kept::Other) {
        let kind = entrain_scim::ErrorKind::InvalidFilter;
        return Err(ScimError::bad(
            kind,
            format!("`{name}` can only be filtered by its value, with `eq`, beside conditions on indexed attributes"),
        ));
    }
    Ok(Shared { test: SourceTest::All(tests), rest: Some(judged) })
}

fn as_test(condition: &Condition<'_>, kept: Kept) -> Option<SourceTest> {
    match condition {
        Condition::Compare(place, Operator::Ne, constant) => {
            let equal = compared(place, Operator::Eq, constant, kept)?;
            (kept == Kept::Other || place.attribute.name != "members" && place.attribute.name != "groups")
                .then(|| SourceTest::Not(Box::new(equal)))
        }
        Condition::Compare(place, operator, constant) => compared(place, *operator, constant, kept),
        Condition::Element(place, inner) => {
            let Condition::Compare(part, Operator::Eq, Constant::Text(id)) = inner.as_ref() else { return None };
            if part.attribute.name == "value" { belongs(&place.attribute.name, place.extension, id, kept) } else { None }
        }
        Condition::Not(inner) => Some(SourceTest::Not(Box::new(as_test(inner, kept)?))),
        Condition::All(all) => Some(SourceTest::All(all.iter().map(|one| as_test(one, kept)).collect::<Option<_>>()?)),
        Condition::Any(any) => Some(SourceTest::Any(any.iter().map(|one| as_test(one, kept)).collect::<Option<_>>()?)),
        Condition::Present(_) => None,
    }
}

fn compared(place: &Place<'_>, operator: Operator, constant: &Constant, kept: Kept) -> Option<SourceTest> {
    if place.extension.is_some() {
        return None;
    }
    let path = place.path();
    match (path.as_str(), operator, constant) {
        ("id", Operator::Eq, Constant::Text(text)) => Some(SourceTest::Id(text.clone())),
        ("externalId", Operator::Eq, Constant::Text(text)) => Some(SourceTest::ExternalId(text.clone())),
        ("userName" | "displayName" | "active" | "members.value" | "groups.value", ..) if kept == Kept::Other => None,
        ("userName", Operator::Eq, Constant::Text(text)) => Some(SourceTest::Login(text.clone())),
        ("displayName", Operator::Eq, Constant::Text(text)) => Some(SourceTest::Name(text.clone())),
        ("active", Operator::Eq, Constant::Flag(flag)) => Some(SourceTest::Active(*flag)),
        ("members.value", Operator::Eq, Constant::Text(id)) => belongs("members", None, id, kept),
        ("groups.value", Operator::Eq, Constant::Text(id)) => belongs("groups", None, id, kept),
        ("meta.lastModified", operator, Constant::Date(at)) => {
            let compared = match operator {
                Operator::Eq => Compared::Equal,
                Operator::Gt => Compared::After,
                Operator::Ge => Compared::NotBefore,
                Operator::Lt => Compared::Before,
                Operator::Le => Compared::NotAfter,
                Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew => return None,
            };
            Some(SourceTest::Modified(compared, *at))
        }
        _ => None,
    }
}

fn belongs(name: &str, extension: Option<&str>, id: &str, kept: Kept) -> Option<SourceTest> {
    match (extension, name) {
        _ if kept == Kept::Other => None,
        (None, "members") => Some(SourceTest::Member(SourceId::from(id))),
        (None, "groups") => Some(SourceTest::MemberOf(SourceId::from(id))),
        _ => None,
    }
}

/// The attribute that is not read for a filter, if the filter asks for one.
fn unread(condition: &Condition<'_>) -> Option<String> {
    match condition {
        Condition::Present(place) | Condition::Compare(place, _, _) | Condition::Element(place, _) => {
            let name = &place.attribute.name;
            (place.extension.is_none() && (name == "members" || name == "groups")).then(|| name.clone())
        }
        Condition::Not(inner) => unread(inner),
        Condition::All(all) | Condition::Any(all) => all.iter().find_map(unread),
    }
}
