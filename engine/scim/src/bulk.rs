//! Bulk requests (RFC 7644 section 3.7): operations that may name what others of the same request make.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::value::{object, sort_of};
use crate::{ErrorKind, Limits, Map, Result, ScimError};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const MARK: &str = "bulkId:";

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Makes a resource.
    Post,
    /// Replaces one.
    Put,
    /// Changes one.
    Patch,
    /// Removes one.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkOperation {
    /// What it does.
    pub method: Method,
    /// To what: `/Users`, or `/Users/2819c223`.
    pub path: String,
    /// The name under which others mean what it makes.
    pub bulk_id: Option<String>,
    /// The version that it was made for.
    pub version: Option<String>,
    /// The body.
    pub data: Json,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum BulkStep {
    /// Make this operation, and say what became of it.
    Make(usize, BulkOperation),
    /// Add what had to be left out of an operation, because both sides of a circle name each other.
    Complete(usize, BulkOperation),
    /// The operation cannot be made.
    Refuse(usize, BulkOperation, ScimError),
}

/// A bulk request that is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Bulk {
    fail_on_errors: Option<u64>,
    waiting: BTreeMap<usize, BulkOperation>,
    rest: Vec<(usize, BulkOperation)>,
    made: BTreeMap<String, Option<String>>,
    own: BTreeSet<String>,
    errors: u64,
}

impl Bulk {
    /// Reads the body of a bulk request.
    ///
    /// # Errors
    /// It does not have the form of the RFC, or has more operations than allowed.
    pub fn parse(body: Json, limits: &Limits) -> Result<Self> {
        let mut body =
            object(body).map_err(|found| ScimError::syntax(format!("the bulk request is {found}; write an object")))?;
        let urns = body.get("schemas").and_then(Json::as_array);
        if !urns.is_some_and(|urns| urns.iter().any(|urn| urn == REQUEST)) {
            return Err(ScimError::syntax(format!("`schemas` does not name `{REQUEST}`")));
        }
        let fail_on_errors = match body.get("failOnErrors") {
            None | Some(Json::Null) => None,
            Some(number) => Some(number.as_u64().ok_or_else(|| ScimError::syntax("`failOnErrors` is no whole number"))?),
        };
        let Some(Json::Array(operations)) = body.remove("Operations") else {
            return Err(ScimError::syntax("`Operations` is missing, or no list"));
        };
        if operations.len() > limits.bulk_operations {
            let most = limits.bulk_operations;
            return Err(ScimError::new(413, format!("{} operations are too many; send at most {most}", operations.len())));
        }
        let mut own = BTreeSet::new();
        let mut waiting = BTreeMap::new();
        for (index, operation) in operations.into_iter().enumerate() {
            let operation = BulkOperation::parse(operation)?;
            if let Some(id) = &operation.bulk_id
                && !own.insert(id.clone())
            {
                return Err(ScimError::value(format!("bulkId `{id}` is given twice")));
            }
            waiting.insert(index, operation);
        }
        Ok(Self { fail_on_errors, waiting, rest: Vec::new(), made: BTreeMap::new(), own, errors: 0 })
    }

    /// What is to be done next; nothing when all is done, or when there were too many errors.
    pub fn advance(&mut self) -> Option<BulkStep> {
        if self.fail_on_errors.is_some_and(|most| most > 0 && self.errors >= most) {
            return None;
        }
        if let Some(at) = self.rest.iter().position(|(_, operation)| self.missing(operation).is_empty()) {
            let (index, operation) = self.rest.remove(at);
            return Some(BulkStep::Complete(index, self.resolved(operation)));
        }
        let ready = self.waiting.iter().find(|(_, operation)| self.missing(operation).is_empty()).map(|(index, _)| *index);
        if let Some((index, operation)) = ready.and_then(|index| self.waiting.remove_entry(&index)) {
            return Some(BulkStep::Make(index, self.resolved(operation)));
        }
        self.break_circle()
    }

    /// Says what became of an operation: the id of the resource, or nothing if it failed.
    pub fn settle(&mut self, operation: &BulkOperation, id: Option<String>) {
        self.errors += u64::from(id.is_none());
        if let Some(bulk_id) = &operation.bulk_id {
            self.made.entry(bulk_id.clone()).or_insert(id);
        }
    }

