//! PATCH: what real clients send, the examples of RFC 7644 section 3.5.2, and what is refused.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::too_many_lines)]

use entrain_scim::{Catalog, ErrorKind, Map, MemberRef, MemberStep, Patch, Profile, Shape};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn object(value: Json) -> Map {
    value.as_object().unwrap().clone()
}

fn body(operations: Json) -> Json {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}

fn user() -> Json {
    json!({
        "userName": "ada@corp.example", "displayName": "Ada", "active": true, "title": "Engineer",
        "name": { "givenName": "Ada", "familyName": "Byron" },
        "emails": [{ "value": "ada@corp.example", "type": "work", "primary": true }, { "value": "a@home.example", "type": "home" }],
        ENTERPRISE: { "department": "Engines", "manager": { "value": "m1", "$ref": "https://x/Users/m1" } },
    })
}

fn patched(profile: Profile, operations: Json) -> Result<Json, (u16, Option<ErrorKind>)> {
    let catalog = Catalog::load(&[]).unwrap();
    let shape = catalog.shape(catalog.named("User").unwrap());
    let mut resource = object(user());
    let made = Patch::parse(body(operations), profile).and_then(|patch| patch.apply(&shape, &mut resource, profile));
    made.map(|()| Json::Object(resource)).map_err(|error| (error.status, error.kind))
}

/// The user with one thing changed, in the notation of JSON pointers; `null` is gone.
fn with(changes: &[(&str, Json)]) -> Json {
    let mut user = user();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = user.pointer_mut(parent).unwrap();
        match parent {
            Json::Array(list) => match key.parse::<usize>() {
                Ok(index) if value.is_null() => drop(list.remove(index)),
                Ok(index) => list[index] = value.clone(),
                Err(_) => list.push(value.clone()),
            },
            _ if value.is_null() => drop(parent.as_object_mut().unwrap().remove(key)),
            _ => parent[key] = value.clone(),
        }
    }
    user
}

