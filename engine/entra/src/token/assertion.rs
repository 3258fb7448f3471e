//! Signing in with a certificate: a signed assertion in place of a secret.
//!
//! PS256 with the SHA-256 thumbprint of the certificate, as "Microsoft identity platform application authentication
//! certificate credentials" describes it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use entrain_model::Clock;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use uuid::Uuid;

use super::certificate;
use crate::EntraConfig;

/// How long an assertion is valid, in seconds.
const VALIDITY: i64 = 600;

/// Signs assertions of one application.
#[derive(Clone)]
pub(super) struct Signer(Arc<Inner>);

struct Inner {
    client_id: String,
    audience: String,
    key: EncodingKey,
    thumbprint: String,
    clock: Arc<dyn Clock>,
}

impl Signer {
    /// Reads key and certificate from one PEM text. The error says which is missing or unreadable.
    pub(super) fn new(config: &EntraConfig, client_id: &str, pem: &str) -> Result<Self, String> {
        if pem.contains("ENCRYPTED") {
            return Err("the private key is encrypted; decrypt it (`openssl pkey`) and protect the file instead".to_owned());
        }
        let key = block(pem, "PRIVATE KEY").ok_or("the PEM text has no private key")?;
        let key = EncodingKey::from_rsa_pem(key.as_bytes())
            .map_err(|error| format!("the private key is no readable RSA key: {error}"))?;
        let der = certificate::bytes(pem)?;
        Ok(Self(Arc::new(Inner {
            client_id: client_id.to_owned(),
            audience: format!("{}/{}/oauth2/v2.0/token", config.cloud.authority(), config.tenant),
            key,
            thumbprint: certificate::thumbprint(&der),
            clock: config.clock.clone(),
        })))
    }

    fn sign(&self) -> Result<String, jsonwebtoken::errors::Error> {
        let inner = &self.0;
        let now = inner.clock.now() / 1000;
        #[expect(clippy::disallowed_methods, reason = "the id of an assertion must never occur again")]
        let jti = Uuid::new_v4().to_string();
        let claims = json!({
            "aud": inner.audience, "iss": inner.client_id, "sub": inner.client_id, "jti": jti,
            "iat": now, "nbf": now, "exp": now + VALIDITY,
        });
        let header = Header { x5t_s256: Some(inner.thumbprint.clone()), ..Header::new(Algorithm::PS256) };
        jsonwebtoken::encode(&header, &claims, &inner.key)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("client_id", &self.0.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl ClientAssertion for Signer {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.sign()
            .map_err(|error| azure_core::Error::with_error(azure_core::error::ErrorKind::Credential, error, "no assertion"))
    }
}

/// The first PEM block whose label ends so, with its lines.
pub(super) fn block(pem: &str, label: &str) -> Option<String> {
    let begin =
        pem.lines().position(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{label}-----")))?;
    let lines: Vec<&str> = pem.lines().skip(begin).collect();
    let end = lines.iter().position(|line| line.starts_with("-----END "))?;
    Some(lines[..=end].join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{DecodingKey, Validation};
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::CredentialConfig;
    use crate::testing::FakeClock;

    /// A new RSA key and its certificate, and what must be found in the assertion: public key and thumbprint.
    fn made() -> (String, String, String, String) {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["entrain.test".into()]).unwrap().self_signed(&key).unwrap();
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(certificate.der()));
        (key.serialize_pem(), certificate.pem(), key.public_key_pem(), thumbprint)
    }

    fn signer(pem: &str) -> Result<Signer, String> {
        let config = EntraConfig::new("contoso.com", CredentialConfig::ManagedIdentity { client_id: None }, FakeClock::new());
        Signer::new(&config, "app-1", pem)
    }

    #[test]
    fn the_assertion_is_signed_with_ps256_and_names_the_certificate() {
        let (key, certificate, public, thumbprint) = made();
        let assertion = signer(&format!("{certificate}\n{key}")).unwrap().sign().unwrap();
        let mut rules = Validation::new(Algorithm::PS256);
        rules.set_audience(&["https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"]);
        rules.validate_exp = false;
        let read =
            jsonwebtoken::decode::<serde_json::Value>(&assertion, &DecodingKey::from_rsa_pem(public.as_bytes()).unwrap(), &rules)
                .unwrap();
        assert_eq!(read.header.x5t_s256.as_deref(), Some(thumbprint.as_str()));
        assert_eq!((&read.claims["iss"], &read.claims["sub"]), (&json!("app-1"), &json!("app-1")));
        assert_eq!(read.claims["exp"].as_i64().unwrap() - read.claims["nbf"].as_i64().unwrap(), VALIDITY);
    }

    #[test]
    fn what_is_missing_is_named() {
        let (key, certificate, ..) = made();
        assert!(signer(&certificate).unwrap_err().contains("no private key"));
        assert!(signer(&key).unwrap_err().contains("no certificate"));
        assert!(signer(&key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE")).unwrap_err().contains("openssl pkey"));
    }
}
