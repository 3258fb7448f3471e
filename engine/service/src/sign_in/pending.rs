//! A sign-in that is under way. All of it is in a cookie of the browser that began it; what is told to others is derived from that, so
//! that an answer fits only the browser that asked, and strangers who begin sign-ins fill nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entrain_model::Millis;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// So long somebody may take to prove at the provider who they are.
pub(super) const LONGEST: Millis = 10 * 60_000;

/// The longest address to return to.
const LONGEST_PATH: usize = 1_000;

/// Where somebody goes who says nothing else.
const HOME: &str = "/auth";

/// `SECRET.TIME.PATH`: random, when it began, and where it leads to.
pub(super) struct Pending {
    text: SecretString,
    begun: Millis,
    return_to: String,
}

impl Pending {
    /// Begins one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn begin(now: Millis, return_to: Option<&str>) -> Result<Self, Unspecified> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret)?;
        let return_to = path(return_to);
        let text = format!("{}.{now}.{}", URL_SAFE_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(&return_to));
        Ok(Self { text: text.into(), begun: now, return_to })
    }

    /// Reads the cookie.
    pub(super) fn read(cookie: &str) -> Option<Self> {
        let [secret, begun, return_to] = cookie.split('.').collect::<Vec<_>>().try_into().ok()?;
        let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let whole = URL_SAFE_NO_PAD.decode(secret).is_ok_and(|secret| secret.len() == 32);
        let return_to = path(text(return_to).as_deref());
        whole.then_some(Self { text: cookie.to_owned().into(), begun: begun.parse().ok()?, return_to })
    }

    /// The value of the cookie.
    pub(super) fn cookie(&self) -> &str {
        self.text.expose_secret()
    }

    /// What the provider sends back with its answer.
    pub(super) fn state(&self) -> String {
        self.derived("state")
    }

    /// What the provider signs, so that its token is for this sign-in alone.
    pub(super) fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// What only we can show when the code is exchanged (RFC 7636).
    pub(super) fn verifier(&self) -> SecretString {
        self.derived("verifier").into()
    }

    /// What the provider is told of that beforehand.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier().expose_secret()))
    }

    /// Where it leads to.
    pub(super) fn return_to(&self) -> &str {
        &self.return_to
    }

    /// Whether this answer is to it, and in time.
    pub(super) fn is_answered_by(&self, state: &str, now: Millis) -> bool {
        let ours = verify_slices_are_equal(self.state().as_bytes(), state.as_bytes()).is_ok();
        ours && (0..LONGEST).contains(&(now - self.begun))
    }

    fn derived(&self, what: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.text.expose_secret().as_bytes());
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, what.as_bytes()))
    }
}

/// A path of this server, or where everybody goes: nobody is led elsewhere by a link to us.
fn path(wanted: Option<&str>) -> String {
    let ours = |path: &&str| {
        let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        path.starts_with('/') && !path.starts_with("//") && visible && path.len() <= LONGEST_PATH
    };
    wanted.filter(ours).unwrap_or(HOME).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for wrong in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "evil",
            "",
            "/a\r\nset-cookie: a=b",
            "/\t/evil",
            "javascript:alert(1)",
            "/ü",
            &format!("/{}", "a".repeat(LONGEST_PATH)),
        ] {
            assert_eq!(path(Some(wrong)), HOME, "{wrong}");
        }
        assert_eq!(path(Some("/runs?target=main#top")), "/runs?target=main#top");
        assert_eq!(path(None), HOME);
    }

    #[test]
    fn an_answer_fits_the_browser_that_asked_and_no_other() {
        let (one, other) = (Pending::begin(1_000, Some("/runs")).unwrap(), Pending::begin(1_000, Some("/runs")).unwrap());
        let read = Pending::read(one.cookie()).unwrap();
        assert_eq!((read.state(), read.nonce(), read.return_to()), (one.state(), one.nonce(), "/runs"));
        assert!(read.is_answered_by(&one.state(), 2_000));
        assert!(!read.is_answered_by(&other.state(), 2_000));
        assert!(!read.is_answered_by("", 2_000));
        assert!(!read.is_answered_by(&one.state(), 1_000 + LONGEST), "too late");
        assert!(!read.is_answered_by(&one.state(), 999), "before it began");
        let told = [one.state(), one.nonce(), one.challenge()].join(" ");
        assert!(!told.contains(one.verifier().expose_secret()) && !told.contains(one.cookie()));
        assert!((43..=128).contains(&one.verifier().expose_secret().len()));
    }

    #[test]
    fn a_cookie_that_was_changed_is_another_sign_in() {
        let one = Pending::begin(1_000, Some("/runs")).unwrap();
        let elsewhere = one.cookie().replace(&URL_SAFE_NO_PAD.encode("/runs"), &URL_SAFE_NO_PAD.encode("//evil.example"));
        let changed = Pending::read(&elsewhere).unwrap();
        assert_eq!(changed.return_to(), HOME);
        assert_ne!(changed.state(), one.state());
        for wrong in ["", ".", "a.1.L3J1bnM", &one.cookie()[1..], &format!("{}.x", one.cookie())] {
            assert!(Pending::read(wrong).is_none(), "{wrong}");
        }
    }
}
