//! The default mapping: examples, coverage, speed of the common case.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::path::PathBuf;

use common::user;
use entrain_mapping::{Context, Limits, Mapped, Mapping, ScopeRules, Script, default_scripts};
use entrain_model::{DesiredRecord, Kind, ObjectRef, Setting, SourceRecord};
use serde_json::{Value as Json, json};

fn mapping(more: &[Script]) -> Mapping {
    let scripts: Vec<Script> = default_scripts().into_iter().chain(more.iter().cloned()).collect();
    Mapping::compile(&scripts, &ScopeRules::default(), Limits::default()).unwrap()
}

fn source(kind: Kind, attributes: &Json) -> SourceRecord {
    let object = ObjectRef { kind, id: attributes["id"].as_str().unwrap().into() };
    SourceRecord { object, version: 1, attributes: serde_json::from_value(attributes.clone()).unwrap() }
}

fn example_files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../mappings");
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("examples"));
    let mut files: Vec<PathBuf> =
        folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect();
    files.sort();
    files
}

#[test]
fn every_example_maps_as_written() {
    let mapping = mapping(&[]);
    let files = example_files();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let example: Json =
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let kind: Kind = example["kind"].as_str().unwrap().parse().unwrap();
        let manager = example.get("manager").map(|manager| source(Kind::User, manager));
        let context = Context { target: &example["target"], manager: manager.as_ref() };
        let mapped = mapping.evaluate(&source(kind, &example["record"]), &context).unwrap();
        let expected = match example.get("skip") {
            Some(reason) => Mapped::Skip(reason.as_str().unwrap().to_owned()),
            None => Mapped::Record(serde_json::from_value(example["gives"].clone()).unwrap()),
        };
        let show = |mapped: &Mapped| match mapped {
            Mapped::Record(record) => serde_json::to_string_pretty(record).unwrap(),
            Mapped::Skip(reason) => reason.clone(),
        };
        assert!(mapped == expected, "{}\n{}\nexpected\n{}", file.display(), show(&mapped), show(&expected));
    }
}

/// The properties of the table of attributes that are written by default, those by switch included.
const USER_PROPERTIES: &[&str] = &[
    "userPrincipalName",
    "mailNickname",
    "displayName",
    "givenName",
    "surname",
    "accountEnabled",
    "jobTitle",
    "department",
    "companyName",
    "employeeOrgData",
    "employeeId",
    "employeeType",
    "employeeHireDate",
    "employeeLeaveDateTime",
    "mail",
    "otherMails",
    "businessPhones",
    "mobilePhone",
    "faxNumber",
    "streetAddress",
    "city",
    "state",
    "postalCode",
    "country",
    "officeLocation",
    "preferredLanguage",
    "usageLocation",
    "onPremisesExtensionAttributes",
];

/// What the target does not let be cleared.
const NOT_CLEARABLE: &[&str] = &["userPrincipalName", "mailNickname", "displayName", "accountEnabled", "mail", "usageLocation"];

fn map(mapping: &Mapping, record: &SourceRecord, target: &Json) -> DesiredRecord {
    let Mapped::Record(record) = mapping.evaluate(record, &Context { target, manager: None }).unwrap() else { panic!() };
    record
}

#[test]
fn every_property_is_written_and_every_clearable_one_is_cleared() {
    let switches = json!({"write_mail": true, "write_hire_date": true, "write_leave_date": true});
    let mapping = mapping(&[]);
    let full = map(&mapping, &user(everything()), &switches);
    let mut written: Vec<&str> = full.settings.keys().map(String::as_str).collect();
    let mut expected = USER_PROPERTIES.to_vec();
    written.sort_unstable();
    expected.sort_unstable();
    assert_eq!(written, expected);
    assert!(full.settings.values().all(|setting| matches!(setting, Setting::Set(value) if *value != json!([]))), "{full:?}");

    let bare = map(&mapping, &user(json!({"id": "u1"})), &switches);
    for property in USER_PROPERTIES {
        match bare.settings.get(*property) {
            Some(Setting::Clear) => assert!(!NOT_CLEARABLE.contains(property), "{property} cannot be cleared"),
            Some(Setting::Set(Json::Array(values))) => assert!(values.is_empty(), "{property}"),
            Some(Setting::Set(Json::Object(parts))) => {
                assert!(parts.len() == 15 && parts.values().all(Json::is_null), "{property}")
            }
            Some(Setting::Set(value)) => assert_eq!((*property, value), ("mailNickname", &json!("u1"))),
            None => assert!(NOT_CLEARABLE.contains(property), "{property} is never cleared"),
            Some(Setting::CreateOnly(_) | Setting::Yield(_)) => panic!("{property}"),
        }
    }
}

