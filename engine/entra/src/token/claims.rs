//! The `claims` of a token request: that challenges are understood, and what the last of them asked for.
//!
//! A tenant takes a token back before its time with a challenge (Entra documentation, "continuous access evaluation"): the
//! refusal says what the next token must be asked for with. Only who says `cp1` is challenged; the others keep tokens that
//! soon end. Managed identities have no part in it.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value as Json, json};

use crate::odata::escape;

/// The capability to answer challenges.
const CAPABILITY: &str = "cp1";
/// Claims longer than this are not passed on.
const LONGEST: usize = 16 * 1024;

/// The claims that a `WWW-Authenticate` header asks for; nothing if it is no challenge.
pub(crate) fn challenged(header: &str) -> Option<Json> {
    let claims = parameter(header, "claims").filter(|claims| claims.len() <= LONGEST)?;
    if parameter(header, "error") != Some("insufficient_claims") {
        return None;
    }
    let padding = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = [STANDARD, URL_SAFE].iter().find_map(|alphabet| GeneralPurpose::new(alphabet, padding).decode(claims).ok())?;
    serde_json::from_slice::<Json>(&decoded).ok().filter(Json::is_object)
}

/// The value of a parameter in quotes.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = header;
    while let Some((before, after)) = rest.split_once("=\"") {
        let (value, next) = after.split_once('"')?;
        if before.rsplit([' ', ',']).next().is_some_and(|last| last.eq_ignore_ascii_case(name)) {
            return Some(value);
        }
        rest = next;
    }
    None
}

/// A form that asks for a token, with the claims; any other form as it is.
pub(super) fn with_claims(form: &[u8], challenge: Option<&Json>) -> Option<Vec<u8>> {
    let asks = form.split(|byte| *byte == b'&').any(|pair| pair == b"grant_type=client_credentials");
    asks.then(|| [form, b"&claims=", escape(&wanted(challenge).to_string()).as_bytes()].concat())
}

/// The claims of a challenge, and that challenges are understood.
fn wanted(challenge: Option<&Json>) -> Json {
    let mut claims = challenge.and_then(Json::as_object).cloned().unwrap_or_default();
    let mut token = claims.remove("access_token").and_then(|claims| claims.as_object().cloned()).unwrap_or_else(Map::new);
    token.insert("xms_cc".to_owned(), json!({ "values": [CAPABILITY] }));
    claims.insert("access_token".to_owned(), Json::Object(token));
    Json::Object(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"access_token":{"nbf":{"essential":true,"value":"1?>"}}}`, whose base64 has a character that the alphabets write differently.
    const STANDARD_FORM: &str = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxPz4ifX19";

    fn header(claims: &str) -> String {
        format!(
            r#"Bearer realm="", authorization_uri="https://login.test/common?a=b", error="insufficient_claims", claims="{claims}""#
        )
    }

    #[test]
    fn a_challenge_is_read_in_either_alphabet_with_or_without_padding() {
        let claims = json!({"access_token": {"nbf": {"essential": true, "value": "1?>"}}});
        assert_eq!(challenged(&header(STANDARD_FORM)), Some(claims));
        let odd = json!({"access_token": {"acrs": {"value": "c1>>>???"}}});
        let standard = base64::prelude::BASE64_STANDARD.encode(odd.to_string());
        let url = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(odd.to_string());
        assert!(standard != url, "the two forms differ");
        assert_eq!((challenged(&header(&standard)), challenged(&header(&url))), (Some(odd.clone()), Some(odd)));
    }

    #[test]
    fn what_is_no_challenge_asks_for_nothing() {
        let expired = r#"Bearer realm="", error="invalid_token", claims="e30=""#;
        for header in ["", "Bearer", "claims=", expired, &header("%%%"), &header("W10="), r#"Bearer xclaims="e30=", error="#] {
            assert_eq!(challenged(header), None, "{header}");
        }
    }

    #[test]
    fn a_request_for_a_token_says_what_is_understood_and_what_was_asked_for() {
        let sent = |challenge: Option<&Json>| {
            let form = with_claims(b"client_id=a&grant_type=client_credentials&scope=s", challenge).unwrap();
            String::from_utf8(form).unwrap()
        };
        let plain = escape(r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#);
        assert_eq!(sent(None), format!("client_id=a&grant_type=client_credentials&scope=s&claims={plain}"));
        let asked = sent(Some(&json!({"access_token": {"nbf": {"value": "7"}}, "id_token": {}})));
        let both = r#"{"access_token":{"nbf":{"value":"7"},"xms_cc":{"values":["cp1"]}},"id_token":{}}"#;
        assert!(asked.ends_with(&escape(both)), "{asked}");
        assert_eq!(with_claims(b"grant_type=refresh_token", None), None);
    }
}
