//! What went wrong, in the words of RFC 7644 section 3.12.

use serde_json::{Value as Json, json};

use crate::Map;

const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The sort of a failure, `scimType` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A filter, or an attribute in it, that cannot be understood.
    InvalidFilter,
    /// More results than the server is willing to work through.
    TooMany,
    /// The value belongs to another resource.
    Uniqueness,
    /// The attribute cannot be changed so.
    Mutability,
    /// The body does not have the form that is asked for.
    InvalidSyntax,
    /// A path that cannot be understood.
    InvalidPath,
    /// A path that selects nothing.
    NoTarget,
    /// A value that is missing, or not of the attribute's type.
    InvalidValue,
    /// Another version of the protocol.
    InvalidVers,
    /// A cursor that this server has not made, or for another query.
    InvalidCursor,
    /// A count that is no number.
    InvalidCount,
}

impl ErrorKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::InvalidFilter => "invalidFilter",
            ErrorKind::TooMany => "tooMany",
            ErrorKind::Uniqueness => "uniqueness",
            ErrorKind::Mutability => "mutability",
            ErrorKind::InvalidSyntax => "invalidSyntax",
            ErrorKind::InvalidPath => "invalidPath",
            ErrorKind::NoTarget => "noTarget",
            ErrorKind::InvalidValue => "invalidValue",
            ErrorKind::InvalidVers => "invalidVers",
            ErrorKind::InvalidCursor => "invalidCursor",
            ErrorKind::InvalidCount => "invalidCount",
        }
    }
}

/// A refusal, as the client is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ScimError {
    /// The status of HTTP.
    pub status: u16,
    /// The sort, where the RFC has a word for it.
    pub kind: Option<ErrorKind>,
    /// What happened and what to do, for a person.
    pub detail: String,
}

impl ScimError {
    /// A status with a text.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into() }
    }

    /// A request that cannot be carried out as it is.
    pub fn bad(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { status: 400, kind: Some(kind), detail: detail.into() }
    }

    /// A value that is missing or wrong.
    pub fn value(detail: impl Into<String>) -> Self {
        Self::bad(ErrorKind::InvalidValue, detail)
    }

    /// A body of the wrong form.
    pub fn syntax(detail: impl Into<String>) -> Self {
        Self::bad(ErrorKind::InvalidSyntax, detail)
    }

    /// A value that another resource has.
    pub fn taken(detail: impl Into<String>) -> Self {
        Self { status: 409, kind: Some(ErrorKind::Uniqueness), detail: detail.into() }
    }

    /// There is nothing by that name.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, format!("there is no {what}"))
    }

    /// The body of the answer.
    pub fn body(&self) -> Json {
        let mut body = Map::new();
        body.insert("schemas".into(), json!([ERROR]));
        body.insert("status".into(), self.status.to_string().into());
        if let Some(kind) = self.kind {
            body.insert("scimType".into(), kind.as_str().into());
        }
        body.insert("detail".into(), self.detail.clone().into());
        Json::Object(body)
    }
}
