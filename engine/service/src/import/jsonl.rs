//! JSON lines: one object a line, its sort in `type`.

use std::io::BufRead;

use entrain_model::Attributes;
use serde_json::Value as Json;

use super::row::{Numbered, Row};
use super::scim;

/// Names of this format and the names that the source has for them.
const USER_NAMES: [(&str, &str); 5] = [
    ("login", "externalId"),
    ("employeeId", "employeeNumber"),
    ("jobTitle", "title"),
    ("hireDate", "startDateTime"),
    ("entraObjectId", "targetObjectId"),
];

const GROUP_NAMES: [(&str, &str); 1] = [("entraObjectId", "targetObjectId")];

/// Reads rows; blank lines do not count.
pub(super) fn rows(input: impl BufRead) -> impl Iterator<Item = std::io::Result<Numbered>> {
    objects(input).map(|item| item.map(|(line, object)| Numbered { line, row: object.and_then(row) }))
}

/// Reads numbered objects.
pub(super) fn objects(mut input: impl BufRead) -> impl Iterator<Item = std::io::Result<(u64, Result<Attributes, String>)>> {
    let mut line = 0;
    let mut bytes = Vec::new();
    std::iter::from_fn(move || {
        loop {
            bytes.clear();
            match input.read_until(b'\n', &mut bytes) {
                Err(error) => return Some(Err(error)),
                Ok(0) => return None,
                Ok(_) => line += 1,
            }
            if !bytes.trim_ascii().is_empty() {
                return Some(Ok((line, object(&bytes))));
            }
        }
    })
}

fn object(bytes: &[u8]) -> Result<Attributes, String> {
    let text = std::str::from_utf8(bytes.trim_ascii_end()).map_err(|_| "the line is not UTF-8".to_owned())?;
    match serde_json::from_str(text) {
        Ok(Json::Object(object)) => Ok(object.into_iter().collect()),
        Ok(other) => Err(format!("the line is {}; write one object", scim::sort_of(&other))),
        Err(error) => Err(format!("the line is no JSON: {}, at column {}", plain(&error), error.column())),
    }
}

/// The parser's words without its line, which counts from the wrong place.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn row(mut object: Attributes) -> Result<Row, String> {
    match scim::text(&mut object, "type")?.as_deref() {
        Some("user") => Ok(Row::User(scim::user(user_document(object)?)?)),
        Some("group") => Ok(Row::Group(scim::group(group_document(object)?)?)),
        Some("membership") => Ok(Row::Membership(scim::membership(object)?)),
        Some(other) => Err(format!("`type` is `{other}`; it is `user`, `group` or `membership`")),
        None => Err("`type` is missing; it is `user`, `group` or `membership`".to_owned()),
    }
}

/// A user of this format under the names of the source.
pub(super) fn user_document(mut object: Attributes) -> Result<Attributes, String> {
    rename(&mut object, &USER_NAMES)?;
    for (own, part) in [("givenName", "givenName"), ("surname", "familyName")] {
        if let Some(value) = object.remove(own) {
            let name = object.entry("name".to_owned()).or_insert_with(|| Json::Object(serde_json::Map::new()));
            let Json::Object(name) = name else { return Err("`name` is not an object".to_owned()) };
            if name.insert(part.to_owned(), value).is_some() {
                return Err(format!("`{own}` and `name.{part}` are both given"));
            }
        }
    }
    Ok(object)
}

/// A group of this format under the names of the source.
pub(super) fn group_document(mut object: Attributes) -> Result<Attributes, String> {
    rename(&mut object, &GROUP_NAMES)?;
    Ok(object)
}

fn rename(object: &mut Attributes, names: &[(&str, &str)]) -> Result<(), String> {
    for (own, source) in names {
        if let Some(value) = object.remove(*own)
            && object.insert((*source).to_owned(), value).is_some()
        {
            return Err(format!("`{own}` and `{source}` are both given and mean the same"));
        }
    }
    Ok(())
}
