//! Answers, before they go over the wire or into a batch.

use crate::failure::Failure;
use serde_json::{Value as Json, json};

/// The content type of JSON answers.
pub(crate) const ODATA_JSON: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

const CHALLENGE: &str = "Bearer authorization_uri=\"https://login.windows.net/common/oauth2/authorize\"";

/// A status, headers and a body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Headers beyond the ones that every answer has.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Headers that a fault adds.
    pub(crate) extra: Vec<(String, String)>,
    /// The body; empty for 204.
    pub(crate) body: Vec<u8>,
    /// The content type of the body.
    pub(crate) content_type: &'static str,
    /// Whether the connection breaks in the middle of the body.
    pub(crate) breaks: bool,
}

impl Answer {
    /// An answer with a JSON body that is already written.
    pub(crate) fn written(status: u16, body: Vec<u8>) -> Answer {
        Answer { status, headers: Vec::new(), extra: Vec::new(), body, content_type: ODATA_JSON, breaks: false }
    }

    /// An answer with a JSON body.
    pub(crate) fn json(status: u16, body: &Json) -> Answer {
        Answer::written(status, body.to_string().into_bytes())
    }

    /// 204.
    pub(crate) fn no_content() -> Answer {
        Answer::written(204, Vec::new())
    }

    /// A plain text, such as a `$count`.
    pub(crate) fn text(body: String) -> Answer {
        Answer { content_type: "text/plain", ..Answer::written(200, body.into_bytes()) }
    }

    /// Every header beyond the content type.
    pub(crate) fn all_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let extra = self.extra.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.headers.iter().map(|(name, value)| (*name, value.as_str())).chain(extra)
    }

    /// The same with a header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    /// The error body of a refusal. `date` is RFC 3339 without zone, as the service writes it.
    pub(crate) fn refusal(failure: &Failure, date: &str, request_id: &str, client_request_id: &str) -> Answer {
        let mut error = json!({
            "code": failure.code,
            "message": failure.message,
            "innerError": { "date": date, "request-id": request_id, "client-request-id": client_request_id },
        });
        if !failure.details.is_empty() {
            let detail = |detail: &crate::failure::Detail| json!({ "code": detail.code, "message": detail.message, "target": detail.target });
            error["details"] = failure.details.iter().map(detail).collect();
        }
        let mut answer = Answer::json(failure.status, &json!({ "error": error }));
        if let Some(location) = &failure.location {
            answer = answer.header("location", location.clone());
        }
        match &failure.challenge {
            Some(claims) => {
                answer.header("www-authenticate", format!("{CHALLENGE}, error=\"insufficient_claims\", claims=\"{claims}\""))
            }
            None if failure.status == 401 => answer.header("www-authenticate", CHALLENGE),
            None => answer,
        }
    }
}
