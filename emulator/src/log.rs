//! The record of requests, in memory and as lines of JSON in a file. Secrets are redacted when it is written.

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::{Map, Value as Json, json};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// How many bytes of bodies stay in memory.
const BYTES_KEPT: usize = 128 << 20;
const REDACTED: &str = "[redacted]";

/// One exchange.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its number, from 1.
    pub(crate) sequence: u64,
    /// When the request arrived, in unix milliseconds with fractions.
    pub(crate) arrived: f64,
    /// The method.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The request's headers.
    pub(crate) request_headers: HeaderMap,
    /// The request's body.
    pub(crate) request_body: Bytes,
    /// The status; `None` when the connection was cut instead.
    pub(crate) status: Option<u16>,
    /// The answer's headers.
    pub(crate) response_headers: HeaderMap,
    /// The answer's body.
    pub(crate) response_body: Bytes,
    /// How long it took, in milliseconds.
    pub(crate) took: f64,
}

impl Entry {
    /// The exchange as JSON, without secrets.
    pub(crate) fn json(&self) -> Json {
        json!({
            "sequence": self.sequence,
            "arrived": self.arrived,
            "method": self.method,
            "path": self.target,
            "requestHeaders": headers(&self.request_headers),
            "requestBody": body(&self.request_headers, &self.request_body),
            "status": self.status,
            "responseHeaders": headers(&self.response_headers),
            "responseBody": body(&self.response_headers, &self.response_body),
            "dropped": self.status.is_none(),
            "tookMs": self.took,
        })
    }

    fn bytes(&self) -> usize {
        self.request_body.len() + self.response_body.len() + 512
    }
}

fn headers(headers: &HeaderMap) -> Json {
    let mut map = Map::new();
    for (name, value) in headers {
        let secret = matches!(name.as_str(), "authorization" | "cookie");
        let text = if secret { REDACTED.to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() };
        let joined = map.get(name.as_str()).and_then(Json::as_str).map(|before| format!("{before}, {text}"));
        map.insert(name.to_string(), joined.unwrap_or(text).into());
    }
    Json::Object(map)
}

fn body(headers: &HeaderMap, bytes: &[u8]) -> Json {
    if bytes.is_empty() {
        return Json::Null;
    }
    let form = headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form {
        return form_body(&String::from_utf8_lossy(bytes)).into();
    }
    match serde_json::from_slice(bytes) {
        Ok(mut json) => {
            redact(&mut json);
            json
        }
        // What cannot be read cannot be redacted.
        Err(_) if String::from_utf8_lossy(bytes).to_lowercase().contains("password") => REDACTED.into(),
        Err(_) => String::from_utf8_lossy(bytes).into(),
    }
}

fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "password" | "newPassword" | "secretText" | "client_secret" | "client_assertion" | "access_token" | "assertion"
    )
}

fn form_body(text: &str) -> String {
    let field = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    };
    text.split('&').map(field).collect::<Vec<_>>().join("&")
}

fn redact(json: &mut Json) {
    if let Some(map) = json.as_object_mut() {
        for (name, value) in map.iter_mut() {
            if is_secret(name) && value.is_string() { *value = REDACTED.into() } else { redact(value) }
        }
    } else if let Some(items) = json.as_array_mut() {
        items.iter_mut().for_each(redact);
    }
}

/// The record.
#[derive(Debug)]
pub(crate) struct Log(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    next: u64,
    entries: VecDeque<Entry>,
    most: usize,
    bytes: usize,
    file: Option<File>,
}

impl Log {
    /// A record that keeps so many requests in memory and, with a file, writes all of them there.
    ///
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn open(most: usize, file: Option<&Path>) -> io::Result<Log> {
        let file = file.map(|path| File::options().create(true).append(true).open(path)).transpose()?;
        Ok(Log(Mutex::new(Kept { next: 1, entries: VecDeque::new(), most, bytes: 0, file })))
    }

    /// Adds an exchange; its number is given here.
    pub(crate) fn add(&self, mut entry: Entry) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entry.sequence = kept.next;
        kept.next += 1;
        if let Some(file) = &mut kept.file {
            let mut line = entry.json().to_string();
            line.push('\n');
            if let Err(error) = file.write_all(line.as_bytes()) {
                tracing::error!(%error, "a request could not be written to the log file");
            }
        }
        kept.bytes += entry.bytes();
        kept.entries.push_back(entry);
        while kept.entries.len() > kept.most || (kept.bytes > BYTES_KEPT && kept.entries.len() > 1) {
            let gone = kept.entries.pop_front().map_or(0, |entry| entry.bytes());
            kept.bytes -= gone;
        }
    }

    /// The requests in memory after a number, oldest first.
    pub(crate) fn after(&self, sequence: u64, most: usize) -> Vec<Entry> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entries.iter().filter(|entry| entry.sequence > sequence).take(most).cloned().collect()
    }
}
