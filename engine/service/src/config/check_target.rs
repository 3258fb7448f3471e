//! The meaning of one `[[target]]` block.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use entrain_model::{MatchKey, TargetName, fold};

use super::authority;
use super::place::{Finding, Key};
use super::schedule::{DEFAULT_CRON, FullRead, Schedule, parse_duration};
use super::{Choice, CloudConfig, GraphOptions, MappingFiles, ScopeConfig, TargetConfig, UserAnchor, raw};

/// How long a target may take to show what was written, unless the operator says otherwise.
const SETTLING: Duration = Duration::from_secs(900);

/// Turns one block into a target; what is wrong goes to `findings`, and `None` comes back.
pub(super) fn check(raw: raw::Target, key: &Key, folder: &Path, findings: &mut Vec<Finding>) -> Option<TargetConfig> {
    let before = findings.len();
    let mut check = Check { key, folder, findings };
    check.name(&raw.name);
    check.text("tenant", &raw.tenant);
    let cloud = check.cloud(raw.cloud.as_deref(), raw.endpoints);
    let credential = check.credential(raw.credential);
    let anchor = check.anchor(raw.anchor.users.as_deref());
    let mapping = check.mapping(raw.mapping);
    let settings = check.settings(raw.settings);
    let scope = check.scope(raw.scope);
    let limits = raw.limits.check(&mut |key, message| check.wrong(key, message));
    check.match_keys("match.users", raw.matching.users.as_deref());
    check.match_keys("match.groups", raw.matching.groups.as_deref());
    let schedule = check.schedule(raw.schedule);
    let graph = check.graph(&raw.graph);
    check.removal(&raw.removal);
    let first_password = check.first_password(raw.first_password);
    let plan_public_key = raw.plan_public_key.map(|path| check.file("plan_public_key", &path));
    let protected = check.protected(&raw.protection.objects);
    for (key, message) in authority::wrong(&raw.authority, anchor) {
        check.wrong(&key, message);
    }
    if findings.len() > before {
        return None;
    }
    Some(TargetConfig {
        name: TargetName::from(raw.name),
        tenant: raw.tenant,
        cloud: cloud?,
        credential: credential?,
        mode: raw.mode,
        anchor: anchor?,
        mapping,
        settings: settings?,
        scope,
        authority: raw.authority,
        protected,
        user_removal: raw.removal.users,
        group_removal: raw.removal.groups,
        first_password: first_password?,
        plan_public_key,
        limits,
        user_keys: raw.matching.users,
        group_keys: raw.matching.groups,
        schedule: schedule?,
        settling: raw.settling_seconds.map_or(SETTLING, Duration::from_secs),
        graph,
    })
}

pub(super) struct Check<'a> {
    key: &'a Key,
    pub(super) folder: &'a Path,
    findings: &'a mut Vec<Finding>,
}

