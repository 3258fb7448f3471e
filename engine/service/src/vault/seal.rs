//! AES-256-GCM. What is sealed says where it belongs, so that no row can be put in another's place.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entrain_store::Sealed;
use secrecy::SecretSlice;

/// A key of 256 bits.
pub(super) const KEY_LEN: usize = 32;

/// A key that seals and opens.
pub(super) struct Key(LessSafeKey);

impl Key {
    /// The key of these bytes; `None` if they are too many or too few.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new).map(Self)
    }

    /// Seals bytes for a place.
    pub(super) fn seal(&self, plain: &[u8], place: &str) -> Result<Sealed, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce)?;
        let mut bytes = plain.to_vec();
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut bytes)?;
        Ok(Sealed { nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(bytes) })
    }

    /// Opens what this key has sealed for that place. Anything else fails.
    pub(super) fn open(&self, sealed: &Sealed, place: &str) -> Result<SecretSlice<u8>, Unspecified> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| Unspecified);
        let (nonce, mut bytes) = (decode(&sealed.nonce)?, decode(&sealed.sealed)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce)?;
        let plain = self.0.open_in_place(nonce, Aad::from(place), &mut bytes)?.len();
        bytes.truncate(plain);
        Ok(SecretSlice::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn only_the_same_key_opens_and_only_in_its_place() {
        let (key, other) = (Key::new(&[7; KEY_LEN]).unwrap(), Key::new(&[8; KEY_LEN]).unwrap());
        let sealed = key.seal(b"s3cret", "secret one").unwrap();
        assert_eq!(key.open(&sealed, "secret one").unwrap().expose_secret(), b"s3cret");
        assert!(other.open(&sealed, "secret one").is_err(), "another key");
        assert!(key.open(&sealed, "secret two").is_err(), "another row");
        let again = key.seal(b"s3cret", "secret one").unwrap();
        assert_ne!(again.nonce, sealed.nonce, "no nonce is used twice");
        assert!(key.open(&Sealed { nonce: again.nonce, ..sealed.clone() }, "secret one").is_err(), "another nonce");
        let mut bytes = STANDARD.decode(&sealed.sealed).unwrap();
        bytes[0] ^= 1;
        assert!(key.open(&Sealed { sealed: STANDARD.encode(bytes), ..sealed }, "secret one").is_err(), "one bit is another");
    }

    #[test]
    fn a_key_has_its_length() {
        assert!(Key::new(&[7; KEY_LEN - 1]).is_none());
        assert!(Key::new(&[7; KEY_LEN + 1]).is_none());
    }
}
