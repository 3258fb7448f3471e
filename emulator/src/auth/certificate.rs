//! Certificates that may sign client assertions.

use super::der;
use crate::directory::derived;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A registered certificate: its thumbprints and its key.
#[derive(Clone)]
pub(crate) struct Certificate {
    sha1: Vec<u8>,
    sha256: Vec<u8>,
    /// From when until when it is valid, in unix milliseconds.
    pub(crate) validity: (i64, i64),
    /// The key that verifies.
    pub(crate) key: DecodingKey,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Certificate({})", BASE64_URL_SAFE_NO_PAD.encode(&self.sha256))
    }
}

impl Certificate {
    /// Reads the first certificate of a PEM text; `None` if there is none with an RSA key.
    pub(crate) fn from_pem(pem: &str) -> Option<Certificate> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let key = DecodingKey::from_rsa_der(der::rsa_key_of(&der)?);
        let validity = der::validity_of(&der)?;
        Some(Certificate { sha1: Sha1::digest(&der).to_vec(), sha256: Sha256::digest(&der).to_vec(), validity, key })
    }

    /// The id under which the application lists it.
    pub(crate) fn key_id(&self) -> Uuid {
        derived(&[b"certificate key id", &self.sha256])
    }

    /// The SHA-1 thumbprint in hexadecimal digits, as the application lists it.
    pub(crate) fn thumbprint(&self) -> String {
        self.sha1.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// Whether the `x5t` (SHA-1) or `x5t#S256` header of an assertion names this certificate, in either base64 alphabet.
    pub(crate) fn is_named_by(&self, x5t: Option<&str>, x5t_s256: Option<&str>) -> bool {
        let is = |text: Option<&str>, digest: &[u8]| text.and_then(decoded).is_some_and(|bytes| bytes == digest);
        is(x5t_s256, &self.sha256) || is(x5t, &self.sha1)
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let standard = || BASE64_STANDARD.decode(text).ok();
    BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok().or_else(standard)
}
