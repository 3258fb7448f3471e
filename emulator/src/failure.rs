//! What Graph answers when it refuses: status, code, message and details (Graph "Error responses").

use crate::directory::Kind;

/// One entry of `error.details`.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    /// For example `ObjectConflict`.
    pub(crate) code: &'static str,
    /// The property concerned.
    pub(crate) target: String,
    /// Human readable.
    pub(crate) message: String,
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `error.code`.
    pub(crate) code: &'static str,
    /// `error.message`.
    pub(crate) message: String,
    /// `error.details`, left out when empty.
    pub(crate) details: Vec<Detail>,
    /// A `Location` header (a delta that must start again).
    pub(crate) location: Option<String>,
    /// The claims that a token must have (base64), when one is refused for the lack of them.
    pub(crate) challenge: Option<String>,
}

impl Failure {
    /// A refusal with this status, code and message.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Failure {
        Failure { status, code, message: message.into(), details: Vec::new(), location: None, challenge: None }
    }

    /// 400 `Request_BadRequest`.
    pub(crate) fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(400, "Request_BadRequest", message)
    }

    /// 400 `Request_UnsupportedQuery`.
    pub(crate) fn unsupported_query(message: impl Into<String>) -> Failure {
        Failure::new(400, "Request_UnsupportedQuery", message)
    }

    /// 404 naming the resource that is missing.
    pub(crate) fn not_found(id: impl std::fmt::Display) -> Failure {
        let message = format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
        Failure::new(404, "Request_ResourceNotFound", message)
    }

    /// 400: the key of the path is that of several objects.
    pub(crate) fn several(key: &str) -> Failure {
        let message = format!("More than one object has the key value '{key}'.");
        Failure::new(400, "Request_MultipleObjectsWithSameKeyValue", message)
    }

    /// 403 `Authorization_RequestDenied`.
    pub(crate) fn denied() -> Failure {
        Failure::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    }

    /// 405: the path exists, the method does not.
    pub(crate) fn method() -> Failure {
        Failure::new(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
    }

    /// 400: the path does not exist.
    pub(crate) fn segment(segment: &str) -> Failure {
        Failure::new(400, "BadRequest", format!("Resource not found for the segment '{segment}'."))
    }

    /// 400: a page token that is none, or none any more.
    pub(crate) fn page_token() -> Failure {
        let message = "The specified page token value has expired and can no longer be included in your request.";
        Failure::new(400, "Directory_ExpiredPageToken", message)
    }

    /// 400: a value that the property does not take.
    pub(crate) fn invalid_value(kind: Kind, property: &str) -> Failure {
        let message = format!("Invalid value specified for property '{property}' of resource '{}'.", kind.resource());
        Failure::bad_request(message).detail("InvalidValue", property)
    }

    /// 400: another object holds the value.
    pub(crate) fn conflict(property: &str) -> Failure {
        let message = format!("Another object with the same value for property {property} already exists.");
        Failure::bad_request(message).detail("ObjectConflict", property)
    }

    /// 400: the property may not be written.
    pub(crate) fn read_only(property: &str) -> Failure {
        Failure::bad_request(format!("Property '{property}' is read-only and cannot be set."))
    }

    /// The same with a detail that repeats the message.
    pub(crate) fn detail(mut self, code: &'static str, target: &str) -> Failure {
        self.details.push(Detail { code, target: target.to_owned(), message: self.message.clone() });
        self
    }
}
