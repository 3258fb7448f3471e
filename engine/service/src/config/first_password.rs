//! `[target.first_password]`: what new users sign in with the first time, and who is told.

use std::path::PathBuf;

use super::check_target::{Check, NO_PLAIN_SECRET};
use super::watch::is_safe;
use super::{Sourced, raw};

/// What new users of managed domains sign in with the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstPasswordKind {
    /// Nothing: only users of federated domains are made.
    None,
    /// A password that is drawn and must be changed at once.
    #[default]
    Random,
    /// A Temporary Access Pass.
    TemporaryAccessPass,
}

/// What new users sign in with the first time, and who is told.
#[derive(Clone, Debug)]
pub struct FirstPasswordConfig {
    /// Of which sort it is.
    pub kind: FirstPasswordKind,
    /// How long a pass is good for.
    pub lifetime_minutes: u32,
    /// Whether a pass can be used once only.
    pub usable_once: bool,
    /// Who is told; `None`: nobody.
    pub deliver: Option<DeliverConfig>,
}

/// The webhook that first passwords are handed over by.
#[derive(Clone, Debug)]
pub struct DeliverConfig {
    /// Where it listens.
    pub url: String,
    /// The key of the signature, `whsec_..`.
    pub secret: Sourced,
    /// The RSA public key (PEM) that the contents are sealed for.
    pub seal_for: PathBuf,
}

const MINUTES: std::ops::RangeInclusive<u32> = 60..=480;

impl Check<'_> {
    pub(super) fn first_password(&mut self, raw: raw::FirstPassword) -> Option<FirstPasswordConfig> {
        let is_pass = raw.kind == FirstPasswordKind::TemporaryAccessPass;
        if is_pass && raw.deliver.is_none() {
            self.wrong(
                "first_password.kind",
                "a pass that nobody is told is of no use: name a receiver in first_password.deliver",
            );
        }
        if raw.kind == FirstPasswordKind::None && raw.deliver.is_some() {
            self.wrong("first_password.deliver", "with kind = \"none\" there is nothing to deliver");
        }
        for (key, given) in [("lifetime_minutes", raw.lifetime_minutes.is_some()), ("usable_once", raw.usable_once.is_some())] {
            if given && !is_pass {
                self.wrong(&format!("first_password.{key}"), "it goes with kind = \"temporary_access_pass\"");
            }
        }
        let lifetime_minutes = raw.lifetime_minutes.unwrap_or(*MINUTES.start());
        if !MINUTES.contains(&lifetime_minutes) {
            let message = format!("{lifetime_minutes} is out of range: write {} to {}", MINUTES.start(), MINUTES.end());
            self.wrong("first_password.lifetime_minutes", message);
        }
        let deliver = raw.deliver.map(|deliver| self.deliver(deliver));
        Some(FirstPasswordConfig { kind: raw.kind, lifetime_minutes, usable_once: raw.usable_once.unwrap_or(true), deliver })
    }

    fn deliver(&mut self, raw: raw::Deliver) -> DeliverConfig {
        if !is_safe(&raw.url) {
            let message = format!("`{}` is not safe: write an address that begins with https://", raw.url);
            self.wrong("first_password.deliver", message);
        }
        if let Sourced::Plain(_) = raw.secret {
            self.wrong("first_password.deliver.secret", NO_PLAIN_SECRET);
        }
        let seal_for = self.file("first_password.deliver", &raw.seal_for);
        DeliverConfig { url: raw.url, secret: raw.secret.within(self.folder), seal_for }
    }
}
