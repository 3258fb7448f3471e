//! What is kept of what was done, and who is told when something is wrong: `[audit]`, `[alarms]` and `[metrics]`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::place::{Finding, Key};
use super::{Sourced, raw};

/// How long what of the audit is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditConfig {
    /// Attributes whose values are never kept.
    pub redact: BTreeSet<String>,
    /// After this time all values are taken away; `None` for never.
    pub redact_after: Option<Duration>,
    /// After this time rows are pruned; `None` for never.
    pub keep: Option<Duration>,
}

/// When an alarm is raised, and who is told.
#[derive(Clone, Debug)]
pub struct AlarmsConfig {
    /// A full sync must come to its end this often.
    pub no_full_sync: Duration,
    /// Objects that are held for longer than this are worth an alarm.
    pub holds_after: Duration,
    /// When it is a fight that others change what is managed here.
    pub fight: FightConfig,
    /// Who is told.
    pub webhooks: Vec<WebhookConfig>,
}

/// When it is a fight that others change what is managed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FightConfig {
    /// One value or reference was put right so often ...
    pub repairs: u32,
    /// ... within this time; and it is over when it was not for as long.
    pub window: Duration,
}

impl Default for FightConfig {
    fn default() -> Self {
        Self { repairs: 3, window: Duration::from_secs(DAY) }
    }
}

/// Who is told of alarms.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// Its name; deliveries are remembered under it.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// The key of the signature, `whsec_..`.
    pub secret: Sourced,
}

/// Where figures are to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricsConfig {
    /// The address to listen at; `None` for nowhere.
    pub listen: Option<SocketAddr>,
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

pub(super) fn audit(raw: raw::Audit) -> AuditConfig {
    let days = |days: Option<u32>| days.filter(|days| *days > 0).map(|days| Duration::from_secs(u64::from(days) * DAY));
    AuditConfig { redact: raw.redact.into_iter().collect(), redact_after: days(raw.redact_after_days), keep: days(raw.keep_days) }
}

pub(super) fn alarms(raw: raw::Alarms, folder: &Path, findings: &mut Vec<Finding>) -> AlarmsConfig {
    let key = Key::default().below("alarms");
    let mut names = BTreeSet::new();
    for webhook in &raw.webhooks {
        if !names.insert(webhook.name.clone()) {
            findings.push(key.below("webhooks").finding(format!("two webhooks are called `{}`", webhook.name)));
        }
        if !is_safe(&webhook.url) {
            let message = format!("`{}` is not safe: write an address that begins with https://", webhook.url);
            findings.push(key.below("webhooks").finding(message));
        }
    }
    let fight = fight(&raw, &key, findings);
    if raw.no_full_sync_hours == Some(0) {
        findings.push(key.below("no_full_sync_hours").finding("write at least 1"));
    }
    let webhook = |raw: raw::Webhook| WebhookConfig { name: raw.name, url: raw.url, secret: raw.secret.within(folder) };
    AlarmsConfig {
        no_full_sync: Duration::from_secs(u64::from(raw.no_full_sync_hours.unwrap_or(12)) * HOUR),
        holds_after: Duration::from_secs(u64::from(raw.holds_after_minutes.unwrap_or(60)) * 60),
        fight,
        webhooks: raw.webhooks.into_iter().map(webhook).collect(),
    }
}

fn fight(raw: &raw::Alarms, key: &Key, findings: &mut Vec<Finding>) -> FightConfig {
    if raw.fight_repairs.is_some_and(|repairs| repairs < 2) {
        findings.push(key.below("fight_repairs").finding("write at least 2: one repair is no fight"));
    }
    if raw.fight_window_hours == Some(0) {
        findings.push(key.below("fight_window_hours").finding("write at least 1"));
    }
    let default = FightConfig::default();
    FightConfig {
        repairs: raw.fight_repairs.unwrap_or(default.repairs),
        window: raw.fight_window_hours.map_or(default.window, |hours| Duration::from_secs(u64::from(hours) * HOUR)),
    }
}

/// Over HTTPS, or on this machine.
pub(crate) fn is_safe(url: &str) -> bool {
    let on_this_machine = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
    let local = on_this_machine.iter().filter_map(|start| url.strip_prefix(start));
    url.starts_with("https://") || local.into_iter().any(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

pub(super) fn metrics(raw: &raw::Metrics, findings: &mut Vec<Finding>) -> MetricsConfig {
    let listen = raw.listen.as_deref().map(str::parse);
    if let Some(Err(_)) = listen {
        let message = "write an address and a port, as in \"127.0.0.1:9464\"";
        findings.push(Key::default().below("metrics.listen").finding(message));
    }
    MetricsConfig { listen: listen.and_then(Result::ok) }
}
