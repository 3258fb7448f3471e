//! From an entry to the document of a user or group in SCIM shape.

use entrain_model::{Attributes, Kind};
use serde_json::{Value as Json, json};

use super::super::fields::Place;
use super::reader::{Attribute, Value};

/// Photographs, certificates and what is said elsewhere.
const PASSED_OVER: [&str; 12] = [
    "dn",
    "changetype",
    "objectclass",
    "jpegphoto",
    "thumbnailphoto",
    "photo",
    "audio",
    "usercertificate",
    "usersmimecertificate",
    "userpkcs12",
    "member",
    "uniquemember",
];

/// Attributes of the directory and where they belong; all others go by their own name.
const NAMES: [(&str, &str); 8] = [
    ("l", "city"),
    ("st", "state"),
    ("c", "country"),
    ("o", "organization"),
    ("labeleduri", "profileUrl"),
    ("gn", "givenName"),
    ("mobiletelephonenumber", "mobile"),
    ("postaladdress", "postalAddress"),
];

/// What an entry is; `None` for what an import passes over, such as an organisational unit.
pub(super) fn kind(attributes: &[Attribute]) -> Option<Kind> {
    let is = |class: &str| texts(attributes, "objectClass").any(|value| value.eq_ignore_ascii_case(class));
    if is("groupOfNames") || is("groupOfUniqueNames") {
        Some(Kind::Group)
    } else if is("inetOrgPerson") {
        Some(Kind::User)
    } else {
        None
    }
}

/// The stable id of an entry: `entryUUID`, else `uid` of a person or `cn` of a group.
pub(super) fn id(kind: Kind, attributes: &[Attribute]) -> Result<String, String> {
    let own = match kind {
        Kind::User => "uid",
        Kind::Group => "cn",
    };
    let id = texts(attributes, "entryUUID").next().or_else(|| texts(attributes, own).next());
    id.map(str::to_owned)
        .ok_or_else(|| format!("the {kind} has neither `entryUUID` nor `{own}`, so nothing stable to call it by"))
}

/// The document of a person, all but the manager, whose name has to be resolved.
pub(super) fn person(attributes: &[Attribute]) -> Result<Attributes, String> {
    let first = |name: &str| texts(attributes, name).next().map(Json::from);
    let mut document = others(attributes, &["uid", "cn", "mail", "displayName", "userPrincipalName", "manager", "owner"])?;
    let login = first("userPrincipalName").or_else(|| first("mail")).or_else(|| first("uid"));
    document.insert("id".to_owned(), id(Kind::User, attributes)?.into());
    document.insert("userName".to_owned(), login.unwrap_or_default());
    document.insert("externalId".to_owned(), first("uid").unwrap_or_default());
    document.insert("displayName".to_owned(), first("displayName").or_else(|| first("cn")).unwrap_or_default());
    document.insert("mail".to_owned(), first("mail").unwrap_or_default());
    more_mails(attributes, &mut document);
    if blocked(attributes) {
        document.insert("active".to_owned(), false.into());
    }
    Ok(document)
}

/// The document of a group.
pub(super) fn group(attributes: &[Attribute]) -> Result<Attributes, String> {
    let mut document = others(attributes, &["cn", "displayName", "owner"])?;
    let name = texts(attributes, "displayName").next().or_else(|| texts(attributes, "cn").next());
    document.insert("id".to_owned(), id(Kind::Group, attributes)?.into());
    document.insert("displayName".to_owned(), name.unwrap_or_default().into());
    Ok(document)
}

/// The texts of an attribute, empty ones left out.
pub(super) fn texts<'a>(attributes: &'a [Attribute], name: &str) -> impl Iterator<Item = &'a str> {
    values(attributes, name).filter_map(|attribute| attribute.value.text()).filter(|text| !text.is_empty())
}

/// The values of an attribute.
pub(super) fn values<'a>(attributes: &'a [Attribute], name: &str) -> impl Iterator<Item = &'a Attribute> {
    attributes.iter().filter(move |attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// Everything that is said elsewhere neither: one value as it is, several as a list.
fn others(attributes: &[Attribute], said_elsewhere: &[&str]) -> Result<Attributes, String> {
    let mut document = Attributes::new();
    for attribute in attributes {
        let name = attribute.name.as_str();
        let folded = name.to_ascii_lowercase();
        let base = folded.split(';').next().unwrap_or_default();
        if PASSED_OVER.contains(&base) || said_elsewhere.iter().any(|said| said.eq_ignore_ascii_case(name)) {
            continue;
        }
        let text = match &attribute.value {
            Value::Text(text) | Value::Binary(text) => text,
        };
        if text.is_empty() {
            continue;
        }
        let renamed = NAMES.iter().find(|(own, _)| *own == folded).map_or(name, |(_, source)| source);
        let place = Place::of(renamed);
        if let Place::Top(name) = place {
            add(&mut document, name, text);
        } else {
            place.put(&mut document, text)?;
        }
    }
    Ok(document)
}

fn add(document: &mut Attributes, name: String, text: &str) {
    match document.get_mut(&name) {
        None => _ = document.insert(name, text.into()),
        Some(Json::Array(list)) => list.push(text.into()),
        Some(one) => *one = json!([one.take(), text]),
    }
}

/// Addresses beyond the first.
fn more_mails(attributes: &[Attribute], document: &mut Attributes) {
    let more: Vec<Json> = texts(attributes, "mail").skip(1).map(|mail| json!({ "type": "other", "value": mail })).collect();
    if !more.is_empty() {
        document.insert("emails".to_owned(), more.into());
    }
}

/// Directories that say that an account may not sign in: bit 2 of `userAccountControl`, or `nsAccountLock`.
fn blocked(attributes: &[Attribute]) -> bool {
    let disabled = |flags: &str| flags.parse::<u32>().is_ok_and(|flags| flags & 2 != 0);
    texts(attributes, "userAccountControl").any(disabled)
        || texts(attributes, "nsAccountLock").any(|locked| locked.eq_ignore_ascii_case("true"))
}