    /// Nothing can be made as it is: somebody waits for what will never be, or two wait for each other.
    fn break_circle(&mut self) -> Option<BulkStep> {
        let hopeless = self.waiting.iter().find_map(|(index, operation)| {
            let lost = self.missing(operation).into_iter().find(|id| !self.own.contains(id) || self.made.contains_key(id))?;
            Some((*index, lost))
        });
        if let Some((index, lost)) = hopeless {
            let operation = self.waiting.remove(&index)?;
            let error = ScimError {
                status: 409,
                kind: Some(ErrorKind::InvalidValue),
                detail: format!("bulkId `{lost}` names nothing that was made"),
            };
            return Some(BulkStep::Refuse(index, operation, error));
        }
        if let Some((index, operation)) = self.rest.pop() {
            let error = ScimError::new(409, "what it names was not made");
            return Some(BulkStep::Refuse(index, operation, error));
        }
        let breakable = |operation: &&BulkOperation| operation.method == Method::Post && operation.bulk_id.is_some();
        let index = self
            .waiting
            .iter()
            .find(|(_, operation)| breakable(operation))
            .or_else(|| self.waiting.iter().next())
            .map(|(index, _)| *index)?;
        let mut operation = self.waiting.remove(&index)?;
        let Some(bulk_id) = operation.bulk_id.clone().filter(|_| operation.method == Method::Post) else {
            let error = ScimError::new(409, "its references cannot be resolved");
            return Some(BulkStep::Refuse(index, operation, error));
        };
        let mut left_out = Map::new();
        if let Json::Object(data) = &mut operation.data {
            self.leave_out(data, &mut left_out);
        }
        let data = json!({ "schemas": [PATCH], "Operations": [{ "op": "add", "value": left_out }] });
        let path = format!("{}/{MARK}{bulk_id}", operation.path);
        self.rest.push((index, BulkOperation { method: Method::Patch, path, bulk_id: None, version: None, data }));
        Some(BulkStep::Make(index, self.resolved(operation)))
    }

    /// Moves what names something that is not made yet.
    fn leave_out(&self, data: &mut Map, left_out: &mut Map) {
        let keys: Vec<String> = data.keys().cloned().collect();
        for key in keys {
            match data.get_mut(&key) {
                Some(Json::Array(list)) => {
                    let (open, known) =
                        std::mem::take(list).into_iter().partition::<Vec<Json>, _>(|element| self.is_open(element));
                    *list = known;
                    if !open.is_empty() {
                        left_out.insert(key, Json::Array(open));
                    }
                }
                Some(Json::Object(inner)) if key.starts_with("urn:") => {
                    let mut open = Map::new();
                    self.leave_out(inner, &mut open);
                    if !open.is_empty() {
                        left_out.insert(key, Json::Object(open));
                    }
                }
                Some(value) if self.is_open(value) => {
                    if let Some(value) = data.remove(&key) {
                        left_out.insert(key, value);
                    }
                }
                Some(_) | None => {}
            }
        }
    }

    fn is_open(&self, value: &Json) -> bool {
        let mut named = BTreeSet::new();
        names(value, &mut named);
        named.iter().any(|id| !matches!(self.made.get(id), Some(Some(_))))
    }

    /// What an operation names that is not made.
    fn missing(&self, operation: &BulkOperation) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        names(&operation.data, &mut named);
        if let Some(id) = operation.path.rsplit('/').next().and_then(|last| last.strip_prefix(MARK)) {
            named.insert(id.to_owned());
        }
        named.retain(|id| !matches!(self.made.get(id), Some(Some(_))));
        named
    }

    /// The operation with ids in the place of names.
    fn resolved(&self, mut operation: BulkOperation) -> BulkOperation {
        self.resolve(&mut operation.data);
        if let Some((head, last)) = operation.path.rsplit_once('/')
            && let Some(id) = self.id_of(last)
        {
            operation.path = format!("{head}/{id}");
        }
        operation
    }

    fn resolve(&self, value: &mut Json) {
        match value {
            Json::String(text) => {
                if let Some(id) = self.id_of(text) {
                    *text = id.to_owned();
                }
            }
            Json::Array(list) => list.iter_mut().for_each(|element| self.resolve(element)),
            Json::Object(object) => object.values_mut().for_each(|value| self.resolve(value)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn id_of(&self, text: &str) -> Option<&str> {
        self.made.get(text.strip_prefix(MARK)?)?.as_deref()
    }
}

fn names(value: &Json, found: &mut BTreeSet<String>) {
    match value {
        Json::String(text) => {
            if let Some(id) = text.strip_prefix(MARK) {
                found.insert(id.to_owned());
            }
        }
        Json::Array(list) => list.iter().for_each(|element| names(element, found)),
        Json::Object(object) => object.values().for_each(|value| names(value, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

impl BulkOperation {
    fn parse(operation: Json) -> Result<Self> {
        let Json::Object(mut operation) = operation else {
            return Err(ScimError::syntax("an operation is no object"));
        };
        let mut text = |key: &str| match operation.remove(key) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(ScimError::syntax(format!("`{key}` is {}; write a text", sort_of(&other)))),
        };
        let method = match text("method")?.map(|word| word.to_ascii_uppercase()).as_deref() {
            Some("POST") => Method::Post,
            Some("PUT") => Method::Put,
            Some("PATCH") => Method::Patch,
            Some("DELETE") => Method::Delete,
            Some(_) | None => return Err(ScimError::syntax("`method` is POST, PUT, PATCH or DELETE")),
        };
        let path = text("path")?.ok_or_else(|| ScimError::syntax("`path` is missing"))?;
        let (bulk_id, version) = (text("bulkId")?, text("version")?);
        if method == Method::Post && bulk_id.is_none() {
            return Err(ScimError::syntax("a POST of a bulk request needs a `bulkId`"));
        }
        Ok(Self { method, path, bulk_id, version, data: operation.remove("data").unwrap_or(Json::Null) })
    }
}
