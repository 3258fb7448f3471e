//! The values of one mapped record: what the target would refuse, and what must not occur twice.

use entrain_model::{DesiredRecord, ObjectRef, SourceRecord, fold};
use entrain_plan::{Flaw, FlawSort, flaws};
use entrain_store::{DesiredRow, Shared};
use serde_json::Value as Json;

use super::finding::{Check, Findings};
use crate::Target;
use crate::engine::Run;

/// Notes every value that the target would refuse.
pub(super) fn check(run: &Run<'_>, record: &SourceRecord, wanted: &DesiredRecord, findings: &mut Findings) {
    for Flaw { attribute, sort, detail } in flaws(record.object.kind, wanted, run.target.schema(), &run.policy) {
        findings.add(check_of(sort), &attribute, || format!("{}: {detail}", record.object));
    }
}

fn check_of(sort: FlawSort) -> Check {
    match sort {
        FlawSort::NotWritable => Check::NotWritable,
        FlawSort::WrongType => Check::WrongType,
        FlawSort::TooLong => Check::ValueTooLong,
        FlawSort::TooMany => Check::TooManyValues,
        FlawSort::Forbidden => Check::ValueForbidden,
        FlawSort::Login => Check::LoginInvalid,
        FlawSort::Domain => Check::DomainNotVerified,
    }
}

/// Sorts of values that must not occur twice, and what it is if one does.
const SORTS: [(&str, Check); 5] = [
    ("address", Check::DuplicateAddress),
    ("anchor", Check::DuplicateAnchor),
    ("login", Check::DuplicateLogin),
    ("nickname", Check::DuplicateNickname),
    ("record", Check::DuplicateRecord),
];

/// Notes the values of the record that must not occur twice.
pub(super) fn sightings(
    target: &Target,
    record: &SourceRecord,
    row: &DesiredRow,
    into: &mut Vec<(&'static str, String, ObjectRef)>,
) {
    let entrain_model::Desired::Present(wanted) = &row.desired else { return };
    let schema = target.schema().of(record.object.kind);
    let addresses = addresses(record);
    let mut see = |sort: &'static str, value: &str| into.push((sort, fold(value), record.object.clone()));
    let named = |name: Option<&'static str>| name.and_then(|name| wanted.text(name)).filter(|value| !value.is_empty());
    if let Some(login) = named(schema.login) {
        see("login", login);
    }
    if let Some(nickname) = named(schema.nickname) {
        see("nickname", nickname);
    }
    // Anchors are compared to the letter.
    if let Some(anchor) = wanted.text(&schema.anchor) {
        into.push(("anchor", anchor.to_owned(), record.object.clone()));
    }
    let mut see = |sort: &'static str, value: &str| into.push((sort, fold(value), record.object.clone()));
    if let Some(id) = record.attributes.get("targetObjectId").and_then(Json::as_str) {
        see("record", id);
    }
    addresses.iter().for_each(|address| see("address", address));
    for (name, _) in schema.attributes.iter().filter(|(_, rule)| rule.unique) {
        let known = schema.login == Some(name) || schema.anchor == **name;
        if let Some(value) = wanted.text(name).filter(|value| !known && !value.is_empty() && !addresses.contains(&fold(value))) {
            see(name, value);
        }
    }
}

/// The addresses at which the object gets mail at work, folded.
fn addresses(record: &SourceRecord) -> Vec<String> {
    let attributes = &record.attributes;
    let mail = attributes.get("mail").and_then(Json::as_str);
    let list = |name: &str| attributes.get(name).and_then(Json::as_array).into_iter().flatten();
    let of_work = |entry: &&Json| matches!(entry.get("type").and_then(Json::as_str), None | Some("work"));
    let emails = list("emails").filter(of_work).filter_map(|entry| entry.get("value")?.as_str());
    let proxies = list("proxyAddresses").filter_map(Json::as_str);
    let plain = |address: &str| match address.split_once(':') {
        Some((protocol, address)) if protocol.eq_ignore_ascii_case("smtp") => fold(address),
        _ => fold(address),
    };
    mail.into_iter().chain(emails).chain(proxies).filter(|address| !address.is_empty()).map(plain).collect()
}

/// Notes a value that several objects have.
pub(super) fn shared(shared: &Shared, findings: &mut Findings) {
    let known = SORTS.iter().find(|(sort, _)| *sort == shared.sort);
    let (check, attribute) = known.map_or((Check::DuplicateValue, shared.sort.as_str()), |(_, check)| (*check, ""));
    let Shared { value, objects, such_as: [first, last], .. } = shared;
    findings.add(check, attribute, || match objects {
        2 => format!("\"{value}\": {first} and {last}"),
        _ => format!("\"{value}\": {objects} objects, such as {first} and {last}"),
    });
}
