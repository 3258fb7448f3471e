//! Turns an answer that is no success into a fact, the attribute or id that it names, and a message that says what to do.

mod table;

use entrain_model::{DirectoryError, Fault, TargetId};
use serde_json::Value as Json;

pub(crate) use table::Meaning;
use table::{Row, TABLE};

use crate::call::{Answer, Call};

/// The longest part of a foreign text that goes into a message.
const LONGEST_TEXT: usize = 400;

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub meaning: Meaning,
    pub error: DirectoryError,
    /// An earlier sending of the same request got no answer: it may have been done then.
    pub after_loss: bool,
}

impl Refusal {
    /// The id of the missing record, if the answer names one.
    pub(crate) fn missing(&self) -> Option<&TargetId> {
        if let Fault::NotFound { id } = &self.error.fault { id.as_ref() } else { None }
    }
}

impl From<Refusal> for DirectoryError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// Graph's error body, whatever its form.
#[derive(Debug, Default)]
struct Body {
    code: String,
    text: String,
    details: Vec<(String, String)>,
    request_id: Option<String>,
}

/// Classifies an answer to a request.
pub(crate) fn classify(call: &Call, answer: &Answer) -> Refusal {
    let body = read(&answer.body);
    let row = fitting(answer.status, &body);
    let meaning = row.map_or(Meaning::Invalid, |row| row.meaning);
    let advice = row.map_or("", |row| row.advice);
    let message = message(call, answer.status, &body, advice);
    let error = DirectoryError {
        fault: fault(meaning, answer, &body),
        message,
        request_id: answer.request_id.clone().or(body.request_id),
    };
    Refusal { meaning, error, after_loss: false }
}

fn fitting(status: u16, body: &Body) -> Option<&'static Row> {
    let lower = body.text.to_lowercase();
    TABLE.iter().find(|row| {
        (row.status == 0 || row.status == status)
            && (row.code.is_empty() || row.code.eq_ignore_ascii_case(&body.code))
            && (row.detail.is_empty() || body.details.iter().any(|(code, _)| code.eq_ignore_ascii_case(row.detail)))
            && lower.contains(row.text)
    })
}

fn fault(meaning: Meaning, answer: &Answer, body: &Body) -> Fault {
    match meaning {
        Meaning::Throttled => Fault::Throttled { retry_after: answer.retry_after },
        Meaning::Unavailable => Fault::OutcomeUnknown,
        Meaning::Concurrent => Fault::Concurrent,
        Meaning::Unauthorized => Fault::Unauthorized,
        Meaning::Forbidden => Fault::Forbidden,
        Meaning::Conflict | Meaning::LinkExists | Meaning::LinkTwice => Fault::AlreadyExists { attribute: attribute(body) },
        Meaning::Missing => Fault::NotFound { id: quoted(&body.text).map(TargetId::from) },
        Meaning::LinkMissing => Fault::NotFound { id: None },
        Meaning::CursorExpired | Meaning::Query | Meaning::Unsupported => Fault::Unsupported,
        Meaning::Quota
        | Meaning::Barred
        | Meaning::Mastered
        | Meaning::Unwritable
        | Meaning::AnchorRefused
        | Meaning::Unripe
        | Meaning::Invalid => Fault::Rejected { code: body.code.clone(), attribute: attribute(body) },
    }
}

fn message(call: &Call, status: u16, body: &Body, advice: &str) -> String {
    let said = match (body.code.is_empty(), body.text.is_empty()) {
        (true, true) => "no reason given".to_owned(),
        (false, true) => body.code.clone(),
        (true, false) => shortened(&body.text),
        (false, false) => format!("{}: {}", body.code, shortened(&body.text)),
    };
    format!("Graph answered {status} to {} {}: {said}. {advice}", call.method.as_str(), call.shape)
}

fn shortened(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads `error` (or the older `odata.error`); message and details may each be an object where a text or a list is documented.
fn read(body: &Json) -> Body {
    let error = body.get("error").or_else(|| body.get("odata.error")).unwrap_or(&Json::Null);
    let text = |value: &Json| value.as_str().map(str::to_owned).unwrap_or_default();
    let message = &error["message"];
    let details = error["details"].as_array().map_or_else(|| std::slice::from_ref(&error["details"]), Vec::as_slice);
    let inner = error.get("innerError").or_else(|| error.get("innererror")).unwrap_or(&Json::Null);
    Body {
        code: text(&error["code"]),
        text: message.as_str().or_else(|| message["value"].as_str()).unwrap_or_default().to_owned(),
        details: details
            .iter()
            .filter(|detail| detail.is_object())
            .map(|detail| (text(&detail["code"]), text(&detail["target"])))
            .collect(),
        request_id: inner["request-id"].as_str().map(str::to_owned),
    }
}

/// The attribute that an error is about: the target of a detail, else the name after "property" or "properties" in the text.
fn attribute(body: &Body) -> Option<String> {
    if let Some((_, target)) = body.details.iter().find(|(_, target)| !target.is_empty()) {
        return Some(target.clone());
    }
    if body.text.to_lowercase().contains("property netid") {
        return Some("userPrincipalName".to_owned());
    }
    let words = body.text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_'));
    let words: Vec<&str> = words.filter(|word| *word != "named").collect();
    let place = words.iter().position(|word| ["property", "properties"].contains(&word.to_lowercase().as_str()))?;
    let after = words.get(place + 1).filter(|word| looks_like_a_name(word));
    let before = words[..place].last().filter(|word| looks_like_a_name(word) && word.contains(|c: char| c.is_ascii_uppercase()));
    after.or(before).map(|name| (*name).to_owned())
}

/// Property names begin in lower case and are no words of the sentence.
fn looks_like_a_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && !["values", "value", "is", "of", "for", "are", "with", "name", "names", "that", "contains"].contains(&word)
}

/// What stands between the first pair of single quotes.
fn quoted(text: &str) -> Option<&str> {
    text.split('\'').nth(1).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests;
