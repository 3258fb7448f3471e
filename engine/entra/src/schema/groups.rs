//! Groups.

use std::collections::BTreeMap;

use entrain_model::{AttributeSchema, KindSchema, MatchKey, Shape, Writable};

use super::{GROUP_ANCHOR, kept, of, text, written};

/// Characters that a group's mail nickname must not contain, over all versions of the page.
pub(crate) const NOT_IN_NICKNAME: &str = " @()\\[]\";:<>,/'.";

pub(super) fn schema() -> KindSchema {
    let mut attributes = writable();
    attributes.extend(decided_at_creation());
    attributes.extend(read_only());
    KindSchema {
        login: None,
        name: "displayName",
        enabled: None,
        anchor: GROUP_ANCHOR.to_owned(),
        // The mail nickname is required too; the adapter derives one from the anchor where the mapping gives none.
        created_by_anchor: true,
        subject: None,
        nickname: None,
        privileging: Some("isAssignableToRole"),
        required: &["displayName", "mailEnabled", "securityEnabled"],
        match_keys: vec![MatchKey { attribute: "displayName".into(), source: None }],
        attributes,
    }
}

fn writable() -> BTreeMap<&'static str, AttributeSchema> {
    BTreeMap::from([
        ("displayName", kept(text(256))),
        ("description", of(Shape::Text)),
        ("membershipRule", of(Shape::Text)),
        ("membershipRuleProcessingState", of(Shape::Text)),
        ("preferredLanguage", of(Shape::Text)),
        ("classification", of(Shape::Text)),
        ("theme", of(Shape::Text)),
        (GROUP_ANCHOR, written(Writable::Once, AttributeSchema { unique: true, ..kept(of(Shape::Text)) })),
    ])
}

fn decided_at_creation() -> BTreeMap<&'static str, AttributeSchema> {
    let nickname = AttributeSchema { forbidden: NOT_IN_NICKNAME, ascii: true, ..text(64) };
    let at_creation = |row| written(Writable::AtCreation, kept(row));
    BTreeMap::from([
        ("mailNickname", at_creation(nickname)),
        ("mailEnabled", at_creation(of(Shape::Boolean))),
        ("securityEnabled", at_creation(of(Shape::Boolean))),
        ("groupTypes", at_creation(of(Shape::Texts))),
        ("visibility", at_creation(of(Shape::Text))),
        ("isAssignableToRole", at_creation(of(Shape::Boolean))),
    ])
}

fn read_only() -> BTreeMap<&'static str, AttributeSchema> {
    BTreeMap::from([
        ("id", written(Writable::Never, of(Shape::Text))),
        ("createdDateTime", written(Writable::Never, of(Shape::DateTime))),
        ("mail", written(Writable::Never, of(Shape::Text))),
        ("onPremisesSyncEnabled", written(Writable::Never, of(Shape::Boolean))),
        ("proxyAddresses", written(Writable::Never, of(Shape::Texts))),
    ])
}