impl Check<'_> {
    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.findings.push(self.key.below(key).finding(message));
    }

    /// Notes what is wrong and goes on without the value.
    fn noted<T>(&mut self, key: &str, result: Result<T, impl std::fmt::Display>) -> Option<T> {
        result.map_err(|error| self.wrong(key, error.to_string())).ok()
    }

    fn name(&mut self, name: &str) {
        let fits = !name.is_empty()
            && name.len() <= 64
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !fits {
            self.wrong("name", "a target's name is 1 to 64 letters, digits, `-`, `_` or `.`");
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        if text.trim().is_empty() {
            self.wrong(key, "a value is missing");
        }
    }

    fn cloud(&mut self, word: Option<&str>, endpoints: Option<raw::Endpoints>) -> Option<CloudConfig> {
        let cloud = match word.unwrap_or("global") {
            "global" => CloudConfig::Global,
            "us-government" => CloudConfig::UsGovernment,
            "us-government-dod" => CloudConfig::UsGovernmentDod,
            "china" => CloudConfig::China,
            "custom" => return self.custom_cloud(endpoints),
            other => {
                self.wrong(
                    "cloud",
                    format!("`{other}` is no cloud: choose global, us-government, us-government-dod, china or custom"),
                );
                return None;
            }
        };
        if endpoints.is_some() {
            self.wrong("endpoints", format!("endpoints go with cloud = \"custom\", not with \"{}\"", cloud.as_str()));
        }
        Some(cloud)
    }

    fn custom_cloud(&mut self, endpoints: Option<raw::Endpoints>) -> Option<CloudConfig> {
        let Some(raw::Endpoints { authority, graph, ca_file }) = endpoints else {
            self.wrong("cloud", "cloud = \"custom\" needs a table [target.endpoints] with authority and graph");
            return None;
        };
        for (key, url) in [("endpoints.authority", &authority), ("endpoints.graph", &graph)] {
            if !url.starts_with("https://") {
                self.wrong(key, format!("`{url}` is no https:// URL; credentials are never sent without TLS"));
            }
        }
        let ca_file = ca_file.map(|file| self.file("endpoints.ca_file", &file));
        Some(CloudConfig::Custom { authority, graph, ca_file })
    }

    /// A path made absolute by the folder of the configuration; it must be there now.
    pub(super) fn file(&mut self, key: &str, path: &Path) -> PathBuf {
        let path = self.folder.join(path);
        if !path.is_file() {
            self.wrong(key, format!("there is no file {}", path.display()));
        }
        path
    }

    fn anchor(&mut self, word: Option<&str>) -> Option<UserAnchor> {
        match word {
            None => Some(UserAnchor::default()),
            Some(word) => self.noted("anchor.users", word.parse()),
        }
    }

    fn mapping(&mut self, raw: raw::Mapping) -> MappingFiles {
        let mut files = |key: &str, paths: Option<Vec<PathBuf>>| -> Vec<PathBuf> {
            if paths.as_ref().is_some_and(Vec::is_empty) {
                self.wrong(key, "an empty list maps nothing; leave the key out for the built-in mapping");
            }
            paths.unwrap_or_default().iter().map(|path| self.file(key, path)).collect()
        };
        let (users, groups) = (files("mapping.users", raw.users), files("mapping.groups", raw.groups));
        MappingFiles { users, groups, publish: raw.publish }
    }

    fn settings(&mut self, table: toml::Table) -> Option<serde_json::Value> {
        self.noted("settings", serde_json::to_value(table))
    }

    fn scope(&mut self, raw: raw::Scope) -> ScopeConfig {
        for (key, text) in
            [("scope.group", &raw.group), ("scope.users_where", &raw.users_where), ("scope.groups_where", &raw.groups_where)]
        {
            if let Some(text) = text {
                self.text(key, text);
            }
        }
        ScopeConfig {
            group: raw.group,
            users_where: raw.users_where,
            groups_where: raw.groups_where,
            service_accounts: raw.service_accounts.unwrap_or(Choice::Exclude),
            groups: raw.groups.unwrap_or(Choice::Include),
        }
    }

    fn protected(&mut self, objects: &[String]) -> BTreeSet<String> {
        objects.iter().for_each(|object| self.text("protection.objects", object));
        objects.iter().map(|object| fold(object.trim())).collect()
    }

    fn removal(&mut self, removal: &raw::RemovalTable) {
        let groups = removal.groups;
        if groups.disable.is_taken() || groups.revoke_sessions.is_taken() {
            self.wrong("removal.groups", "a group has no sign-in to block: choose leave or delete, or { delete_after_days = N }");
        }
        if groups.remove_from_groups.is_taken() {
            self.wrong(
                "removal.groups",
                "only users are removed from groups: choose leave or delete, or { delete_after_days = N }",
            );
        }
        for (key, removal) in [("removal.users", removal.users), ("removal.groups", groups)] {
            if removal.delete_after_days.is_some_and(|days| days > MOST_DAYS) {
                self.wrong(key, format!("delete_after_days is out of range: write 0 to {MOST_DAYS}"));
            }
        }
    }

    fn match_keys(&mut self, key: &str, keys: Option<&[MatchKey]>) {
        for match_key in keys.unwrap_or_default() {
            if match_key.attribute.is_empty() || match_key.source.as_deref() == Some("") {
                self.wrong(key, "a matching key needs the name of an attribute, as in { attribute = \"mail\" }");
            }
        }
    }

    fn schedule(&mut self, raw: raw::Schedule) -> Option<Schedule> {
        let expression = raw.cron.unwrap_or_else(|| DEFAULT_CRON.to_owned());
        let cron = self.noted("schedule.cron", Schedule::parse_cron(&expression));
        let full = raw.full_cron.and_then(|expression| {
            let cron = self.noted("schedule.full_cron", Schedule::parse_cron(&expression))?;
            Some(FullRead { expression, cron })
        });
        let time_zone = self.noted("schedule.time_zone", Schedule::parse_zone(raw.time_zone.as_deref().unwrap_or("UTC")));
        let jitter = self.noted("schedule.jitter", parse_duration(raw.jitter.as_deref().unwrap_or("0s")));
        Some(Schedule { expression, cron: cron?, full, time_zone: time_zone?, jitter: jitter? })
    }

    fn graph(&mut self, raw: &raw::Graph) -> GraphOptions {
        let default = GraphOptions::default();
        let mut within = |key: &str, value: Option<usize>, default: usize, most: usize| {
            let value = value.unwrap_or(default);
            if !(1..=most).contains(&value) {
                self.wrong(key, format!("{value} is out of range: write 1 to {most}"));
            }
            value
        };
        GraphOptions {
            concurrency: within("graph.concurrency", raw.concurrency, default.concurrency, 64),
            binds_per_batch: within("graph.binds_per_batch", raw.binds_per_batch, default.binds_per_batch, 20),
            writes_per_150_seconds: within(
                "graph.writes_per_150_seconds",
                raw.writes_per_150_seconds,
                default.writes_per_150_seconds,
                MOST,
            ),
            units_per_10_seconds: within(
                "graph.units_per_10_seconds",
                raw.units_per_10_seconds,
                default.units_per_10_seconds,
                MOST,
            ),
        }
    }
}

/// Ten years: longer is never.
const MOST_DAYS: u32 = 3650;

/// A quota without an end, for tenants that have none: emulators.
const MOST: usize = 1_000_000_000;
