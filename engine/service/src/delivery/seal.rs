//! Sealing: a compact JWE (RFC 7516) that only the holder of a private RSA key opens, with any JOSE library.
//!
//! `RSA-OAEP-256` wraps a content key that is drawn for each message, `A256GCM` encrypts (RFC 7518, sections 4.3 and 5.3).

use std::fmt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

const HEADER: &[u8] = br#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#;
/// Bits of the shortest key that is taken.
const SHORTEST: usize = 2048;

/// The public key of whoever may read.
pub struct Seal(OaepPublicEncryptingKey);

/// A file that holds no such key.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}; `openssl rsa -in KEY -pubout` writes the public key of an RSA key of 2048 bits or more")]
pub struct SealError {
    file: String,
    why: String,
}

impl Seal {
    /// Reads a public key in PEM (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let wrong = |why: String| SealError { file: path.display().to_string(), why };
        let der = SubjectPublicKeyInfoDer::from_pem_file(path).map_err(|error| wrong(error.to_string()))?;
        let key = PublicEncryptingKey::from_der(&der).map_err(|_| wrong("this is no RSA key".to_owned()))?;
        if key.key_size_bits() < SHORTEST {
            return Err(wrong(format!("this key has {} bits", key.key_size_bits())));
        }
        OaepPublicEncryptingKey::new(key).map(Self).map_err(|_| wrong("this key cannot encrypt".to_owned()))
    }

    /// Seals a text. `None` if the system gives no randomness.
    pub fn close(&self, text: &str) -> Option<String> {
        let (key, nonce) = (drawn::<32>()?, drawn::<NONCE_LEN>()?);
        let mut wrapped = vec![0; self.0.ciphertext_size()];
        let wrapped = self.0.encrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut wrapped, None).ok()?;
        let header = URL_SAFE_NO_PAD.encode(HEADER);
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?);
        let mut body = text.as_bytes().to_vec();
        let sealed = Nonce::assume_unique_for_key(nonce);
        let tag = cipher.seal_in_place_separate_tag(sealed, Aad::from(header.as_bytes()), &mut body).ok()?;
        let encoded = [&*wrapped, &nonce, &body, tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
        Some(format!("{header}.{}", encoded.join(".")))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

fn drawn<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "a key that a seed repeats would open every message")]
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}
