//! What a configuration names outside of itself: files and variables of the machine, sealed secrets, and where a credential is sent.
//! Whoever changes it over the network must not learn what they could not read: no new place, and no credential to another address.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

/// How the way to the name of a sealed secret ends.
const SEALED: [&str; 2] = ["secret.secret", "certificates.secret"];
/// The keys whose text stands for itself, or is an object that says where it is kept.
const SECRETS: [&str; 2] = ["secret", "certificates"];

/// A place: what kind of key names it, and its name.
pub(super) type Place = (String, String);

/// The files and variables of the machine, and the sealed secrets, that a configuration names. What scripts see names nothing.
pub(super) fn places(body: &Map<String, Json>) -> BTreeSet<Place> {
    let mut found = BTreeSet::new();
    for (key, value) in body.iter().filter(|(key, _)| *key != "settings") {
        collect(key, key, value, &mut found);
    }
    found
}

fn collect(path: &str, key: &str, value: &Json, found: &mut BTreeSet<Place>) {
    match value {
        Json::Object(map) => map.iter().for_each(|(key, value)| collect(&format!("{path}.{key}"), key, value, found)),
        Json::Array(values) => values.iter().for_each(|value| collect(path, key, value, found)),
        Json::String(name) if is_place(path, key) => drop(found.insert((path.to_owned(), name.clone()))),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn is_place(path: &str, key: &str) -> bool {
    let named = ["env", "plan_public_key", "seal_for"].contains(&key) || key.ends_with("file") || key.ends_with("files");
    // A text that stands for itself is sealed before anything else is done.
    named || is_sealed(path) || ["mapping.users", "mapping.groups"].contains(&path)
}

fn is_sealed(path: &str) -> bool {
    SEALED.iter().any(|end| path.ends_with(end))
}

/// The names of the sealed secrets among them.
pub(super) fn sealed(body: &Map<String, Json>) -> BTreeSet<String> {
    places(body).into_iter().filter(|(path, _)| is_sealed(path)).map(|(_, name)| name).collect()
}

/// Where tokens are asked for and used.
pub(super) fn destination(body: &Map<String, Json>) -> [Option<&Json>; 2] {
    [body.get("cloud"), body.get("endpoints")]
}

/// The secrets that stand in a configuration as they are, each to be put elsewhere.
pub(super) fn plain_secrets(body: &mut Map<String, Json>) -> Vec<&mut Json> {
    let mut found = Vec::new();
    for (key, value) in body.iter_mut().filter(|(key, _)| *key != "settings") {
        plain(key, value, &mut found);
    }
    found
}

fn plain<'a>(key: &str, value: &'a mut Json, found: &mut Vec<&'a mut Json>) {
    match value {
        Json::String(_) if SECRETS.contains(&key) => found.push(value),
        // The name of a sealed one.
        Json::Object(map) if SECRETS.contains(&key) && map.len() == 1 => {}
        Json::Object(map) => map.iter_mut().for_each(|(key, value)| plain(key, value, found)),
        Json::Array(values) => values.iter_mut().for_each(|value| plain(key, value, found)),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(value: Json) -> Map<String, Json> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn every_way_to_the_machine_is_a_place_and_what_scripts_see_is_none() {
        let body = body(json!({
            "tenant": "t", "plan_public_key": "k.pem", "settings": { "file": "x", "secret": "no" },
            "endpoints": { "graph": "https://g", "ca_file": "ca.pem" }, "mapping": { "users": ["a.rhai"], "publish": "explicit" },
            "credential": { "certificate_file": "c.pem", "secret": { "env": "E" }, "certificates": [{ "file": "d.pem" }, { "secret": "n" }] },
            "first_password": { "deliver": { "url": "https://x", "secret": { "secret": "s" }, "seal_for": "f.pem" } }
        }));
        let found: Vec<String> = places(&body).into_iter().map(|(path, name)| format!("{path}={name}")).collect();
        assert_eq!(
            found,
            [
                "credential.certificate_file=c.pem",
                "credential.certificates.file=d.pem",
                "credential.certificates.secret=n",
                "credential.secret.env=E",
                "endpoints.ca_file=ca.pem",
                "first_password.deliver.seal_for=f.pem",
                "first_password.deliver.secret.secret=s",
                "mapping.users=a.rhai",
                "plan_public_key=k.pem",
            ]
        );
    }

    #[test]
    fn secrets_that_stand_for_themselves_are_found_wherever_they_are() {
        let mut body = body(json!({
            "settings": { "secret": "seen by scripts" },
            "credential": { "secret": "one", "certificates": ["three", { "secret": "kept" }] },
            "first_password": { "deliver": { "secret": { "secret": "name" } } }, "more": [{ "secret": "two" }]
        }));
        assert_eq!(plain_secrets(&mut body), [&json!("three"), &json!("one"), &json!("two")]);
    }
}
