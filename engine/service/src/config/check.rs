//! The meaning of the file: values that are of the right type and yet wrong.

use std::collections::BTreeSet;
use std::path::Path;

use entrain_store::Approvers;
use secrecy::ExposeSecret as _;

use super::place::{Finding, Key};
use super::{Config, LogConfig, SecretsConfig, Sourced, StoreConfig, access, check_target, http, raw, traces, watch};

/// Turns the form into a configuration, or lists everything that is wrong with it.
pub(super) fn check(raw: raw::Config, folder: &Path) -> Result<Config, Vec<Finding>> {
    let mut findings = Vec::new();
    let store = StoreConfig { url: beside(raw.store.url.within(folder), folder) };
    findings.extend(store_url(&store.url));
    let log = LogConfig { level: raw.log.level.unwrap_or_else(|| "info".to_owned()), format: raw.log.format };
    let audit = watch::audit(raw.audit);
    let alarms = watch::alarms(raw.alarms, folder, &mut findings);
    let metrics = watch::metrics(&raw.metrics, &mut findings);
    let traces = traces::traces(raw.traces, folder, &mut findings);
    let approvers = if raw.approvals.four_eyes { Approvers::Two } else { Approvers::One };
    let secrets = secrets(raw.secrets, folder, &mut findings);
    let http = http::http(raw.http, folder, &mut findings);
    let access = access::access(raw.access, &http, folder, &mut findings);
    let scim = http::scim(raw.scim, folder);
    let mut targets = Vec::new();
    let mut names = BTreeSet::new();
    for (index, target) in raw.target.into_iter().enumerate() {
        let key = Key::element("target", index);
        if !names.insert(target.name.clone()) {
            findings.push(key.below("name").finding(format!("another target is called `{}` too", target.name)));
        }
        targets.extend(check_target::check(target, &key, folder, &mut findings));
    }
    if findings.is_empty() {
        Ok(Config { store, log, audit, alarms, metrics, traces, approvers, http, access, scim, secrets, targets })
    } else {
        Err(findings)
    }
}

/// The key of all secrets stands neither in this file nor among them.
fn secrets(raw: raw::Secrets, folder: &Path, findings: &mut Vec<Finding>) -> SecretsConfig {
    if let Some(Sourced::Plain(_) | Sourced::Sealed(..)) = raw.master_key {
        let key = Key::default().below("secrets.master_key");
        findings.push(key.finding("name its place: { env = \"NAME\" } or { file = \"PATH\" }"));
    }
    SecretsConfig { master_key: raw.master_key.map(|key| key.within(folder)) }
}

/// An embedded database is where the configuration is, and not where a command happens to be given.
fn beside(url: Sourced, folder: &Path) -> Sourced {
    let Sourced::Plain(text) = &url else { return url };
    let text = text.expose_secret();
    let path = text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path.filter(|path| Path::new(path).is_relative() && !path.starts_with(":memory:")) {
        Some(path) => Sourced::Plain(format!("sqlite://{}", folder.join(path).display()).into()),
        None => url,
    }
}

/// Only a URL that stands in the file can be checked now.
fn store_url(url: &Sourced) -> Option<Finding> {
    let key = Key::default().below("store.url");
    if matches!(url, Sourced::Sealed(..)) {
        return Some(key.finding("the database cannot keep the way to itself: write { env = \"NAME\" } or { file = \"PATH\" }"));
    }
    let Sourced::Plain(text) = url else { return None };
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if known.iter().any(|scheme| text.expose_secret().starts_with(scheme)) {
        return None;
    }
    Some(key.finding("write sqlite:///PATH/entrain.sqlite3 or postgres://USER@HOST/DATABASE"))
}
