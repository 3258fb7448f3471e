//! The form of a credential, `entrain_ID_SECRET`: the id finds it, the secret proves it, and only the secret's digest is kept.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "entrain_";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

/// A new credential. Its text is shown once.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) id: String,
    pub(crate) text: SecretString,
    pub(crate) digest: String,
}

impl Drawn {
    /// Draws one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(crate) fn new() -> Result<Self, Unspecified> {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        aws_lc_rs::rand::fill(&mut id)?;
        aws_lc_rs::rand::fill(&mut secret)?;
        let (id, secret) = (hex(&id), SecretString::from(hex(&secret)));
        let text = SecretString::from(format!("{PREFIX}{id}_{}", secret.expose_secret()));
        Ok(Self { digest: digest(secret.expose_secret()), id, text })
    }
}

/// A credential as it was shown.
pub(super) struct Shown<'a> {
    pub(super) id: &'a str,
    secret: &'a str,
}

impl<'a> Shown<'a> {
    /// `None` for what has not the form of one.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let of = |text: &str, bytes: usize| text.len() == 2 * bytes && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (of(id, ID_BYTES) && of(secret, SECRET_BYTES)).then_some(Self { id, secret })
    }

    /// What a page says with each request that changes something: nobody knows it who cannot read the page.
    pub(super) fn page_token(&self) -> String {
        digest(&format!("page token of {}", self.secret))
    }

    /// Whether its secret is the one of this digest. The time that it takes does not tell how much of it is right.
    pub(super) fn is_proved_by(&self, stored: &str) -> bool {
        verify_slices_are_equal(digest(self.secret).as_bytes(), stored.as_bytes()).is_ok()
    }
}

/// A random secret of 256 bits needs no slow hash: nobody can go through them.
fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_proved_by_its_own_secret_alone() {
        let (one, other) = (Drawn::new().unwrap(), Drawn::new().unwrap());
        let shown = Shown::read(one.text.expose_secret()).unwrap();
        assert_eq!(shown.id, one.id);
        assert!(shown.is_proved_by(&one.digest));
        assert!(!shown.is_proved_by(&other.digest));
        assert!(!one.digest.contains(shown.secret), "the secret is not kept");
        assert!(!format!("{one:?}").contains(shown.secret), "nor printed");
    }

    #[test]
    fn what_has_another_form_is_none() {
        let drawn = Drawn::new().unwrap();
        let text = drawn.text.expose_secret();
        for wrong in
            ["", "entrain_", "entrain__", &text[1..], &text[..text.len() - 1], &format!("{text}0"), &text.replace('_', "-")]
        {
            assert!(Shown::read(wrong).is_none(), "{wrong}");
        }
    }
}
