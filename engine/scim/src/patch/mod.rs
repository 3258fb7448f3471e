//! PATCH (RFC 7644 section 3.5.2): its operations, where they aim, and what they do to a resource.

mod aim;
mod apply;
mod lists;
mod members;

use serde_json::Value as Json;

use crate::value::object;
use crate::{ErrorKind, Map, Profile, Result, ScimError};

pub use members::{MemberRef, MemberStep};

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The most operations of one PATCH.
const OPERATIONS: usize = 1000;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Adds to lists, sets what is single.
    Add,
    /// Sets.
    Replace,
    /// Takes away.
    Remove,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What it does.
    pub verb: Verb,
    /// Where; the whole resource if it does not say.
    pub path: Option<String>,
    /// With what.
    pub value: Option<Json>,
}

/// The operations of a request, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// In the order in which they are made.
    pub operations: Vec<Operation>,
}

impl Patch {
    /// Reads the body of a PATCH.
    ///
    /// # Errors
    /// It does not have the form of the RFC, or of the client's profile.
    pub fn parse(body: Json, profile: Profile) -> Result<Self> {
        crate::readable(&body)?;
        let mut body = object(body).map_err(|found| ScimError::syntax(format!("the PATCH is {found}; write an object")))?;
        let listed = take(&mut body, "schemas")
            .as_ref()
            .and_then(Json::as_array)
            .is_some_and(|list| list.iter().filter_map(Json::as_str).any(|urn| urn.eq_ignore_ascii_case(PATCH)));
        if !listed && !profile.guesses_schemas() {
            return Err(ScimError::syntax(format!("`schemas` does not name `{PATCH}`")));
        }
        let Some(Json::Array(operations)) = take(&mut body, "Operations") else {
            return Err(ScimError::syntax("`Operations` is missing, or no list"));
        };
        if operations.is_empty() || operations.len() > OPERATIONS {
            return Err(ScimError::syntax(format!("`Operations` has {} entries; write 1 to {OPERATIONS}", operations.len())));
        }
        let operations = operations.into_iter().map(|operation| Operation::parse(operation, profile)).collect::<Result<_>>()?;
        Ok(Self { operations })
    }
}

impl Operation {
    fn parse(operation: Json, profile: Profile) -> Result<Self> {
        let Json::Object(mut operation) = operation else {
            return Err(ScimError::syntax("an operation is no object"));
        };
        let word = match take(&mut operation, "op") {
            Some(Json::String(word)) => word,
            Some(_) | None => return Err(ScimError::syntax("`op` is missing, or no text")),
        };
        let known = if profile.reads_any_case_of_verbs() { word.to_ascii_lowercase() } else { word.clone() };
        let verb = match known.as_str() {
            "add" => Verb::Add,
            "replace" => Verb::Replace,
            "remove" => Verb::Remove,
            _ => return Err(ScimError::syntax(format!("`op` is `{word}`; write add, replace or remove"))),
        };
        let path = match take(&mut operation, "path") {
            None | Some(Json::Null) => None,
            Some(Json::String(path)) => Some(path.trim().to_owned()),
            Some(_) => return Err(ScimError::bad(ErrorKind::InvalidPath, "`path` is no text")),
        };
        let value = take(&mut operation, "value");
        if verb != Verb::Remove && value.is_none() {
            return Err(ScimError::value(format!("`value` is missing; `{known}` needs one")));
        }
        Ok(Self { verb, path, value })
    }
}

/// Takes what a key has, whatever its capital letters.
fn take(object: &mut Map, key: &str) -> Option<Json> {
    let found = object.keys().find(|found| found.eq_ignore_ascii_case(key)).cloned()?;
    object.remove(&found)
}
