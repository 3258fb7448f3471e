//! Users.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{AttributeSchema, KindSchema, MatchKey, Shape, Writable};

use super::{kept, of, text, written};
use crate::EntraConfig;

/// Printable ASCII that a sign-in name must not contain; allowed are letters, digits, `@` and `' . - _ ! # ^ ~`.
const NOT_IN_LOGIN: &str = " \"$%&()*+,/:;<=>?[\\]`{|}";
const NOT_IN_NICKNAME: &str = " @()\\[]\";:<>,";

/// The parts of `onPremisesExtensionAttributes`.
pub(crate) const EXTENSION_PARTS: &[&str] = &[
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

pub(super) fn schema(config: &EntraConfig) -> KindSchema {
    let mut attributes = identity();
    attributes.extend(profile());
    attributes.extend(switched(config));
    attributes.extend(read_only());
    KindSchema {
        login: Some("userPrincipalName"),
        name: "displayName",
        enabled: Some("accountEnabled"),
        anchor: config.anchor_users.clone(),
        created_by_anchor: false,
        subject: Some("onPremisesImmutableId"),
        nickname: Some("mailNickname"),
        privileging: None,
        required: &["accountEnabled", "displayName", "mailNickname", "userPrincipalName"],
        match_keys: vec![
            MatchKey { attribute: "userPrincipalName".into(), source: None },
            MatchKey { attribute: "mail".into(), source: Some("mail".into()) },
        ],
        attributes,
    }
}

/// All names but those that Graph keeps itself.
pub(super) fn names() -> BTreeSet<&'static str> {
    let names = identity().into_keys().chain(profile().into_keys()).chain(SWITCHED);
    names.filter(|name| !name.contains('.')).collect()
}

/// Attributes that only some tenants let be written.
const SWITCHED: [&str; 2] = ["mail", "employeeHireDate"];

/// What a user is known by, and what decides whether it can sign in.
fn identity() -> BTreeMap<&'static str, AttributeSchema> {
    let login = AttributeSchema { max_length: Some(113), unique: true, forbidden: NOT_IN_LOGIN, ascii: true, ..of(Shape::Login) };
    let nickname = AttributeSchema { forbidden: NOT_IN_NICKNAME, ascii: true, ..text(64) };
    // Cleared it is refused; on a federated domain it is also what people sign in by.
    let immutable = AttributeSchema { unique: true, forbidden: "$_", ..of(Shape::Text) };
    BTreeMap::from([
        ("userPrincipalName", kept(login)),
        ("mailNickname", kept(nickname)),
        ("displayName", kept(text(256))),
        ("accountEnabled", kept(of(Shape::Boolean))),
        ("onPremisesImmutableId", kept(immutable)),
        ("usageLocation", kept(text(2))),
        ("userType", kept(of(Shape::Text))),
        ("passwordPolicies", of(Shape::Text)),
    ])
}

/// What is known of a person.
fn profile() -> BTreeMap<&'static str, AttributeSchema> {
    let mails = AttributeSchema { max_length: Some(250), max_values: Some(250), ascii: true, ..of(Shape::Texts) };
    let phones = AttributeSchema { max_values: Some(1), ..of(Shape::Texts) };
    let extensions = AttributeSchema { max_length: Some(1024), ..of(Shape::Parts(EXTENSION_PARTS)) };
    BTreeMap::from([
        ("ageGroup", of(Shape::Text)),
        ("businessPhones", phones),
        ("city", text(128)),
        ("companyName", text(64)),
        ("consentProvidedForMinor", of(Shape::Text)),
        ("country", text(128)),
        ("department", text(64)),
        ("employeeId", text(16)),
        ("employeeLeaveDateTime", of(Shape::DateTime)),
        // Sending one of its parts sets the other to null.
        ("employeeOrgData", of(Shape::Whole)),
        ("employeeType", of(Shape::Text)),
        ("faxNumber", of(Shape::Text)),
        ("givenName", text(64)),
        ("jobTitle", text(128)),
        ("mobilePhone", text(64)),
        ("officeLocation", of(Shape::Text)),
        ("onPremisesExtensionAttributes", extensions),
        ("otherMails", mails),
        ("postalCode", text(40)),
        ("preferredLanguage", of(Shape::Text)),
        ("state", text(128)),
        ("streetAddress", text(1024)),
        ("surname", text(64)),
    ])
}

/// What is written only where the operator says so.
fn switched(config: &EntraConfig) -> BTreeMap<&'static str, AttributeSchema> {
    let on = |switch| if switch { Writable::Always } else { Writable::Never };
    let mail = AttributeSchema { unique: true, ascii: true, ..of(Shape::Text) };
    BTreeMap::from([
        (SWITCHED[0], written(on(config.write_mail), kept(mail))),
        (SWITCHED[1], written(on(config.write_hire_date), of(Shape::DateTime))),
    ])
}

/// What Graph keeps itself.
fn read_only() -> BTreeMap<&'static str, AttributeSchema> {
    BTreeMap::from([
        ("id", written(Writable::Never, of(Shape::Text))),
        ("createdDateTime", written(Writable::Never, of(Shape::DateTime))),
        ("onPremisesSyncEnabled", written(Writable::Never, of(Shape::Boolean))),
        ("proxyAddresses", written(Writable::Never, of(Shape::Texts))),
        // Kept by SharePoint, refused to applications, and not part of change tracking.
        ("aboutMe", written(Writable::Never, of(Shape::Text))),
    ])
}
