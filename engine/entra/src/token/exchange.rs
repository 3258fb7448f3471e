//! What `azure_identity` says to the token endpoint, and what it hears.
//!
//! It cannot ask for claims, so this transport adds them to the form. It reads `error_description` as a borrowed text, so that any JSON escape in it (line breaks are usual), or a body that is
//! no JSON, turns into a parse error: status and AADSTS code are lost. This transport rewrites such bodies.

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use serde_json::{Value as Json, json};

use super::claims::with_claims;

/// A transport whose requests carry claims, and whose error bodies need no unescaping.
#[derive(Debug)]
pub(super) struct Exchange {
    pub client: reqwest::Client,
    /// What the last refusal of a token asked for.
    pub challenge: Option<Json>,
}

#[async_trait]
impl HttpClient for Exchange {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut request = request.clone();
        if let Body::Bytes(form) = request.body()
            && let Some(form) = with_claims(form, self.challenge.as_ref())
        {
            request.set_body(form);
        }
        let response = HttpClient::execute_request(&self.client, &request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers, body) = response.deconstruct();
        let body = body.collect().await?;
        Ok(AsyncRawResponse::from_bytes(status, headers, sanitised(&body)))
    }
}

/// The same facts in a body without escapes.
fn sanitised(body: &[u8]) -> String {
    let facts: Json = serde_json::from_slice(body).unwrap_or_else(|_| json!({}));
    let description = match facts["error_description"].as_str() {
        Some(text) => plain(text),
        None => plain(&String::from_utf8_lossy(&body[..body.len().min(300)])),
    };
    let codes: Vec<i64> = match facts["error_codes"].as_array() {
        Some(codes) => codes.iter().filter_map(Json::as_i64).collect(),
        None => super::refusal::aadsts(&description).into_iter().collect(),
    };
    let text = |name: &str| plain(facts[name].as_str().unwrap_or_default());
    json!({
        "error": text("error"),
        "error_description": description,
        "error_codes": codes,
        "correlation_id": text("correlation_id"),
        "trace_id": text("trace_id"),
    })
    .to_string()
}

/// Without anything that JSON escapes.
fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Borrowed<'a> {
        error_description: &'a str,
        error_codes: Vec<i32>,
    }

    #[test]
    fn line_breaks_and_quotes_do_not_hide_the_code() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid \"secret\".\u0001\r\nTrace ID: 1","error_codes":[7000215],"correlation_id":"c-1"}"#;
        let sanitised = sanitised(body.as_bytes());
        let read: Borrowed<'_> = serde_json::from_str(&sanitised).unwrap();
        assert_eq!((read.error_description, read.error_codes), ("AADSTS7000215: Invalid 'secret'. Trace ID: 1", vec![7_000_215]));
        assert!(sanitised.contains(r#""correlation_id":"c-1""#));
    }

    #[test]
    fn a_body_that_is_no_json_is_shown() {
        let sanitised = sanitised(b"<html>\nBad \"Gateway\" AADSTS90033: wait</html>");
        let read: Borrowed<'_> = serde_json::from_str(&sanitised).unwrap();
        assert_eq!((read.error_description, read.error_codes), ("<html> Bad 'Gateway' AADSTS90033: wait</html>", vec![90_033]));
    }
}
