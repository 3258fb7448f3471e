//! The meaning of the file: values that are of the right type and yet wrong.

use std::collections::BTreeSet;
use std::path::Path;

use secrecy::ExposeSecret as _;

use super::place::{Finding, Key};
use super::{Config, LogConfig, Sourced, StoreConfig, check_target, http, raw, watch};

/// Turns the form into a configuration, or lists everything that is wrong with it.
pub(super) fn check(raw: raw::Config, folder: &Path) -> Result<Config, Vec<Finding>> {
    let mut findings = Vec::new();
    let store = StoreConfig { url: raw.store.url.within(folder) };
    findings.extend(store_url(&store.url));
    let log = LogConfig { level: raw.log.level.unwrap_or_else(|| "info".to_owned()), format: raw.log.format };
    let audit = watch::audit(raw.audit);
    let alarms = watch::alarms(raw.alarms, folder, &mut findings);
    let metrics = watch::metrics(&raw.metrics, &mut findings);
    let http = http::http(raw.http, folder, &mut findings);
    let mut targets = Vec::new();
    let mut names = BTreeSet::new();
    for (index, target) in raw.target.into_iter().enumerate() {
        let key = Key::element("target", index);
        if !names.insert(target.name.clone()) {
            findings.push(key.below("name").finding(format!("another target is called `{}` too", target.name)));
        }
        targets.extend(check_target::check(target, &key, folder, &mut findings));
    }
    if findings.is_empty() { Ok(Config { store, log, audit, alarms, metrics, http, targets }) } else { Err(findings) }
}

/// Only a URL that stands in the file can be checked now.
fn store_url(url: &Sourced) -> Option<Finding> {
    let Sourced::Plain(text) = url else { return None };
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if known.iter().any(|scheme| text.expose_secret().starts_with(scheme)) {
        return None;
    }
    let key = Key::default().below("store.url");
    Some(key.finding("write sqlite:///PATH/entrain.sqlite3 or postgres://USER@HOST/DATABASE"))
}
