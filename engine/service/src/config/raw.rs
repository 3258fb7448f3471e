//! The form of the file: names and types of its keys, nothing about what they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use entrain_model::{Authorities, MatchKey, Mode, Removal};
use serde::Deserialize;

use super::{Choice, FirstPasswordKind, LogFormat, Publish, Sourced};
use crate::http::Role;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) store: Store,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) audit: Audit,
    #[serde(default)]
    pub(super) alarms: Alarms,
    #[serde(default)]
    pub(super) metrics: Metrics,
    #[serde(default)]
    pub(super) traces: Traces,
    #[serde(default)]
    pub(super) approvals: Approvals,
    #[serde(default)]
    pub(super) http: Http,
    #[serde(default)]
    pub(super) access: Access,
    #[serde(default)]
    pub(super) scim: Scim,
    #[serde(default)]
    pub(super) secrets: Secrets,
    #[serde(default)]
    pub(super) target: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Store {
    pub(super) url: Sourced,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Option<String>,
    pub(super) format: LogFormat,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Audit {
    pub(super) redact: Vec<String>,
    pub(super) redact_after_days: Option<u32>,
    pub(super) keep_days: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Alarms {
    pub(super) no_full_sync_hours: Option<u32>,
    pub(super) holds_after_minutes: Option<u32>,
    pub(super) fight_repairs: Option<u32>,
    pub(super) fight_window_hours: Option<u32>,
    pub(super) webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) secret: Sourced,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Metrics {
    pub(super) listen: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Traces {
    pub(super) endpoint: Option<String>,
    pub(super) headers: BTreeMap<String, Sourced>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Approvals {
    pub(super) four_eyes: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) master_key: Option<Sourced>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub(super) listen: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) proxies: Vec<String>,
    pub(super) tls: Option<Tls>,
    pub(super) strangers: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Access {
    pub(super) oidc: Option<Oidc>,
    pub(super) sessions: Sessions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Oidc {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<Sourced>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) name_claim: Option<String>,
    pub(super) roles_claim: Option<String>,
    #[serde(default)]
    pub(super) roles: BTreeMap<Role, BTreeSet<String>>,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sessions {
    pub(super) idle_minutes: Option<u32>,
    pub(super) longest_minutes: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Scim {
    pub(super) schemas: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate_file: PathBuf,
    pub(super) key_file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) tenant: String,
    pub(super) cloud: Option<String>,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) credential: Credential,
    #[serde(default)]
    pub(super) mode: Mode,
    #[serde(default)]
    pub(super) anchor: Anchor,
    #[serde(default)]
    pub(super) mapping: Mapping,
    #[serde(default)]
    pub(super) settings: toml::Table,
    #[serde(default)]
    pub(super) scope: Scope,
    #[serde(default)]
    pub(super) authority: Authorities,
    #[serde(default)]
    pub(super) protection: Protection,
    #[serde(default)]
    pub(super) removal: RemovalTable,
    #[serde(default)]
    pub(super) first_password: FirstPassword,
    #[serde(default)]
    pub(super) limits: super::limits::Table,
    #[serde(default, rename = "match")]
    pub(super) matching: Matching,
    #[serde(default)]
    pub(super) schedule: Schedule,
    pub(super) settling_seconds: Option<u64>,
    pub(super) plan_public_key: Option<PathBuf>,
    #[serde(default)]
    pub(super) graph: Graph,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoints {
    pub(super) authority: String,
    pub(super) graph: String,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum CredentialType {
    Secret,
    Certificate,
    ManagedIdentity,
    WorkloadIdentity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    #[serde(rename = "type")]
    pub(super) kind: Option<CredentialType>,
    pub(super) client_id: Option<String>,
    pub(super) secret: Option<Sourced>,
    pub(super) certificate_file: Option<PathBuf>,
    pub(super) certificates: Option<Vec<Sourced>>,
    pub(super) token_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Anchor {
    pub(super) users: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mapping {
    pub(super) users: Option<Vec<PathBuf>>,
    pub(super) groups: Option<Vec<PathBuf>>,
    pub(super) publish: Publish,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Scope {
    pub(super) group: Option<String>,
    pub(super) users_where: Option<String>,
    pub(super) groups_where: Option<String>,
    pub(super) service_accounts: Option<Choice>,
    pub(super) groups: Option<Choice>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Protection {
    pub(super) objects: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RemovalTable {
    pub(super) users: Removal,
    pub(super) groups: Removal,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FirstPassword {
    pub(super) kind: FirstPasswordKind,
    pub(super) lifetime_minutes: Option<u32>,
    pub(super) usable_once: Option<bool>,
    pub(super) deliver: Option<Deliver>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deliver {
    pub(super) url: String,
    pub(super) secret: Sourced,
    pub(super) seal_for: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Matching {
    pub(super) users: Option<Vec<MatchKey>>,
    pub(super) groups: Option<Vec<MatchKey>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Schedule {
    pub(super) cron: Option<String>,
    pub(super) full_cron: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) jitter: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Graph {
    pub(super) concurrency: Option<usize>,
    pub(super) binds_per_batch: Option<usize>,
    pub(super) writes_per_150_seconds: Option<usize>,
    pub(super) units_per_10_seconds: Option<usize>,
}