#[test]
fn what_is_by_switch_is_left_alone_without_it() {
    let record = map(&mapping(&[]), &user(everything()), &json!({}));
    assert!(!record.settings.contains_key("mail") && !record.settings.contains_key("employeeHireDate"));
    assert_eq!(record.text("employeeLeaveDateTime"), Some("2030-12-31T00:00:00Z"));
    let bare = map(&mapping(&[]), &user(json!({"id": "u1"})), &json!({}));
    assert!(!bare.settings.contains_key("employeeLeaveDateTime"));
}

#[test]
fn the_attribute_that_carries_the_anchor_is_not_mapped() {
    let record = user(everything());
    let by_extension = map(&mapping(&[]), &record, &json!({"anchor": "onPremisesExtensionAttributes.extensionAttribute15"}));
    let parts = by_extension.value("onPremisesExtensionAttributes").unwrap().as_object().unwrap();
    assert!(parts.len() == 14 && !parts.contains_key("extensionAttribute15"), "{parts:?}");
    let by_number = map(&mapping(&[]), &record, &json!({"anchor": "employeeId"}));
    assert!(!by_number.settings.contains_key("employeeId") && by_number.settings.contains_key("employeeType"));
}

#[test]
fn the_default_mapping_does_not_read_the_manager() {
    assert!(!mapping(&[]).reads_manager());
}

#[test]
fn the_default_mapping_stays_far_below_the_limits() {
    let limits = Limits { operations: 1_000, wall_ms: 20_000, ..Limits::default() };
    let mapping = Mapping::compile(&default_scripts(), &ScopeRules::default(), limits).unwrap();
    map(&mapping, &user(everything()), &json!({"write_mail": true, "write_hire_date": true, "write_leave_date": true}));
}

#[test]
fn a_login_is_never_rewritten() {
    for login in ["zoë@corp.example", "O'Neil@Corp.Example", "no-at-sign", " spaced @corp.example"] {
        let record = map(&mapping(&[]), &user(json!({"id": "u1", "userName": login})), &json!({}));
        assert_eq!(record.text("userPrincipalName"), Some(login));
    }
}

pub fn everything() -> Json {
    json!({
        "id": "u1", "userName": "ann.lee@corp.example", "externalId": "alee", "displayName": "Ann Lee", "active": true, "mail": "ann@corp.example",
        "name": {"givenName": "Ann", "familyName": "Lee"}, "title": "Engineer", "department": "R&D", "organization": "Corp AG",
        "costCenter": "4711", "division": "North", "employeeNumber": "100001", "employeeType": "Employee", "startDateTime": "2020-01-01",
        "endDateTime": "2030-12-31", "preferredLanguage": "de-CH", "usageLocation": "CH", "manager": "u2",
        "emails": [{"type": "work", "value": "ann@corp.example"}, {"type": "other", "value": "ann@home.example"}],
        "phoneNumbers": [{"type": "work", "value": "+41 44 1"}, {"type": "mobile", "value": "+41 79 1"}, {"type": "fax", "value": "+41 44 2"}],
        "addresses": [
            {"type": "work", "streetAddress": "Weg 1", "locality": "Bern", "region": "BE", "postalCode": "3000", "country": "Switzerland"},
            {"type": "other", "formatted": "Building 7"},
        ],
        "onPremisesExtensionAttributes": {"extensionAttribute1": "one", "extensionAttribute15": "fifteen"},
    })
}
