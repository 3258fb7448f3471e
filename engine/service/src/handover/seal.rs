//! Sealed envelopes: JWE in its compact form (RFC 7516), RSA-OAEP-256 with A256GCM, which every JOSE library opens.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde_json::json;
use sha2::{Digest as _, Sha256};

const KEY: usize = 32;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SealError(String);

/// The key that envelopes are sealed for. What it seals only the owner of its other half can read.
pub(super) struct SealKey {
    key: OaepPublicEncryptingKey,
    header: String,
}

impl SealKey {
    /// Reads an RSA public key in PEM.
    pub(super) fn open(path: &Path) -> Result<Self, SealError> {
        let wrong = |error: &dyn std::fmt::Display| {
            let how = "`openssl rsa -in KEY -pubout` writes one";
            SealError(format!("{} is no RSA public key of 2048 bits or more ({error}); {how}", path.display()))
        };
        let der = SubjectPublicKeyInfoDer::from_pem_file(path).map_err(|error| wrong(&error))?;
        let key = PublicEncryptingKey::from_der(&der).map_err(|error| wrong(&error))?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|error| wrong(&error))?;
        let kid = BASE64.encode(Sha256::digest(&der));
        let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "json", "kid": kid }).to_string();
        Ok(Self { key, header: BASE64.encode(header) })
    }

    /// Seals a text.
    pub(super) fn seal(&self, text: &str) -> Result<String, SealError> {
        let failed = |_| SealError("an envelope could not be sealed".to_owned());
        let (mut content_key, mut nonce) = ([0; KEY], [0; NONCE]);
        rand::fill(&mut content_key).map_err(failed)?;
        rand::fill(&mut nonce).map_err(failed)?;
        let mut wrapped = vec![0; self.key.ciphertext_size()];
        let wrapped: &[u8] = self.key.encrypt(&OAEP_SHA256_MGF1SHA256, &content_key, &mut wrapped, None).map_err(failed)?;
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &content_key).map_err(failed)?);
        let mut sealed = text.as_bytes().to_vec();
        let aad = Aad::from(self.header.as_bytes());
        cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).map_err(failed)?;
        let (text, tag) = sealed.split_at(sealed.len() - TAG);
        let parts = [wrapped, &nonce, text, tag].map(|part| BASE64.encode(part));
        Ok(format!("{}.{}", self.header, parts.join(".")))
    }
}

/// Opens an envelope with the RSA private key (PKCS #8, PEM) in this file.
pub(crate) fn open(envelope: &str, key: &Path) -> Result<String, SealError> {
    let no_key = |error: &dyn std::fmt::Display| {
        SealError(format!("{} is no private RSA key ({error}); `openssl genpkey -algorithm RSA` makes one", key.display()))
    };
    let der = PrivatePkcs8KeyDer::from_pem_file(key).map_err(|error| no_key(&error))?;
    let private = PrivateDecryptingKey::from_pkcs8(der.secret_pkcs8_der()).map_err(|error| no_key(&error))?;
    let no_envelope = || SealError("it is no sealed envelope: five parts with dots between are expected".to_owned());
    let parts: Vec<&str> = envelope.trim().split('.').collect();
    let [header, rest @ ..] = &parts[..] else { return Err(no_envelope()) };
    let decoded: Vec<Vec<u8>> =
        rest.iter().map(|part| BASE64.decode(part)).collect::<Result<_, _>>().map_err(|_| no_envelope())?;
    let [wrapped, nonce, text, tag] = &decoded[..] else { return Err(no_envelope()) };
    let not_ours = |_| SealError("the envelope was sealed for another key, or was changed".to_owned());
    let private = OaepPrivateDecryptingKey::new(private).map_err(not_ours)?;
    let mut content_key = vec![0; private.min_output_size()];
    let content_key = private.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut content_key, None).map_err(not_ours)?;
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, content_key).map_err(not_ours)?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(not_ours)?;
    let mut sealed = [&text[..], tag].concat();
    let opened = cipher.open_in_place(nonce, Aad::from(header.as_bytes()), &mut sealed).map_err(not_ours)?;
    String::from_utf8(opened.to_vec()).map_err(|_| no_envelope())
}
