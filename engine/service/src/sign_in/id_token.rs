//! The token by which a provider says who somebody is: each of its statements is checked before any is believed.

use entrain_model::Millis;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value as Json};

/// So far may the clock of the provider be from ours, in seconds.
const LEEWAY: i64 = 60;

/// Signatures that only the holder of a private key can make.
const SIGNATURES: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a token says.
pub(super) type Claims = Map<String, Json>;

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Millis,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Disbelief {
    /// None of the keys that are known has signed it; the provider may have others by now.
    #[error("its token is signed by no key that it publishes")]
    UnknownKey,
    /// It is wrong, whatever the keys.
    #[error("its token is not believed: {0}")]
    Wrong(&'static str),
}

/// What the token says, if it is the provider's own, for us, for this sign-in, and of now.
pub(super) fn read(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Claims, Disbelief> {
    let claims = signed(token, keys)?;
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    let seconds = |name: &str| claims.get(name).and_then(Json::as_f64).filter(|at| at.is_finite() && at.abs() < 1e12);
    require(text("iss") == Some(expected.issuer), "another issuer made it")?;
    require(is_for(&claims, expected.client_id), "it is for another client (aud, azp)")?;
    require(text("nonce") == Some(expected.nonce), "it belongs to another sign-in (nonce)")?;
    require(text("sub").is_some_and(|sub| (1..=255).contains(&sub.len())), "it does not say who it is about (sub)")?;
    let now = expected.now / 1000;
    let from_now = |name: &str| seconds(name).map(|at| at as i64 - now);
    require(from_now("exp").is_some_and(|left| left > -LEEWAY), "it has expired (exp)")?;
    require(from_now("iat").is_some_and(|since| since < LEEWAY), "it is of the future (iat)")?;
    require(from_now("nbf").is_none_or(|since| since < LEEWAY), "it is not valid yet (nbf)")?;
    Ok(claims)
}

fn require(holds: bool, otherwise: &'static str) -> Result<(), Disbelief> {
    if holds { Ok(()) } else { Err(Disbelief::Wrong(otherwise)) }
}

/// Whether we are the one whom it is for; where there are several, it says that it was we who asked.
fn is_for(claims: &Claims, client_id: &str) -> bool {
    let azp = claims.get("azp").and_then(Json::as_str);
    match claims.get("aud") {
        Some(Json::String(one)) => one == client_id && azp.is_none_or(|azp| azp == client_id),
        Some(Json::Array(all)) => {
            let ours = all.iter().any(|one| one.as_str() == Some(client_id));
            ours && if all.len() > 1 { azp == Some(client_id) } else { azp.is_none_or(|azp| azp == client_id) }
        }
        Some(_) | None => false,
    }
}

/// What it says, if one of these keys has signed it. Nothing of it but the name of its key was looked at before.
fn signed(token: &str, keys: &[Jwk]) -> Result<Claims, Disbelief> {
    let header = decode_header(token).map_err(|_| Disbelief::Wrong("it has no form that is known, or no signature"))?;
    require(SIGNATURES.contains(&header.alg), "whoever can check its signature can make it (alg)")?;
    // Times, issuer and audience are checked by `read`, on the clock that everything else has.
    let mut validation = Validation::new(header.alg);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    let fits = |key: &&Jwk| {
        let named = header.kid.is_none() || key.common.key_id == header.kid;
        let signs = key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let same = key.common.key_algorithm.is_none_or(|alg| alg.to_string() == format!("{:?}", header.alg));
        named && signs && same
    };
    let mut tried = keys.iter().filter(fits).filter_map(|key| DecodingKey::from_jwk(key).ok());
    let claims = tried.find_map(|key| decode::<Claims>(token, &key, &validation).ok());
    claims.map(|data| data.claims).ok_or(Disbelief::UnknownKey)
}

/// The values of a claim, of one inside others too: `realm_access.roles`.
pub(super) fn values(claims: &Claims, name: &str) -> Vec<String> {
    let found = claims.get(name).or_else(|| {
        let mut parts = name.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    });
    match found {
        Some(Json::String(one)) => vec![one.clone()],
        Some(Json::Array(all)) => all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        Some(_) | None => Vec::new(),
    }
}
