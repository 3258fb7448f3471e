//! Where traces go: `[traces]`.

use std::collections::BTreeMap;
use std::path::Path;

use super::place::{Finding, Key};
use super::watch::is_safe;
use super::{Sourced, raw};

/// Where traces go.
#[derive(Clone, Debug, Default)]
pub struct TracesConfig {
    /// The address that takes them by OTLP over HTTP; `None` for nowhere.
    pub endpoint: Option<String>,
    /// Headers that it wants.
    pub headers: BTreeMap<String, Sourced>,
}

pub(super) fn traces(raw: raw::Traces, folder: &Path, findings: &mut Vec<Finding>) -> TracesConfig {
    let key = Key::default().below("traces");
    if raw.endpoint.as_ref().is_some_and(|url| !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))) {
        findings.push(key.below("endpoint").finding("write its whole address, as in \"http://127.0.0.1:4318/v1/traces\""));
    }
    if raw.headers.values().any(|value| matches!(value, Sourced::Sealed(..))) {
        let message = "traces begin before the database is open: write { env = \"NAME\" } or { file = \"PATH\" }";
        findings.push(key.below("headers").finding(message));
    }
    if !raw.headers.is_empty() && raw.endpoint.as_deref().is_some_and(|url| !is_safe(url)) {
        findings.push(key.below("headers").finding("what a header says is for the collector alone: write an https:// address"));
    }
    let headers = raw.headers.into_iter().map(|(name, value)| (name, value.within(folder))).collect();
    TracesConfig { endpoint: raw.endpoint, headers }
}
