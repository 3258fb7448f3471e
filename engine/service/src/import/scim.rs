//! From a document in SCIM shape (RFC 7643) to a row: columns are taken out and checked, the rest stays as it is.

use entrain_model::{Attributes, Kind, ObjectRef, SourceId, TargetId};
use entrain_store::{GroupRow, Membership, Role, UserRow};
use serde_json::Value as Json;

/// The longest id, in characters.
const ID_LENGTH: usize = 255;
/// The longest text of a column, in characters. What the target allows is shorter and is checked when a run plans.
const TEXT_LENGTH: usize = 1024;
/// The longest document, in bytes of JSON.
const DOCUMENT_LENGTH: usize = 64 * 1024;

/// Names under which files carry passwords. A password is never stored.
const PASSWORDS: [&str; 5] = ["password", "passwordProfile", "userPassword", "initialPassword", "unicodePwd"];

/// Reads a user.
pub(crate) fn user(mut document: Attributes) -> Result<UserRow, String> {
    let id = id(&mut document, "id")?;
    let user_name = text(&mut document, "userName")?.ok_or("`userName` is missing")?;
    login_form(&user_name)?;
    let mut row = UserRow::new(id, user_name);
    row.external_id = text(&mut document, "externalId")?;
    row.display_name = text(&mut document, "displayName")?;
    (row.given_name, row.family_name) = name_parts(&mut document)?;
    row.mail = text(&mut document, "mail")?;
    row.active = flag(&mut document, "active")?.unwrap_or(true);
    row.service_account = flag(&mut document, "serviceAccount")?.unwrap_or(false);
    row.manager = manager(&mut document)?;
    row.target_object_id = target_id(&mut document)?;
    row.document = rest(document)?;
    Ok(row)
}

/// Reads a group.
pub(crate) fn group(mut document: Attributes) -> Result<GroupRow, String> {
    let id = id(&mut document, "id")?;
    let display_name = text(&mut document, "displayName")?.ok_or("`displayName` is missing")?;
    let mut row = GroupRow::new(id, display_name);
    row.description = text(&mut document, "description")?;
    row.external_id = text(&mut document, "externalId")?;
    row.target_object_id = target_id(&mut document)?;
    row.document = rest(document)?;
    Ok(row)
}

/// Reads a membership: `group`, `user` with an optional `role`, or `memberGroup`.
pub(super) fn membership(mut document: Attributes) -> Result<Membership, String> {
    let group = id(&mut document, "group")?;
    let role = match text(&mut document, "role")?.as_deref() {
        None | Some("member") => Role::Member,
        Some("owner") => Role::Owner,
        Some(other) => return Err(format!("`role` is `{other}`; it is `member` or `owner`")),
    };
    let member = match (document.contains_key("user"), document.contains_key("memberGroup")) {
        (true, false) => ObjectRef { kind: Kind::User, id: id(&mut document, "user")? },
        (false, true) => ObjectRef { kind: Kind::Group, id: id(&mut document, "memberGroup")? },
        _ => return Err("a membership names either `user` or `memberGroup`".to_owned()),
    };
    if let Some(unknown) = document.keys().next() {
        return Err(format!("a membership has no field `{unknown}`"));
    }
    member_fits(&group, &member, role)?;
    Ok(Membership { group, member, role })
}

/// What can be said of a membership by itself.
pub(crate) fn member_fits(group: &SourceId, member: &ObjectRef, role: Role) -> Result<(), String> {
    if member.kind == Kind::Group && member.id == *group {
        return Err(format!("group {group} cannot be a member of itself"));
    }
    if member.kind == Kind::Group && role == Role::Owner {
        return Err(format!("{member} cannot own group {group}: an owner is a user"));
    }
    Ok(())
}

/// A required identifier.
pub(super) fn id(document: &mut Attributes, key: &str) -> Result<SourceId, String> {
    let id = text(document, key)?.ok_or_else(|| format!("`{key}` is missing"))?;
    if id.chars().count() > ID_LENGTH {
        return Err(format!("`{key}` has more than {ID_LENGTH} characters"));
    }
    if id.trim() != id || id.chars().any(char::is_control) {
        return Err(format!("`{key}` begins or ends with a space, or has a control character in it"));
    }
    Ok(SourceId::from(id))
}

/// Takes a text out of the document; absent, `null` and empty are the same.
pub(super) fn text(document: &mut Attributes, key: &str) -> Result<Option<String>, String> {
    let text = match document.remove(key) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) => text,
        Some(other) => return Err(format!("`{key}` is {}; write a text", sort_of(&other))),
    };
    if text.chars().count() > TEXT_LENGTH {
        return Err(format!("`{key}` has more than {TEXT_LENGTH} characters"));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn flag(document: &mut Attributes, key: &str) -> Result<Option<bool>, String> {
    match document.remove(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(flag)) => Ok(Some(flag)),
        Some(other) => Err(format!("`{key}` is {}; write true or false", sort_of(&other))),
    }
}

/// Given and family name are columns; the other parts of `name` stay in the document.
fn name_parts(document: &mut Attributes) -> Result<(Option<String>, Option<String>), String> {
    let mut parts: Attributes = match document.remove("name") {
        None | Some(Json::Null) => return Ok((None, None)),
        Some(Json::Object(parts)) => parts.into_iter().collect(),
        Some(other) => return Err(format!("`name` is {}; write an object with givenName and familyName", sort_of(&other))),
    };
    let names = (text(&mut parts, "givenName")?, text(&mut parts, "familyName")?);
    if !parts.is_empty() {
        document.insert("name".to_owned(), Json::Object(parts.into_iter().collect()));
    }
    Ok(names)
}

/// The manager's id, as a text or as SCIM writes it, `{"value": id}`.
fn manager(document: &mut Attributes) -> Result<Option<SourceId>, String> {
    if let Some(Json::Object(manager)) = document.get("manager") {
        let value = manager.get("value").cloned().unwrap_or(Json::Null);
        document.insert("manager".to_owned(), value);
    }
    match document.get("manager") {
        None | Some(Json::Null) => Ok(document.remove("manager").and(None)),
        Some(Json::String(empty)) if empty.is_empty() => Ok(document.remove("manager").and(None)),
        Some(_) => id(document, "manager").map(Some),
    }
}

/// The id of a record in the target: a UUID in its usual form.
fn target_id(document: &mut Attributes) -> Result<Option<TargetId>, String> {
    let Some(text) = text(document, "targetObjectId")? else { return Ok(None) };
    match uuid::Uuid::try_parse(&text) {
        Ok(id) => Ok(Some(TargetId::from(id.hyphenated().to_string()))),
        Err(_) => Err(format!("`{text}` is no object id of the target; it looks like 00000000-0000-0000-0000-000000000000")),
    }
}

/// A login has no space; one with `@` has something on both sides of exactly one.
fn login_form(login: &str) -> Result<(), String> {
    let halves: Vec<&str> = login.split('@').collect();
    let address = halves.len() <= 2 && halves.iter().all(|half| !half.is_empty());
    if address && !login.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Ok(());
    }
    Err(format!("`{login}` is no login: write it as name@domain, without spaces"))
}

fn rest(mut document: Attributes) -> Result<Attributes, String> {
    for password in PASSWORDS {
        document.remove(password);
    }
    document.retain(|_, value| !value.is_null());
    let length = serde_json::to_string(&document).map_or(usize::MAX, |text| text.len());
    if length > DOCUMENT_LENGTH {
        return Err(format!("the row has {length} bytes of attributes; at most {DOCUMENT_LENGTH} are taken"));
    }
    Ok(document)
}

pub(super) fn sort_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
