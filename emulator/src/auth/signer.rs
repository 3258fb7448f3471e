//! The key that signs access tokens.

use super::der;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many verified tokens are remembered.
const TOKENS_KEPT: usize = 1024;
const KEY_ID: &str = "emulator";

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The resource that it is for.
    pub(crate) aud: String,
    /// Who issued it.
    pub(crate) iss: String,
    /// When, in unix seconds.
    pub(crate) iat: i64,
    /// From when it is valid.
    pub(crate) nbf: i64,
    /// Until when it is valid.
    pub(crate) exp: i64,
    /// The application.
    pub(crate) appid: String,
    /// The tenant.
    pub(crate) tid: String,
    /// Application permissions; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    /// Client capabilities; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) xms_cc: Vec<String>,
    /// The moment of the challenge that it answers.
    #[serde(rename = "xms_answers", default, skip_serializing_if = "Option::is_none")]
    pub(crate) answers: Option<i64>,
    /// The version of the token's form.
    pub(crate) ver: String,
    /// Which generation of tokens it belongs to.
    #[serde(rename = "xms_generation")]
    pub(crate) generation: u64,
}

/// An RSA key that every emulator has, so that a start need not make one. It guards nothing: whoever reaches an emulator
/// may do there what it likes.
const KEY: &[u8] = include_bytes!("signing_key.der");

/// The key, ready for use.
pub(crate) struct Signer {
    sign: EncodingKey,
    verify: DecodingKey,
    verified: Mutex<HashMap<String, Claims>>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Signer")
    }
}

impl Default for Signer {
    fn default() -> Self {
        let (modulus, exponent) = der::rsa_numbers(KEY).unwrap_or_default();
        Signer {
            sign: EncodingKey::from_rsa_der(KEY),
            verify: DecodingKey::from_rsa_raw_components(modulus, exponent),
            verified: Mutex::default(),
        }
    }
}

impl Signer {
    /// Signs a token; `None` if it cannot be written.
    pub(crate) fn sign(&self, claims: &Claims) -> Option<String> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KEY_ID.to_owned());
        encode(&header, claims, &self.sign).ok()
    }

    /// The claims of a token that carries our signature. Times are not checked here. A token is verified once.
    pub(crate) fn claims(&self, token: &str) -> Option<Claims> {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = verified.get(token) {
            return Some(claims.clone());
        }
        let claims = self.verify(token)?;
        if verified.len() >= TOKENS_KEPT {
            verified.clear();
        }
        verified.insert(token.to_owned(), claims.clone());
        Some(claims)
    }

    fn verify(&self, token: &str) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        decode::<Claims>(token, &self.verify, &validation).ok().map(|token| token.claims)
    }

    /// The public key as a JSON Web Key Set.
    pub(crate) fn key_set() -> Json {
        let (modulus, exponent) = der::rsa_numbers(KEY).unwrap_or_default();
        let key = json!({ "kty": "RSA", "use": "sig", "kid": KEY_ID, "alg": "RS256", "n": BASE64.encode(modulus), "e": BASE64.encode(exponent) });
        json!({ "keys": [key] })
    }
}
