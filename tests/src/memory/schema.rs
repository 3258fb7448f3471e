//! A compact schema: at least one attribute of each sort, and all that the default mapping writes.

use std::collections::BTreeMap;

use entrain_model::{AttributeSchema, KindSchema, MatchKey, Schema, Shape, Writable};

/// The parts of `onPremisesExtensionAttributes` here.
const PARTS: &[&str] = &[
    "extensionAttribute1",
    "extensionAttribute2",
    "extensionAttribute3",
    "extensionAttribute4",
    "extensionAttribute5",
    "extensionAttribute6",
    "extensionAttribute7",
    "extensionAttribute8",
    "extensionAttribute9",
    "extensionAttribute10",
    "extensionAttribute11",
    "extensionAttribute12",
    "extensionAttribute13",
    "extensionAttribute14",
    "extensionAttribute15",
];

/// Users with a login, groups that are created by their anchor.
pub fn schema() -> Schema {
    Schema { users: users(), groups: groups() }
}

fn users() -> KindSchema {
    let plain = [
        "city",
        "companyName",
        "country",
        "employeeType",
        "faxNumber",
        "mobilePhone",
        "officeLocation",
        "postalCode",
        "preferredLanguage",
        "state",
        "streetAddress",
    ];
    let mut attributes = BTreeMap::from([
        ("userPrincipalName", AttributeSchema { unique: true, clearable: false, ..of(Shape::Login) }),
        ("displayName", AttributeSchema { max_length: Some(256), clearable: false, ..of(Shape::Text) }),
        ("mailNickname", AttributeSchema { max_length: Some(64), ascii: true, forbidden: "@ ", ..of(Shape::Text) }),
        ("accountEnabled", AttributeSchema { clearable: false, ..of(Shape::Boolean) }),
        ("mail", AttributeSchema { unique: true, clearable: false, ..of(Shape::Text) }),
        ("givenName", text()),
        ("surname", text()),
        ("jobTitle", AttributeSchema { max_length: Some(128), ..of(Shape::Text) }),
        ("department", text()),
        ("employeeId", AttributeSchema { max_length: Some(16), ..of(Shape::Text) }),
        ("usageLocation", AttributeSchema { max_length: Some(2), clearable: false, ..of(Shape::Text) }),
        ("employeeLeaveDateTime", of(Shape::DateTime)),
        ("otherMails", of(Shape::Texts)),
        ("businessPhones", AttributeSchema { max_values: Some(1), ..of(Shape::Texts) }),
        ("onPremisesExtensionAttributes", of(Shape::Parts(PARTS))),
        ("employeeOrgData", of(Shape::Whole)),
        ("onPremisesImmutableId", AttributeSchema { unique: true, clearable: false, ..of(Shape::Text) }),
        ("id", AttributeSchema { writable: Writable::Never, ..of(Shape::Text) }),
    ]);
    attributes.extend(plain.map(|name| (name, of(Shape::Text))));
    KindSchema {
        login: Some("userPrincipalName"),
        name: "displayName",
        enabled: Some("accountEnabled"),
        anchor: "onPremisesImmutableId".to_owned(),
        created_by_anchor: false,
        subject: Some("onPremisesImmutableId"),
        nickname: Some("mailNickname"),
        privileging: None,
        required: &["accountEnabled", "displayName", "mailNickname", "userPrincipalName"],
        match_keys: vec![key("userPrincipalName", None), key("mail", Some("mail"))],
        attributes,
    }
}

fn groups() -> KindSchema {
    let attributes = BTreeMap::from([
        ("displayName", AttributeSchema { max_length: Some(256), clearable: false, ..of(Shape::Text) }),
        ("description", of(Shape::Text)),
        ("mailNickname", AttributeSchema { max_length: Some(64), writable: Writable::AtCreation, ..of(Shape::Text) }),
        ("mailEnabled", AttributeSchema { writable: Writable::AtCreation, ..of(Shape::Boolean) }),
        ("securityEnabled", AttributeSchema { writable: Writable::AtCreation, ..of(Shape::Boolean) }),
        ("groupTypes", AttributeSchema { writable: Writable::AtCreation, ..of(Shape::Texts) }),
        ("uniqueName", AttributeSchema { unique: true, writable: Writable::Once, clearable: false, ..of(Shape::Text) }),
        ("id", AttributeSchema { writable: Writable::Never, ..of(Shape::Text) }),
    ]);
    KindSchema {
        login: None,
        name: "displayName",
        enabled: None,
        anchor: "uniqueName".to_owned(),
        created_by_anchor: true,
        subject: None,
        nickname: None,
        privileging: None,
        required: &["displayName"],
        match_keys: vec![key("displayName", None)],
        attributes,
    }
}

fn of(shape: Shape) -> AttributeSchema {
    AttributeSchema {
        shape,
        max_length: None,
        max_values: None,
        unique: false,
        writable: Writable::Always,
        clearable: true,
        forbidden: "",
        ascii: false,
    }
}

fn text() -> AttributeSchema {
    AttributeSchema { max_length: Some(64), ..of(Shape::Text) }
}

fn key(attribute: &str, source: Option<&str>) -> MatchKey {
    MatchKey { attribute: attribute.to_owned(), source: source.map(str::to_owned) }
}
