//! Signatures of webhooks, as standardwebhooks.com describes them: HMAC-SHA256 over id, time and body.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

/// The key of a webhook.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// A text that is no key.
#[derive(Debug, thiserror::Error)]
#[error("the secret of the webhook is no key: write `whsec_` and then 24 to 64 bytes in base64")]
pub struct SecretError;

impl Secret {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// It is something else, or has fewer than 24 bytes or more than 64.
    pub fn read(text: &SecretString) -> Result<Self, SecretError> {
        let encoded = text.expose_secret().trim().strip_prefix("whsec_").ok_or(SecretError)?;
        let key = STANDARD.decode(encoded).map_err(|_| SecretError)?;
        if (24..=64).contains(&key.len()) { Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key))) } else { Err(SecretError) }
    }

    /// The header `webhook-signature` of this message.
    pub fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let signed = hmac::sign(&self.0, &signed(id, seconds, body.as_bytes()));
        format!("v1,{}", STANDARD.encode(signed.as_ref()))
    }

    /// Whether one of the signatures of a header `webhook-signature` is that of this message. The time that it takes does not tell
    /// how much of it is right.
    pub(crate) fn proves(&self, id: &str, seconds: i64, body: &[u8], signatures: &str) -> bool {
        let message = signed(id, seconds, body);
        let mut tags = signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        tags.any(|tag| hmac::verify(&self.0, &message, &tag).is_ok())
    }
}

/// What is signed.
fn signed(id: &str, seconds: i64, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{seconds}.").as_bytes(), body].concat()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_has_the_signature_that_it_names() {
        let secret = Secret::read(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_message_is_proved_by_one_good_signature_of_its_own() {
        let [secret, other] = ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "AAAQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
            .map(|text| Secret::read(&format!("whsec_{text}").into()).unwrap());
        let signature = format!("v1a,x v1,!! {} {}", other.sign("m", 7, "{}"), secret.sign("m", 7, "{}"));
        assert!(secret.proves("m", 7, b"{}", &signature));
        for (id, seconds, body) in [("n", 7, "{}"), ("m", 8, "{}"), ("m", 7, "{ }")] {
            assert!(!secret.proves(id, seconds, body.as_bytes(), &signature), "{id} {seconds} {body}");
        }
        assert!(!secret.proves("m", 7, b"{}", &other.sign("m", 7, "{}")));
        assert!(!secret.proves("m", 7, b"{}", ""));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!!!"] {
            assert!(Secret::read(&wrong.into()).is_err(), "{wrong}");
        }
    }
}
