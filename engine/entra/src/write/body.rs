//! What is sent of a record: dotted names folded into their objects, and the properties that go alone set apart.

use entrain_model::{Attributes, Kind};
use serde_json::{Map, Value as Json, json};

/// Properties of users and groups that must be the only one in their PATCH, and cannot be part of a create (Graph
/// documentation, update user and update group).
const ALONE: &[(Kind, &[&str])] = &[
    (Kind::User, &["aboutMe", "birthday", "interests", "mySite", "pastProjects", "responsibilities", "schools", "skills"]),
    (
        Kind::Group,
        &[
            "allowExternalSenders",
            "autoSubscribeNewMembers",
            "hideFromAddressLists",
            "hideFromOutlookClients",
            "isSubscribedByMail",
            "unseenCount",
        ],
    ),
];

/// The bodies of the requests that set attributes: one for most of them, and one for each that goes alone.
pub(super) struct Bodies {
    pub together: Map<String, Json>,
    pub alone: Vec<(String, Json)>,
}

/// Folds and splits. Parts of an object that are named by dotted paths join what is given of it as a whole.
pub(super) fn bodies(kind: Kind, attributes: &Attributes) -> Bodies {
    let mut together = Map::new();
    let mut alone = Vec::new();
    for (name, value) in attributes {
        if ALONE.iter().any(|(of, names)| *of == kind && names.contains(&name.as_str())) {
            alone.push((name.clone(), json!({ name: value })));
        } else {
            put(&mut together, name, value);
        }
    }
    Bodies { together, alone }
}

fn put(into: &mut Map<String, Json>, path: &str, value: &Json) {
    if let Some((root, rest)) = path.split_once('.') {
        let inner = into.entry(root).or_insert_with(|| json!({}));
        if !inner.is_object() {
            *inner = json!({});
        }
        if let Json::Object(inner) = inner {
            put(inner, rest, value);
        }
    } else {
        // A whole object sorts before its dotted parts, so nothing is overwritten here.
        into.insert(path.to_owned(), value.clone());
    }
}

/// What a new record is made with: nothing is cleared that has no value yet.
pub(super) fn without_nulls(attributes: &Attributes) -> Attributes {
    let kept = attributes.iter().filter_map(|(name, value)| Some((name.clone(), without_null_parts(value)?)));
    kept.collect()
}

fn without_null_parts(value: &Json) -> Option<Json> {
    let Json::Object(parts) = value else { return (!value.is_null()).then(|| value.clone()) };
    let kept = parts.iter().filter(|(_, part)| !part.is_null()).map(|(name, part)| (name.clone(), part.clone()));
    let kept: Map<String, Json> = kept.collect();
    (!kept.is_empty()).then_some(Json::Object(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_names_join_their_object() {
        let attributes = Attributes::from([
            ("onPremisesExtensionAttributes".into(), json!({"extensionAttribute1": "a"})),
            ("onPremisesExtensionAttributes.extensionAttribute3".into(), json!("anchor")),
            ("employeeOrgData.costCenter".into(), Json::Null),
            ("jobTitle".into(), json!("x")),
        ]);
        let body = bodies(Kind::User, &attributes).together;
        assert_eq!(
            Json::Object(body),
            json!({
                "jobTitle": "x", "employeeOrgData": {"costCenter": null},
                "onPremisesExtensionAttributes": {"extensionAttribute1": "a", "extensionAttribute3": "anchor"},
            })
        );
    }

    #[test]
    fn what_goes_alone_is_set_apart() {
        let attributes = Attributes::from([("skills".into(), json!(["x"])), ("jobTitle".into(), json!("y"))]);
        let user = bodies(Kind::User, &attributes);
        assert_eq!((user.together.len(), user.alone), (1, vec![("skills".to_owned(), json!({"skills": ["x"]}))]));
        assert_eq!(bodies(Kind::Group, &attributes).together.len(), 2);
    }

    #[test]
    fn a_new_record_is_sent_no_nulls() {
        let attributes = Attributes::from([
            ("a".into(), Json::Null),
            ("b".into(), json!({"x": null})),
            ("c".into(), json!({"x": null, "y": 1})),
        ]);
        assert_eq!(without_nulls(&attributes), Attributes::from([("c".into(), json!({"y": 1}))]));
    }
}
