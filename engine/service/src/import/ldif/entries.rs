//! From entries to rows: a person or group, and one row for each member and owner of a group.

use std::collections::HashMap;
use std::io::{self, BufRead};

use entrain_model::{Kind, ObjectRef, SourceId};
use entrain_store::{Membership, Role};

use super::super::row::{Numbered, Row};
use super::super::scim;
use super::reader::{Attribute, Entry, entries};
use super::{dn, people};

/// The objects of a file by their normal names.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, ObjectRef>);

/// Reads the names of all people and groups. Entries that are wrong have none; `rows` says why.
pub(crate) fn names(input: impl BufRead) -> io::Result<Names> {
    let mut names = HashMap::new();
    for entry in entries(input) {
        let Ok(attributes) = entry?.attributes else { continue };
        let Some(kind) = people::kind(&attributes) else { continue };
        if let (Some(name), Ok(id)) = (name_of(&attributes).and_then(dn::normal), people::id(kind, &attributes)) {
            names.insert(name, ObjectRef { kind, id: SourceId::from(id) });
        }
    }
    Ok(Names(names))
}

/// Reads rows.
pub(crate) fn rows(input: impl BufRead, names: Names) -> impl Iterator<Item = io::Result<Numbered>> {
    entries(input).flat_map(move |entry| match entry {
        Ok(entry) => names.rows(entry).into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    })
}

fn name_of(attributes: &[Attribute]) -> Option<&str> {
    attributes.first()?.value.text()
}

impl Names {
    fn rows(&self, entry: Entry) -> Vec<Numbered> {
        let line = entry.line;
        match entry.attributes.and_then(|attributes| self.try_rows(line, &attributes)) {
            Ok(rows) => rows,
            Err(reason) => vec![Numbered { line, row: Err(reason) }],
        }
    }

    fn try_rows(&self, line: u64, attributes: &[Attribute]) -> Result<Vec<Numbered>, String> {
        if let Some(change) = people::texts(attributes, "changetype").find(|change| !change.eq_ignore_ascii_case("add")) {
            return Err(format!(
                "the entry is a change (`changetype: {change}`); only whole entries and `changetype: add` are read"
            ));
        }
        name_of(attributes).and_then(dn::normal).ok_or("`dn` is no distinguished name")?;
        match people::kind(attributes) {
            None => Ok(vec![Numbered { line, row: Ok(Row::Other) }]),
            Some(Kind::User) => Ok(vec![Numbered { line, row: Ok(Row::User(self.user(attributes)?)) }]),
            Some(Kind::Group) => self.group(line, attributes),
        }
    }

    fn user(&self, attributes: &[Attribute]) -> Result<entrain_store::UserRow, String> {
        let mut document = people::person(attributes)?;
        if let Some(manager) = people::texts(attributes, "manager").next() {
            let manager = self.resolve("manager", manager)?;
            document.insert("manager".to_owned(), manager.id.as_str().into());
        }
        scim::user(document)
    }

    fn group(&self, line: u64, attributes: &[Attribute]) -> Result<Vec<Numbered>, String> {
        let group = scim::group(people::group(attributes)?)?;
        let id = group.id.clone();
        let mut rows = vec![Numbered { line, row: Ok(Row::Group(group)) }];
        for (name, role) in [("member", Role::Member), ("uniqueMember", Role::Member), ("owner", Role::Owner)] {
            for value in people::values(attributes, name).filter(|value| value.value.text() != Some("")) {
                rows.push(Numbered { line: value.line, row: self.membership(&id, name, role, value).map(Row::Membership) });
            }
        }
        Ok(rows)
    }

    fn membership(&self, group: &SourceId, name: &str, role: Role, value: &Attribute) -> Result<Membership, String> {
        let text = value.value.text().ok_or_else(|| format!("`{name}` is not UTF-8"))?;
        let member = self.resolve(name, text)?;
        scim::member_fits(group, &member, role)?;
        Ok(Membership { group: group.clone(), member, role })
    }

    /// The object of that name: an entry of this file, else the object whose id stands in the name's first part. Whether
    /// the source has that one is checked with all references.
    fn resolve(&self, attribute: &str, text: &str) -> Result<ObjectRef, String> {
        let name = dn::normal(text).ok_or_else(|| format!("`{attribute}`: `{text}` is no distinguished name"))?;
        if let Some(object) = self.0.get(&name) {
            return Ok(object.clone());
        }
        match dn::first_value(text) {
            Some((kind, id)) if kind == "uid" => Ok(ObjectRef::user(id)),
            Some((kind, id)) if kind == "cn" && attribute != "manager" => Ok(ObjectRef::group(id)),
            _ => Err(format!("`{attribute}`: no person and no group of this file has the name `{text}`")),
        }
    }
}