#[test]
fn clients_mean_what_they_say() {
    use Profile::{Entra, Okta, Standard};
    let enterprise = |part: &str| format!("/{ENTERPRISE}/{part}");
    let department = format!("{ENTERPRISE}:department");
    let manager = format!("{ENTERPRISE}:manager");
    let moved = json!({ "value": "a@new.example", "type": "work", "primary": true });
    let table: Vec<(&str, Profile, Json, Json)> = vec![
        (
            "a simple value",
            Standard,
            json!([{ "op": "replace", "path": "title", "value": "Countess" }]),
            with(&[("/title", json!("Countess"))]),
        ),
        (
            "any capital letters in names",
            Standard,
            json!([{ "op": "replace", "path": "NAME.GivenName", "value": "A" }]),
            with(&[("/name/givenName", json!("A"))]),
        ),
        ("no path", Okta, json!([{ "op": "replace", "value": { "active": false } }]), with(&[("/active", json!(false))])),
        (
            "no path, with its own id",
            Okta,
            json!([{ "op": "replace", "value": { "id": "u1", "displayName": "B" } }]),
            with(&[("/displayName", json!("B"))]),
        ),
        (
            "a complex value keeps what is not named",
            Standard,
            json!([{ "op": "replace", "path": "name", "value": { "familyName": "King" } }]),
            with(&[("/name/familyName", json!("King"))]),
        ),
        (
            "capital verbs and texts for booleans",
            Entra,
            json!([{ "op": "Replace", "path": "active", "value": "False" }]),
            with(&[("/active", json!(false))]),
        ),
        (
            "a lone value as a list of objects",
            Entra,
            json!([{ "op": "Replace", "path": "displayName", "value": [{ "$ref": null, "value": "B" }] }]),
            with(&[("/displayName", json!("B"))]),
        ),
        (
            "an element by its type",
            Entra,
            json!([{ "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "a@new.example" }]),
            with(&[("/emails/0", moved.clone())]),
        ),
        (
            "a missing element is made",
            Entra,
            json!([{ "op": "Add", "path": "addresses[type eq \"work\"].country", "value": "CH" }]),
            with(&[("/addresses", json!([{ "type": "work", "country": "CH" }]))]),
        ),
        (
            "also by a replacement",
            Entra,
            json!([{ "op": "Replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1" }]),
            with(&[("/phoneNumbers", json!([{ "type": "mobile", "value": "1" }]))]),
        ),
        (
            "two parts of one missing element",
            Entra,
            json!([{ "op": "Add", "path": "addresses[type eq \"work\"].country", "value": "CH" }, { "op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Bern" }]),
            with(&[("/addresses", json!([{ "type": "work", "country": "CH", "locality": "Bern" }]))]),
        ),
        (
            "paths as keys",
            Entra,
            json!([{ "op": "add", "value": { "name.givenName": "A", "emails[type eq \"work\"].value": "a@new.example", department.clone(): "D" } }]),
            with(&[("/name/givenName", json!("A")), ("/emails/0", moved.clone()), (&enterprise("department"), json!("D"))]),
        ),
        (
            "an attribute of an extension",
            Standard,
            json!([{ "op": "add", "path": department.clone(), "value": "D" }]),
            with(&[(&enterprise("department"), json!("D"))]),
        ),
        (
            "an extension as a whole",
            Standard,
            json!([{ "op": "add", "path": ENTERPRISE, "value": { "costCenter": "7" } }]),
            with(&[(&enterprise("costCenter"), json!("7"))]),
        ),
        (
            "an extension without a path",
            Standard,
            json!([{ "op": "replace", "value": { ENTERPRISE: { "department": "D" } } }]),
            with(&[(&enterprise("department"), json!("D"))]),
        ),
        (
            "a manager as a text",
            Entra,
            json!([{ "op": "Replace", "path": manager.clone(), "value": "m2" }]),
            with(&[(&enterprise("manager"), json!({ "value": "m2" }))]),
        ),
        (
            "another manager forgets the old address",
            Standard,
            json!([{ "op": "replace", "path": manager.clone(), "value": { "value": "m2" } }]),
            with(&[(&enterprise("manager"), json!({ "value": "m2" }))]),
        ),
        (
            "an empty manager is none",
            Entra,
            json!([{ "op": "Replace", "path": manager.clone(), "value": "" }]),
            with(&[(&enterprise("manager"), Json::Null)]),
        ),
        (
            "a manager removed",
            Standard,
            json!([{ "op": "remove", "path": manager }]),
            with(&[(&enterprise("manager"), Json::Null)]),
        ),
        ("a value removed", Standard, json!([{ "op": "remove", "path": "title" }]), with(&[("/title", Json::Null)])),
        (
            "an element removed",
            Standard,
            json!([{ "op": "remove", "path": "emails[type eq \"home\"]" }]),
            with(&[("/emails/1", Json::Null)]),
        ),
        (
            "the value of an element removed",
            Standard,
            json!([{ "op": "remove", "path": "emails[type eq \"home\"].value" }]),
            with(&[("/emails/1", Json::Null)]),
        ),
        (
            "an element removed by its value",
            Standard,
            json!([{ "op": "remove", "path": "emails", "value": [{ "value": "a@home.example" }] }]),
            with(&[("/emails/1", Json::Null)]),
        ),
        (
            "removing what is not there",
            Standard,
            json!([{ "op": "remove", "path": "ims[type eq \"xmpp\"]" }, { "op": "remove", "path": "nickName" }]),
            user(),
        ),
        (
            "adding what is there",
            Standard,
            json!([{ "op": "add", "path": "emails", "value": [{ "value": "a@home.example", "type": "home" }] }]),
            user(),
        ),
        (
            "a new primary value",
            Standard,
            json!([{ "op": "add", "path": "emails", "value": { "value": "n@x.example", "primary": true } }]),
            with(&[("/emails/0/primary", json!(false)), ("/emails/-", json!({ "value": "n@x.example", "primary": true }))]),
        ),
        (
            "an element replaced as a whole",
            Standard,
            json!([{ "op": "replace", "path": "emails[type eq \"work\"]", "value": { "type": "work", "value": "n@x.example" } }]),
            with(&[("/emails/0", json!({ "type": "work", "value": "n@x.example" }))]),
        ),
        (
            "a list replaced",
            Standard,
            json!([{ "op": "replace", "path": "emails", "value": [{ "value": "n@x.example" }] }]),
            with(&[("/emails", json!([{ "value": "n@x.example" }]))]),
        ),
        ("null clears", Standard, json!([{ "op": "replace", "path": "title", "value": null }]), with(&[("/title", Json::Null)])),
        (
            "a part of each element",
            Standard,
            json!([{ "op": "replace", "path": "emails.display", "value": "A" }]),
            with(&[("/emails/0/display", json!("A")), ("/emails/1/display", json!("A"))]),
        ),
        (
            "in their order",
            Standard,
            json!([{ "op": "remove", "path": "title" }, { "op": "add", "path": "title", "value": "T" }]),
            with(&[("/title", json!("T"))]),
        ),
        (
            "what no schema knows is left out",
            Standard,
            json!([{ "op": "add", "value": { "shoeSize": 45, "title": "T" } }]),
            with(&[("/title", json!("T"))]),
        ),
    ];
    for (what, profile, operations, expected) in table {
        assert_eq!(patched(profile, operations), Ok(expected), "{what}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_its_name() {
    use ErrorKind::*;
    use Profile::{Entra, Standard};
    for (operations, profile, kind) in [
        (json!([]), Standard, InvalidSyntax),
        (json!([7]), Standard, InvalidSyntax),
        (json!([{ "op": "Replace", "path": "title", "value": "x" }]), Standard, InvalidSyntax),
        (json!([{ "op": "move", "path": "title" }]), Entra, InvalidSyntax),
        (json!([{ "op": "remove" }]), Standard, NoTarget),
        (json!([{ "op": "add", "path": "title" }]), Standard, InvalidValue),
        (json!([{ "op": "add", "value": "x" }]), Standard, InvalidValue),
        (json!([{ "op": "add", "path": 7, "value": "x" }]), Standard, InvalidPath),
        (json!([{ "op": "add", "path": "shoeSize", "value": 45 }]), Standard, InvalidPath),
        (json!([{ "op": "add", "path": "emails[type eq", "value": 45 }]), Standard, InvalidPath),
        (json!([{ "op": "add", "path": "name[givenName eq \"a\"]", "value": 45 }]), Standard, InvalidPath),
        (json!([{ "op": "add", "path": "emails[size eq 4]", "value": 45 }]), Standard, InvalidFilter),
        (json!([{ "op": "replace", "path": "id", "value": "x" }]), Entra, Mutability),
        (json!([{ "op": "replace", "value": { "id": "x" } }]), Standard, Mutability),
        (json!([{ "op": "replace", "path": "groups", "value": [] }]), Standard, Mutability),
        (json!([{ "op": "remove", "path": "userName" }]), Standard, Mutability),
        (json!([{ "op": "replace", "path": "active", "value": "False" }]), Standard, InvalidValue),
        (json!([{ "op": "replace", "path": "active", "value": "maybe" }]), Entra, InvalidValue),
        (json!([{ "op": "replace", "path": "title", "value": { "a": 1 } }]), Standard, InvalidValue),
        (
            json!([{ "op": "replace", "path": "emails", "value": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }]),
            Standard,
            InvalidValue,
        ),
        (json!([{ "op": "replace", "path": "addresses[type eq \"work\"].country", "value": "CH" }]), Standard, NoTarget),
        (json!([{ "op": "replace", "path": "addresses[country pr].country", "value": "CH" }]), Entra, NoTarget),
        (json!([{ "op": "replace", "path": "title", "value": "a\u{0}b" }]), Standard, InvalidValue),
    ] {
        assert_eq!(patched(profile, operations.clone()), Err((400, Some(kind))), "{operations}");
    }
}

#[test]
fn members_are_steps_of_their_own() {
    let catalog = Catalog::load(&[]).unwrap();
    let shape = catalog.shape(catalog.named("Group").unwrap());
    let member = |id: &str, kind: Option<&str>| MemberRef { id: id.into(), kind: kind.map(str::to_owned) };
    let steps = |profile, operations| {
        let mut patch = Patch::parse(body(operations), profile).unwrap();
        patch.take_members(&shape, profile).map(|steps| (steps, patch.operations.len())).map_err(|error| error.kind.unwrap())
    };
    use MemberStep::*;
    use Profile::{Entra, Okta, Standard};
    for (profile, operations, expected) in [
        (
            Standard,
            json!([{ "op": "add", "path": "members", "value": [{ "value": "a", "type": "Group" }] }]),
            (vec![Add(vec![member("a", Some("Group"))])], 0),
        ),
        (
            Standard,
            json!([{ "op": "add", "path": "members", "value": [{ "value": "a", "$ref": "https://x/scim/v2/Users/a" }] }]),
            (vec![Add(vec![member("a", Some("User"))])], 0),
        ),
        (
            Entra,
            json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": "a" }] }]),
            (vec![Add(vec![member("a", None)])], 0),
        ),
        (
            Entra,
            json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": "a" }] }]),
            (vec![Remove(vec!["a".into()])], 0),
        ),
        (Entra, json!([{ "op": "Remove", "path": "members[value eq \"a\"]" }]), (vec![Remove(vec!["a".into()])], 0)),
        (
            Okta,
            json!([{ "op": "remove", "path": "members[value eq \"a\" or value eq \"B\"]" }]),
            (vec![Remove(vec!["a".into(), "B".into()])], 0),
        ),
        (Okta, json!([{ "op": "replace", "value": { "id": "g", "displayName": "G" } }]), (vec![], 1)),
        (
            Okta,
            json!([{ "op": "replace", "path": "members", "value": [{ "value": "a" }] }]),
            (vec![Only(vec![member("a", None)])], 0),
        ),
        (Standard, json!([{ "op": "replace", "path": "members", "value": [] }]), (vec![Only(vec![])], 0)),
        (Standard, json!([{ "op": "remove", "path": "members" }]), (vec![RemoveAll], 0)),
        // Naming nobody is not naming everybody.
        (Entra, json!([{ "op": "Remove", "path": "members", "value": [] }]), (vec![Remove(vec![])], 0)),
        (
            Standard,
            json!([{ "op": "add", "value": { "Members": [{ "value": "a" }], "displayName": "G" } }, { "op": "remove", "path": "members[value eq \"b\"]" }]),
            (vec![Add(vec![member("a", None)]), Remove(vec!["b".into()])], 1),
        ),
        (
            Standard,
            json!([{ "op": "replace", "path": "members[value eq \"a\"]", "value": { "value": "b" } }]),
            (vec![Remove(vec!["a".into()]), Add(vec![member("b", None)])], 0),
        ),
    ] {
        assert_eq!(steps(profile, operations.clone()), Ok(expected), "{operations}");
    }
    assert_eq!(steps(Standard, json!([{ "op": "remove", "path": "members[type eq \"User\"]" }])), Err(ErrorKind::InvalidPath));
    assert_eq!(
        steps(Standard, json!([{ "op": "replace", "path": "members.type", "value": "User" }])),
        Err(ErrorKind::Mutability)
    );
    assert_eq!(
        steps(Standard, json!([{ "op": "add", "path": "members", "value": [{ "type": "User" }] }])),
        Err(ErrorKind::InvalidValue)
    );
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "[a-z\"\\[\\] .:]{0,12}".prop_map(Json::from),
        prop::sample::select(vec!["work", "home", "True", "m1", "value", "a@home.example"]).prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop::sample::select(vec![
            "value",
            "type",
            "primary",
            "$ref",
            "emails",
            "name",
            "givenName",
            ENTERPRISE,
            "id",
            "x",
            "name.givenName",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| map
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<Map>()
                .into()),
        ]
    })
}

fn any_path() -> impl Strategy<Value = Option<String>> {
    let name = prop::sample::select(vec![
        "emails",
        "name",
        "title",
        "active",
        "addresses",
        "members",
        "groups",
        "id",
        "x",
        "userName",
        ENTERPRISE,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    ]);
    let filter = prop::sample::select(vec![
        "",
        "[type eq \"work\"]",
        "[primary eq true]",
        "[value pr and not (type eq \"x\")]",
        "[",
        "[x]",
        "[value eq null]",
    ]);
    let sub = prop::sample::select(vec!["", ".value", ".type", ".primary", ".", ".x.y", ".givenName"]);
    prop_oneof![
        Just(None),
        (name, filter, sub).prop_map(|(name, filter, sub)| Some(format!("{name}{filter}{sub}"))),
        "\\PC{0,20}".prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is sent, the answer is a resource that is valid, or a refusal with a sort.
    #[test]
    fn no_patch_panics(
        operations in prop::collection::vec((prop::sample::select(vec!["add", "replace", "remove", "Add"]), any_path(), any_json()), 1..5),
        profile in prop::sample::select(vec![Profile::Standard, Profile::Entra, Profile::Okta]),
        kind in prop::sample::select(vec!["User", "Group"]),
    ) {
        let catalog = Catalog::load(&[]).unwrap();
        let shape: Shape<'_> = catalog.shape(catalog.named(kind).unwrap());
        let operations: Vec<Json> = operations.into_iter().map(|(op, path, value)| json!({ "op": op, "path": path, "value": value })).collect();
        let mut resource = if kind == "User" { object(user()) } else { object(json!({ "displayName": "G" })) };
        let made = Patch::parse(body(operations.into()), profile).and_then(|mut patch| {
            patch.take_members(&shape, profile)?;
            patch.apply(&shape, &mut resource, profile)
        });
        match made {
            Ok(()) => {
                // What came out is as valid as what is posted, and checking it changes nothing.
                resource.insert("schemas".into(), json!([shape.resource_type.schema]));
                let again = entrain_scim::document(&shape, Json::Object(resource.clone()), Profile::Standard);
                resource.remove("schemas");
                prop_assert_eq!(again, Ok(resource));
            }
            Err(error) => prop_assert!(error.status == 400 && error.kind.is_some(), "{:?}", error),
        }
    }
}
