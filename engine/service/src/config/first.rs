//! What new users sign in with the first time, and who is told: `[target.first_password]`.

use std::path::{Path, PathBuf};

use entrain_entra::{FirstCredential, PassUses};

use super::raw;
use super::sourced::Sourced;
use super::watch::is_safe;

/// Lifetimes that Entra ID allows a Temporary Access Pass, in minutes.
const MINUTES: std::ops::RangeInclusive<u32> = 10..=43_200;
/// Eight hours: whoever begins in the morning signs in on the same day.
const USUAL: u32 = 480;

/// What new users sign in with the first time, and who is told.
#[derive(Clone, Debug, Default)]
pub struct FirstConfig {
    /// What it is.
    pub credential: FirstCredential,
    /// Who is told; `None`: nobody.
    pub deliver: Option<DeliverConfig>,
}

/// Who is told of first credentials.
#[derive(Clone, Debug)]
pub struct DeliverConfig {
    /// Where it listens.
    pub url: String,
    /// The key of the signature, `whsec_..`.
    pub secret: Sourced,
    /// The PEM file of the RSA key that credentials are sealed to.
    pub public_key: PathBuf,
}

/// The meaning of the table; what is wrong goes to `wrong` with its key.
pub(super) fn check(raw: raw::FirstPassword, folder: &Path, wrong: &mut dyn FnMut(&str, String)) -> FirstConfig {
    use raw::FirstKind::{None as Nothing, Random, TemporaryAccessPass};
    if raw.kind != TemporaryAccessPass && (raw.minutes.is_some() || raw.uses.is_some()) {
        wrong("first_password", "`minutes` and `uses` belong to kind = \"temporary_access_pass\"".to_owned());
    }
    let minutes = raw.minutes.unwrap_or(USUAL);
    if !MINUTES.contains(&minutes) {
        wrong("first_password.minutes", format!("{minutes} is out of range: write {} to {}", MINUTES.start(), MINUTES.end()));
    }
    if raw.kind == TemporaryAccessPass && raw.deliver.is_none() {
        wrong("first_password.deliver", "a pass that nobody is told is of no use: name url, secret and public_key".to_owned());
    }
    let deliver = raw.deliver.map(|raw| {
        let public_key = folder.join(raw.public_key);
        if !is_safe(&raw.url) {
            wrong("first_password.deliver", format!("`{}` is not safe: write an address that begins with https://", raw.url));
        }
        if !public_key.is_file() {
            wrong("first_password.deliver", format!("there is no file {}", public_key.display()));
        }
        if matches!(raw.secret, Sourced::Plain(_)) {
            wrong(
                "first_password.deliver",
                "the secret does not stand in this file: name its place, { env = \"NAME\" }".to_owned(),
            );
        }
        DeliverConfig { url: raw.url, secret: raw.secret.within(folder), public_key }
    });
    let credential = match raw.kind {
        Nothing => FirstCredential::None,
        Random => FirstCredential::Password,
        TemporaryAccessPass => FirstCredential::Pass { minutes, uses: raw.uses.map_or(PassUses::Once, PassUses::from) },
    };
    FirstConfig { credential, deliver }
}

impl From<raw::Uses> for PassUses {
    fn from(uses: raw::Uses) -> Self {
        match uses {
            raw::Uses::Once => PassUses::Once,
            raw::Uses::Many => PassUses::Many,
        }
    }
}
