//! Federated credentials: an assertion signed by another identity provider (Entra "workload identity federation").
//!
//! The provider's keys are registered with the credential, where the service would fetch them from the issuer. The codes
//! of the refusals are those that people report; no page lists them.

use super::assertion::{Seconds, in_time};
use super::credentials::Application;
use super::refusal::Refusal;
use crate::app::App;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value as Json;

/// The only audience that a federated credential has unless it says otherwise.
pub(crate) const AUDIENCE: &str = "api://AzureADTokenExchange";
const LONGEST_NAME: usize = 120;
const LONGEST: usize = 600;

/// Whose assertions an application trusts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Federated {
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    #[serde(default = "usual")]
    pub(crate) audiences: Vec<String>,
    keys: JwkSet,
}

fn usual() -> Vec<String> {
    vec![AUDIENCE.to_owned()]
}

impl Federated {
    /// Checks the credential against the limits and against those that the application has.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(&self, known: &[Federated]) -> Result<(), String> {
        let clean = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        if self.name.is_empty() || self.name.len() > LONGEST_NAME || !self.name.chars().all(clean) {
            return Err(format!("the name of a federated credential has at most {LONGEST_NAME} URL friendly characters"));
        }
        if self.issuer.len() > LONGEST || self.subject.len() > LONGEST {
            return Err(format!("issuer and subject have at most {LONGEST} characters"));
        }
        if self.audiences.len() != 1 {
            return Err("a federated credential has exactly one audience".to_owned());
        }
        let same = |other: &Federated| (&other.issuer, &other.subject) == (&self.issuer, &self.subject);
        if known.iter().any(|other| other.name == self.name || same(other)) {
            return Err("the name, and the pair of issuer and subject, are unique in an application".to_owned());
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Claims {
    aud: Json,
    iss: String,
    sub: String,
    exp: Seconds,
    nbf: Option<Seconds>,
}

/// Whether an assertion comes from elsewhere: it names no certificate, and another issuer than the application.
pub(crate) fn is_foreign(application: &Application, assertion: &str) -> bool {
    let certified = decode_header(assertion).is_ok_and(|header| header.x5t.is_some() || header.x5t_s256.is_some());
    !certified && peek(assertion).is_some_and(|claims| !claims.iss.eq_ignore_ascii_case(&application.client_id))
}

fn peek(assertion: &str) -> Option<Claims> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Verifies a foreign assertion: who it is from, then the signature, then the time.
///
/// # Errors
/// What the token endpoint answers.
pub(crate) fn verify(app: &App, application: &Application, assertion: &str) -> Result<(), Refusal> {
    let malformed = || Refusal::bad_assertion("The assertion is malformed.");
    let said = peek(assertion).ok_or_else(malformed)?;
    let of_issuer: Vec<&Federated> = application.federated.iter().filter(|known| known.issuer == said.iss).collect();
    if of_issuer.is_empty() {
        return Err(Refusal::no_federation(700_211, "issuer", &said.iss));
    }
    let known = of_issuer.into_iter().find(|known| known.subject == said.sub);
    let known = known.ok_or_else(|| Refusal::no_federation(700_213, "subject", &said.sub))?;
    if !names(&said.aud, &known.audiences[0]) {
        return Err(Refusal::no_federation(700_212, "audience", said.aud.as_str().unwrap_or_default()));
    }
    let header = decode_header(assertion).map_err(|_| malformed())?;
    let wanted = |key: &&jsonwebtoken::jwk::Jwk| header.kid.is_none() || key.common.key_id == header.kid;
    let mut keys = known.keys.keys.iter().filter(wanted).filter_map(|key| DecodingKey::from_jwk(key).ok()).peekable();
    if keys.peek().is_none() {
        return Err(Refusal::bad_assertion("The key was not found."));
    }
    if header.alg != Algorithm::RS256 || !keys.any(|key| is_signed(assertion, &key)) {
        return Err(Refusal::bad_assertion("The signature does not match."));
    }
    in_time(app, said.nbf, said.exp)
}

fn names(audience: &Json, wanted: &str) -> bool {
    audience == wanted || audience.as_array().is_some_and(|all| all.iter().any(|one| one == wanted))
}

fn is_signed(assertion: &str, key: &DecodingKey) -> bool {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode::<Json>(assertion, key, &validation).is_ok()
}
